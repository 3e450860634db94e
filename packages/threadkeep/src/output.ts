import type { SingleBar } from "cli-progress";
import { Exit, Stopped, withoutCredentials } from "./failure.js";
import { escaped, jsonLine } from "./json.js";
import { type Paint, paintFor } from "./render/paint.js";
import { harmless } from "./render/text.js";
import type { Screen, Terminal } from "./terminal.js";

/** Tells how far a long work is. */
export interface Progress {
  /** Whether somebody sees it. */
  readonly isShown: boolean;
  /** @param total the whole, where it is known */
  update(done: number, total?: number): void;
  stop(): void;
}

/** What the program writes: results to the standard output, everything else beside it. */
export class Output {
  readonly paint: Paint;
  readonly #terminal: Terminal;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.paint = paintFor(terminal.stdout, terminal.env, new Date());
  }

  /**
   * Writes a result, and waits until it is taken.
   * @throws Stopped where nobody reads any more
   */
  async result(text: string): Promise<void> {
    await write(this.#terminal.stdout, text);
  }

  /** Writes a result as one line of JSON. */
  json(value: unknown): Promise<void> {
    return this.result(`${jsonLine(value)}\n`);
  }

  /** Says that a part of the work is done, which goes on where nobody reads any more. */
  async done(text: string): Promise<void> {
    try {
      await this.result(text);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  /** Writes lines of JSON as they are; on a terminal, with control characters escaped. */
  lines(text: string): Promise<void> {
    return this.result(this.#terminal.stdout.isTTY === true ? escaped(text) : text);
  }

  /** Says what went wrong. */
  complain(text: string): void {
    const words = harmless(withoutCredentials(text)).trimEnd();
    // Where nobody listens, the exit code tells.
    if (words !== "") write(this.#terminal.stderr, `${words}\n`).catch(() => {});
  }

  /**
   * A bar, where somebody watches.
   * @param isListing whether results are written meanwhile, which on one screen would go through it
   */
  async progress(what: string, isListing = false): Promise<Progress> {
    const { stdout, stderr } = this.#terminal;
    const isFree = stderr.isTTY === true && !(isListing && stdout.isTTY === true);
    return isFree ? await barOn(stderr, what) : UNSEEN;
  }
}

const UNSEEN: Progress = { isShown: false, update() {}, stop() {} };

function write(stream: Screen, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error === null || error === undefined) return resolve();
      const isPipeClosed = (error as NodeJS.ErrnoException).code === "EPIPE";
      reject(isPipeClosed ? new Stopped(Exit.ok) : error);
    });
  });
}

async function barOn(stream: Screen, what: string): Promise<Progress> {
  const { default: progress } = await import("cli-progress");
  const bar: SingleBar = new progress.SingleBar({
    stream,
    format: ({ barsize = 30, barCompleteString = "", barIncompleteString = "" }, state) => {
      const { value, total } = state;
      if (total <= 0) return `${what} ${value}`;
      const full = Math.round(Math.min(1, value / total) * barsize);
      const drawn = barCompleteString.slice(0, full) + barIncompleteString.slice(full);
      return `${what} ${drawn} ${Math.floor((100 * Math.min(value, total)) / total)}%`;
    },
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 30,
    clearOnComplete: true,
    hideCursor: true,
    // Whoever stops the program stops the bar.
    gracefulExit: false,
  });
  bar.start(0, 0);
  return {
    isShown: true,
    update(done, total) {
      if (total !== undefined) bar.setTotal(total);
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
