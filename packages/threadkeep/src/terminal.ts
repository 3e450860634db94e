import type { Readable, Writable } from "node:stream";

/** A stream that may be a terminal. */
export type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** Where the program reads and writes. */
export interface Terminal {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Screen;
  readonly stderr: Screen;
  /** The environment, e.g. `THREADKEEP_URL` and `NO_COLOR`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the program early: its connections are closed, and it exits with 130. */
  readonly signal?: AbortSignal;
}
