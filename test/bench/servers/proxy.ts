import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Order } from "./proxy-process.js";

const PROGRAM = fileURLToPath(new URL("./proxy-process.ts", import.meta.url));

/** Stands between clients and a server, in a process of its own. */
export class WireTap {
  /** The server's, but through the proxy. */
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  static async start(url: string): Promise<WireTap> {
    const { hostname, port } = new URL(url);
    const child = fork(PROGRAM, [hostname, port], { execArgv: ["--import", "tsx"] });
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`the proxy ended with code ${code}`);
    });
    const [own] = await Promise.race([once(child, "message"), failed]);
    // Later ends are `stop`'s.
    failed.catch(() => {});
    const through = new URL(url);
    through.host = `127.0.0.1:${own}`;
    return new WireTap(child, through.href);
  }

  /** How long each direction takes from now on. */
  async delay(ms: number): Promise<void> {
    await this.#ask({ delay: ms });
  }

  /** How often a client has sent something and then waited, since this was asked last. */
  takeFlights(): Promise<number> {
    return this.#ask("take");
  }

  async stop(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.disconnect();
    await ended;
  }

  async #ask(order: Order): Promise<number> {
    const answer = once(this.#process, "message");
    this.#process.send(order);
    const [number] = await answer;
    return number;
  }
}
