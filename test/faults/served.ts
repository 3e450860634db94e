import type { Storage } from "@threadkeep/core";
import type { Dialect, Driver, SetupMode } from "@threadkeep/core/backend";
import type { ServerOptions, TestServer } from "../servers/server.js";
import type { Backend, Durable, Place } from "../src/harness.js";
import type { Protocol } from "./protocol.js";

/** What may be said of every pool, in one spelling. */
export interface Limits {
  readonly max?: number;
  /** For connecting, and for an answer. */
  readonly timeoutMs?: number;
  readonly setup?: SetupMode;
}

/** What a module of child processes exports. */
export interface Opened {
  default(url: string): Storage;
  open(url: string, limits?: Limits): Storage;
  /** What a storage is made of. */
  halves(url: string): { driver: Driver; dialect: Dialect };
}

/** A connection that is no part of the test. */
export interface Admin {
  rows(text: string): Promise<Record<string, unknown>[]>;
  /** Breaks all connections but this one. @returns how many */
  terminateOthers(): Promise<number>;
  close(): Promise<void>;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

/** What the fault suites know of a database that a server keeps. */
export interface Served {
  readonly name: string;
  readonly scheme: string;
  readonly protocol: Protocol;
  /** For child processes, and for this one. */
  readonly module: string;
  createServer(options?: ServerOptions): Promise<TestServer>;
  at(url: string): Backend;
  open: Opened["open"];
  halves: Opened["halves"];
  admin(url: string): Promise<Admin>;
  /** Holds one session's row until it is let go. */
  holdRow(place: Durable, sessionId: string): Promise<() => Promise<void>>;
  /** A server option under which a statement that waits for a row is soon cancelled. */
  readonly impatient: readonly string[];
  /** A login without rights, and how it gets those on tables that are there. */
  createLogin(place: Durable, login: Login): Promise<{ grant(): Promise<void> }>;
  dropLogin(place: Durable, login: Login): Promise<void>;
  /** The most statements and round trips that a warm call may take. */
  readonly most: { put: number; trips: number; turn: number };
}

/** A database of a served backend, with a URL for other processes. */
export interface Ground {
  readonly served: Served;
  readonly server: TestServer;
  readonly place: Place;
  readonly durable: Durable;
}

/** Runs a check on a new database of a server. */
export async function onGround(
  served: Served,
  server: TestServer,
  check: (ground: Ground) => Promise<void>,
): Promise<void> {
  const place = await served.at(server.url).create();
  try {
    if (place.durable === undefined) throw new TypeError("a served database lasts");
    await check({ served, server, place, durable: place.durable });
  } finally {
    await place.remove();
  }
}

/** The same URL on another port. */
export function onPort(url: string, port: number): string {
  return url.replace(/(@[^/:]+:)\d+/, `$1${port}`);
}

/** The same URL for somebody else. */
export function withLogin(url: string, { user, password }: Login): string {
  return url.replace(/\/\/[^@]*@/, `//${user}:${encodeURIComponent(password)}@`);
}
