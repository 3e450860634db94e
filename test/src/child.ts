import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { childArgs } from "./bundled.js";
import type { Durable } from "./harness.js";

type Line = Record<string, unknown>;

/** A process that writes checkpoints, see `child/writer.ts`. */
export class Writer {
  readonly lines: Line[] = [];
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  readonly #ready: Promise<unknown>;
  #onLine: () => void = () => {};
  #errors = "";

  constructor({ module, url }: Durable) {
    this.#process = spawn(process.execPath, childArgs("writer.ts", module, url));
    this.#closed = once(this.#process, "close");
    this.#process.stderr.on("data", (chunk) => {
      this.#errors += String(chunk);
    });
    createInterface({ input: this.#process.stdout }).on("line", (text) => {
      // The last line of a killed process may be half a line.
      if (text.endsWith("}")) this.lines.push(JSON.parse(text) as Line);
      this.#onLine();
    });
    this.#ready = this.until((line) => "ready" in line);
    // Whoever starts it hears of a failure then.
    this.#ready.catch(() => {});
  }

  /** Lets it write, once it is ready. */
  async start(order: { thread: string; name: string; count: number }): Promise<void> {
    await this.#ready;
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** Waits for so many lines of a kind. */
  async until(matches: (line: Line) => boolean, count = 1): Promise<void> {
    for (;;) {
      if (this.lines.filter(matches).length >= count) return;
      const isOver = this.#process.exitCode !== null || this.#process.signalCode !== null;
      if (isOver) throw new Error(`the writer ended: ${this.#errors}`);
      await Promise.race([
        this.#closed,
        new Promise<void>((resolve) => {
          this.#onLine = resolve;
        }),
      ]);
    }
  }

  /** @returns the signal that it died of */
  async kill(): Promise<NodeJS.Signals | null> {
    this.#process.kill("SIGKILL");
    await this.#closed;
    return this.#process.signalCode;
  }

  /** Waits for its own end. */
  async end(): Promise<{ code: number | null; errors: string }> {
    await this.#closed;
    return { code: this.#process.exitCode, errors: this.#errors };
  }
}
