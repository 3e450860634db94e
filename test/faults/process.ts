import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { childArgs } from "../src/bundled.js";

export type Line = Record<string, unknown>;

/** A process that talks in lines of JSON, see `child/`. It has no error handlers of its own. */
export class Child {
  readonly lines: Line[] = [];
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  readonly #events = new EventEmitter().setMaxListeners(0);
  #isOver = false;
  #errors = "";

  /** See `childArgs`. */
  constructor(program: string, module: string, ...others: string[]) {
    this.#process = spawn(process.execPath, childArgs(program, module, ...others));
    this.#closed = once(this.#process, "close").then(() => {
      this.#isOver = true;
      this.#events.emit("over");
    });
    this.#process.stderr.on("data", (chunk) => {
      this.#errors += String(chunk);
    });
    // Whoever waits for its answer hears that it is gone.
    this.#process.stdin.on("error", () => {});
    createInterface({ input: this.#process.stdout }).on("line", (text) => {
      // The last line of a killed process may be half a line.
      if (!text.endsWith("}")) return;
      const line = JSON.parse(text) as Line;
      this.lines.push(line);
      this.#events.emit("line", line);
    });
  }

  get isAlive(): boolean {
    return !this.#isOver && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  send(order: object): void {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** The next line of a kind that comes. */
  next(matches: (line: Line) => boolean): Promise<Line> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#events.off("line", onLine);
        this.#events.off("over", onOver);
      };
      const onLine = (line: Line) => {
        if (!matches(line)) return;
        stop();
        resolve(line);
      };
      const onOver = () => {
        stop();
        reject(new Error(`the process ended: ${this.#errors}`));
      };
      this.#events.on("line", onLine);
      this.#events.on("over", onOver);
      if (this.#isOver) onOver();
    });
  }

  /** A line that has come, or else the next one. */
  async seen(matches: (line: Line) => boolean): Promise<Line> {
    return this.lines.find(matches) ?? this.next(matches);
  }

  /** Waits for its own end. */
  async end(): Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }> {
    await this.#closed;
    const { exitCode, signalCode } = this.#process;
    return { code: exitCode, signal: signalCode, errors: this.#errors };
  }

  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#closed;
  }
}
