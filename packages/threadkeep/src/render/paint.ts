import pico from "picocolors";
import type { Screen, Terminal } from "../terminal.js";

export type Colours = ReturnType<typeof pico.createColors>;

/** How things are shown. */
export interface Paint {
  readonly colours: Colours;
  /** Columns; `Infinity` where it is no terminal, so that nothing is cut. */
  readonly width: number;
  readonly now: Date;
}

const NARROWEST = 40;

/** How things are shown on a stream: with colours and in columns only if it is a terminal. */
export function paintFor(screen: Screen, env: Terminal["env"], now: Date): Paint {
  const isTerminal = screen.isTTY === true;
  const isPlain = Boolean(env.NO_COLOR) || env.TERM === "dumb";
  const width = isTerminal && screen.columns ? Math.max(NARROWEST, screen.columns) : Infinity;
  return { colours: pico.createColors(isTerminal && !isPlain), width, now };
}
