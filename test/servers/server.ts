import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Command, type Running, Supervised } from "./supervised.js";

const START_MS = 60_000;
const RELEASE_MS = 10_000;
const POLL_MS = 10;
const PORTS_TRIED = 5;

const CLEAN = "exit code 0";

/** What a server writes when somebody else holds its port, or its data. */
const IN_USE = /already in use|still in use|already exists/i;

/** A real server, on a port and in a folder of its own. It does not outlive this process. */
export interface TestServer {
  /** Product and version, as the server itself says. */
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Holds its data and its log. */
  readonly folder: string;
  /** Of the server, while it runs. */
  readonly pid: number | undefined;
  /** Starts it again after `stop` or `kill`: the same port, the same data. */
  start(): Promise<void>;
  /** A clean end. */
  stop(): Promise<void>;
  /** SIGKILL. The process is gone afterwards. */
  kill(): Promise<void>;
  /** Stops it and deletes its data. */
  remove(): Promise<void>;
}

export interface ServerOptions {
  /** More arguments on the server's command line; the last one of a kind wins. */
  readonly flags?: readonly string[];
  /** Else a free one. */
  readonly port?: number;
}

/** Who answers on a port. */
export interface Answer {
  readonly name: string;
  /** The same for no two servers. */
  readonly identity: string;
}

/** How to run one kind of server in a folder. */
export interface Recipe {
  readonly identity: string;
  command(port: number): Command | Promise<Command>;
  url(port: number): string;
  /** Rejects as long as nobody answers. */
  ask(url: string): Promise<Answer>;
  /** Is this the error of somebody who does not know our password? */
  isStranger(error: unknown): boolean;
}

export interface Product {
  readonly name: string;
  /** What to do where it cannot be started. */
  readonly advice: string;
  prepare(folder: string, options: ServerOptions): Promise<Recipe>;
}

const STRANGER: Answer = { name: "another server", identity: "" };

/** Somebody else holds what the server needs. */
class InUseError extends Error {}
class StrangerError extends InUseError {}

class SupervisedServer implements TestServer {
  name = "";
  readonly #supervised: Supervised;
  readonly #recipe: Recipe;
  readonly port: number;
  #running: Running | undefined;
  #hasCrashed = false;

  constructor(supervised: Supervised, recipe: Recipe, port: number) {
    this.#supervised = supervised;
    this.#recipe = recipe;
    this.port = port;
  }

  get folder(): string {
    return this.#supervised.folder;
  }

  get url(): string {
    return this.#recipe.url(this.port);
  }

  get pid(): number | undefined {
    return this.#running?.pid;
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) throw new Error("the server runs already");
    const deadline = Date.now() + RELEASE_MS;
    for (;;) {
      try {
        return await this.#startOnce();
      } catch (error) {
        // Children of a killed server hold its memory and its port until they notice.
        const isHeld = error instanceof InUseError && !(error instanceof StrangerError);
        if (!this.#hasCrashed || !isHeld || Date.now() > deadline) throw error;
        await sleep(POLL_MS);
      }
    }
  }

  async #startOnce(): Promise<void> {
    const running = await this.#supervised.start(await this.#recipe.command(this.port));
    const { answer, ended } = await this.#firstAnswer(running);
    if (answer?.identity === this.#recipe.identity) {
      this.name = answer.name;
      this.#running = running;
      void running.ended.then((how) => this.#note(how));
      return;
    }
    if (ended === undefined) await this.#supervised.end(running, "kill");
    if (answer !== undefined) {
      throw new StrangerError(`port ${this.port} is already in use by ${answer.name}`);
    }
    const log = await this.#supervised.log();
    const how = ended ?? `no answer in ${START_MS / 1000} s`;
    const message = `${how}, its log ends ${log.trim().slice(-400)}`;
    throw IN_USE.test(log) ? new InUseError(message) : new Error(message);
  }

  #note(how: string): void {
    this.#running = undefined;
    this.#hasCrashed = how !== CLEAN;
  }

  async #firstAnswer({ ended }: Running): Promise<{ answer?: Answer; ended?: string }> {
    const deadline = Date.now() + START_MS;
    const exit = ended.then((how) => ({ ended: how }));
    while (Date.now() < deadline) {
      const asked = this.#recipe.ask(this.url).then(
        (answer) => ({ answer }),
        (error) =>
          this.#recipe.isStranger(error) ? { answer: STRANGER } : sleep(POLL_MS).then(() => ({})),
      );
      const first: { answer?: Answer; ended?: string } = await Promise.race([asked, exit]);
      if (first.answer !== undefined || first.ended !== undefined) return first;
    }
    return {};
  }

  async stop(): Promise<void> {
    const ended = this.#running && (await this.#supervised.end(this.#running, "stop"));
    if (ended === undefined || ended === CLEAN) return;
    throw new Error(`${this.name} did not stop cleanly: ${ended}`);
  }

  async kill(): Promise<void> {
    if (this.#running !== undefined) await this.#supervised.end(this.#running, "kill");
  }

  remove(): Promise<void> {
    return this.#supervised.remove();
  }
}

/** Makes a server and starts it. */
export async function createServerOf(
  product: Product,
  options: ServerOptions = {},
): Promise<TestServer> {
  const supervised = await Supervised.create(product.name.toLowerCase());
  try {
    const recipe = await product.prepare(supervised.folder, options);
    return await startOnSomePort(supervised, recipe, options.port);
  } catch (error) {
    await supervised.remove();
    throw new Error(`${product.name} cannot be started: ${oneLine(error)}; ${product.advice}`);
  }
}

async function startOnSomePort(
  supervised: Supervised,
  recipe: Recipe,
  port: number | undefined,
): Promise<TestServer> {
  for (let tries = 1; ; tries++) {
    const server = new SupervisedServer(supervised, recipe, port ?? (await freePort()));
    try {
      await server.start();
      return server;
    } catch (error) {
      const isLast = port !== undefined || tries === PORTS_TRIED;
      if (isLast || !(error instanceof InUseError)) throw error;
    }
  }
}

/** A port that nobody holds now; it may be taken before it is used. */
async function freePort(): Promise<number> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, "close");
  return port;
}

export function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, " ").trim();
}
