import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { type Protocol, type Reader, Transaction } from "./protocol.js";

/** What becomes of a commit: it never gets to the server, or its reply never comes back. */
export type Loss = "request" | "reply";

export interface Manner {
  /** Every piece waits so long. */
  readonly delayMs?: number;
  /** `bytes`: one byte at a time; `lumps`: all that comes within a few milliseconds at once. */
  readonly cut?: "bytes" | "lumps";
}

/** Stands between a client and a server, and breaks what the test tells it to break. */
export class FaultProxy {
  /** Asked for every statement that commits. */
  lose: (text: string) => Loss | undefined = () => undefined;
  manner: Manner = {};
  /** Connections that are made from now on get no answer. */
  isDeaf = false;
  readonly lost = { request: 0, reply: 0 };
  /** What new connections get to read in one piece with the server's first whole answer. */
  farewell: Buffer | undefined;
  farewells = 0;
  /** Connections so far, and how often clients spoke after their server. */
  links = 0;
  flights = 0;
  pieces = 0;
  commits = 0;
  /** Bytes that went nowhere. */
  swallowed = 0;
  /** Texts of statements, and how often each ran. */
  readonly texts = new Map<string, number>();
  readonly #server: Server;
  readonly #open = new Set<Link>();

  private constructor(target: number, protocol: Protocol) {
    this.#server = createServer((client) => {
      this.links += 1;
      const link = new Link(this, client, connect(target, "127.0.0.1"), protocol.reader());
      link.isDeaf = this.isDeaf;
      this.#open.add(link);
      client.once("close", () => this.#open.delete(link));
    });
  }

  static async to(target: number, protocol: Protocol): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, protocol);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many statements ran. */
  get ran(): number {
    return [...this.texts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Connections that stand get no answer any more, as if the other host were gone. */
  blackHole(): number {
    for (const link of this.#open) link.isDeaf = true;
    return this.#open.size;
  }

  breakAll(): void {
    for (const link of this.#open) link.destroy();
  }

  async close(): Promise<void> {
    this.breakAll();
    this.#server.close();
    await once(this.#server, "close");
  }
}

class Link {
  isDeaf = false;
  readonly #proxy: FaultProxy;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #reader: Reader;
  readonly #transaction = new Transaction();
  #lastSpoke: "client" | "server" = "server";
  #isLosing = false;
  #isWelcome = false;

  constructor(proxy: FaultProxy, client: Socket, server: Socket, reader: Reader) {
    this.#proxy = proxy;
    this.#client = client;
    this.#server = server;
    this.#reader = reader;
    const toServer = new Pipe(proxy, server);
    const toClient = new Pipe(proxy, client);
    client.on("data", (chunk) => this.#fromClient(chunk, toServer));
    server.on("data", (chunk) => this.#fromServer(chunk, toClient));
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.setNoDelay(true);
      from.on("error", () => {});
      from.on("close", () => {
        if (!this.isDeaf) to.destroy();
      });
    }
  }

  #fromClient(chunk: Buffer, to: Pipe): void {
    const proxy = this.#proxy;
    if (this.isDeaf) {
      proxy.swallowed += chunk.length;
      return;
    }
    if (this.#lastSpoke === "server") proxy.flights += 1;
    this.#lastSpoke = "client";
    for (const { text, runs } of this.#reader.fromClient(chunk)) {
      proxy.texts.set(text, (proxy.texts.get(text) ?? 0) + (runs ? 1 : 0));
      if (!runs || !this.#transaction.runs(text)) continue;
      proxy.commits += 1;
      const loss = proxy.lose(text);
      if (loss === undefined) continue;
      if (loss === "request") return this.#breakOff(loss);
      this.#isLosing = true;
    }
    to.write(chunk);
  }

  #fromServer(chunk: Buffer, to: Pipe): void {
    if (this.isDeaf) {
      this.#proxy.swallowed += chunk.length;
      return;
    }
    this.#lastSpoke = "server";
    const isWhole = this.#reader.fromServer(chunk);
    if (isWhole && !this.#isWelcome && this.#proxy.farewell !== undefined) {
      this.#proxy.farewells += 1;
      to.write(Buffer.concat([chunk, this.#proxy.farewell]));
    } else if (!this.#isLosing) to.write(chunk);
    else if (isWhole) this.#breakOff("reply");
    this.#isWelcome ||= isWhole;
  }

  #breakOff(loss: Loss): void {
    const { lost } = this.#proxy;
    lost[loss] += 1;
    // A client meets both ends of a connection: the orderly one and the reset.
    if ((lost.request + lost.reply) % 2 === 0) this.#client.resetAndDestroy();
    this.destroy();
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }
}

/** One direction of a link, in the proxy's manner. */
class Pipe {
  readonly #proxy: FaultProxy;
  readonly #to: Socket;
  #waiting: Buffer[] = [];
  #isBusy = false;

  constructor(proxy: FaultProxy, to: Socket) {
    this.#proxy = proxy;
    this.#to = to;
  }

  write(chunk: Buffer): void {
    const { delayMs = 0, cut } = this.#proxy.manner;
    if (delayMs > 0) setTimeout(() => this.#send(chunk), delayMs);
    else if (cut === undefined && !this.#isBusy) this.#send(chunk);
    else {
      this.#waiting.push(chunk);
      if (this.#isBusy) return;
      this.#isBusy = true;
      if (cut === "bytes") setImmediate(() => this.#byByte());
      else setTimeout(() => this.#inOneLump(), 3);
    }
  }

  #byByte(): void {
    const all = Buffer.concat(this.#waiting);
    this.#send(all.subarray(0, 1));
    this.#waiting = all.length > 1 ? [all.subarray(1)] : [];
    this.#isBusy = all.length > 1;
    if (this.#isBusy) setImmediate(() => this.#byByte());
  }

  #inOneLump(): void {
    this.#isBusy = false;
    const all = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#send(all);
  }

  #send(chunk: Buffer): void {
    if (this.#to.destroyed) return;
    this.#proxy.pieces += 1;
    this.#to.write(chunk);
  }
}
