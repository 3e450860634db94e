import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import {
  ChatMessageHistory,
  type HistoryOptions,
  type SaverOptions,
  type Storage,
  StorageSaver,
} from "@threadkeep/core";
import { describe, it } from "vitest";

/** What a suite knows of a backend. */
export interface Backend {
  /** For the output only; no suite decides by it. */
  readonly name: string;
  /** A new, empty database. */
  create(): Promise<Place>;
  /** The saver to test, where it is not a plain `StorageSaver`. */
  saver?(storage: Storage, serde?: SerializerProtocol, options?: SaverOptions): StorageSaver;
}

/** One database, and how to get at it. */
export interface Place {
  /** Another connection to it, as another process would have; memory has only one. */
  connect(options?: { place?: string }): Promise<Storage>;
  /** Removes the database. Connections are closed by then. */
  remove(): Promise<void>;
  /** Of a database that outlives the process. */
  readonly durable?: Durable;
}

export interface Durable {
  /** A module that default-exports `connect(url)`, for child processes, and the url. */
  readonly module: string;
  readonly url: string;
  /** Runs SQL as somebody else would, and returns the rows. */
  sql(text: string): Promise<Record<string, unknown>[]>;
  /** Name of the option that gives the tables another place, and two values of it. */
  readonly placeOption: string;
  readonly places: readonly [string, string];
  /** A table's name in SQL, in one of the places or in the default one. */
  table(name: string, place?: string): string;
}

/** A database under test. */
export class Database {
  readonly storage: Storage;
  readonly durable: Durable | undefined;
  readonly #backend: Backend;
  readonly #place: Place;
  readonly #open = new Set<Storage>();

  private constructor(backend: Backend, place: Place, storage: Storage) {
    this.#backend = backend;
    this.#place = place;
    this.durable = place.durable;
    this.storage = storage;
    this.#open.add(storage);
  }

  static async create(backend: Backend): Promise<Database> {
    const place = await backend.create();
    return new Database(backend, place, await place.connect());
  }

  /** A saver that remembers nothing, as in a process that has just started. */
  saver(options?: SaverOptions, serde?: SerializerProtocol): StorageSaver {
    return this.#backend.saver === undefined
      ? new StorageSaver(this.storage, serde, options)
      : this.#backend.saver(this.storage, serde, options);
  }

  history(sessionId: string, options?: HistoryOptions, storage = this.storage): ChatMessageHistory {
    return new ChatMessageHistory(storage, sessionId, options);
  }

  /** Another connection to the same records. */
  async connect(options?: { place?: string }): Promise<Storage> {
    const storage = await this.#place.connect(options);
    this.#open.add(storage);
    return storage;
  }

  async destroy(): Promise<void> {
    for (const storage of this.#open) await storage.close();
    await this.#place.remove();
  }
}

/** A promise, checked. It throws where the promise is broken. */
export type Check = (db: Database) => Promise<void>;
export type Checks = Readonly<Record<string, Check>>;

/** Runs a check on a new database. */
export async function run(backend: Backend, check: Check): Promise<void> {
  const db = await Database.create(backend);
  try {
    await check(db);
  } finally {
    await db.destroy();
  }
}

/** No check is timed: a slow machine starts 50 processes slowly. */
const TIMEOUT_MS = 600_000;

/** Registers suites as tests of a backend. */
export function contract(backend: Backend, suites: Readonly<Record<string, Checks>>): void {
  describe(backend.name, () => {
    for (const [name, checks] of Object.entries(suites)) {
      describe(name, () => {
        for (const [title, check] of Object.entries(checks)) {
          it(title, { timeout: TIMEOUT_MS }, () => run(backend, check));
        }
      });
    }
  });
}
