import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const SUPERVISOR = fileURLToPath(new URL("./supervise.mjs", import.meta.url));

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** The user it runs as, where that is not ours. */
  readonly owner?: { uid: number; gid: number };
  /** Asks it for a clean end. */
  readonly stopSignal: NodeJS.Signals;
}

export interface Running {
  readonly pid: number;
  /** How it ended: `exit code 0`, `SIGKILL`. */
  readonly ended: Promise<string>;
}

/** A folder and the server that runs in it; neither outlives this process. */
export class Supervised {
  folder = "";
  readonly #supervisor: ChildProcess;
  readonly #events = new EventEmitter();
  readonly #over: Promise<unknown[]>;

  private constructor(name: string) {
    this.#supervisor = spawn(process.execPath, [SUPERVISOR, name], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      // Ctrl-C in a terminal goes to the whole process group.
      detached: true,
    });
    this.#over = once(this.#supervisor, "exit");
    this.#supervisor.on("message", (message: object) => {
      for (const [event, value] of Object.entries(message)) this.#events.emit(event, value);
    });
    this.#supervisor.once("exit", () => this.#events.emit("ended", "its supervisor ended"));
  }

  static async create(name: string): Promise<Supervised> {
    const supervised = new Supervised(name);
    const ready = once(supervised.#events, "ready");
    const over = supervised.#over.then(() => {
      throw new Error("its supervisor did not start");
    });
    [supervised.folder] = await Promise.race([ready, over]);
    // Later ends are `remove`'s.
    over.catch(() => {});
    return supervised;
  }

  async start({ owner, ...command }: Command): Promise<Running> {
    const ended = once(this.#events, "ended").then(([how]) => String(how));
    const started = once(this.#events, "started");
    this.#supervisor.send({ order: "start", env: process.env, ...command, ...owner });
    const first = await Promise.race([started, ended]);
    const [pid] = typeof first === "string" ? [null] : first;
    if (pid === null) throw new Error(`${command.command}: ${await ended}`);
    return { pid, ended };
  }

  /** @returns how it ended */
  end({ ended }: Running, order: "stop" | "kill"): Promise<string> {
    this.#supervisor.send({ order });
    return ended;
  }

  /** What the server wrote since its last start. */
  async log(): Promise<string> {
    return readFile(join(this.folder, "log"), "utf8");
  }

  /** Stops the server and deletes the folder. */
  async remove(): Promise<void> {
    if (this.#supervisor.connected) this.#supervisor.disconnect();
    const [code] = await this.#over;
    if (code !== 0) throw new Error(`${this.folder} could not be removed`);
  }
}
