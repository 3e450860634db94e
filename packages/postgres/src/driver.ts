import { createHash } from "node:crypto";
import type { Connection, Driver, Param, Row, Statement, Step } from "@threadkeep/core/backend";
import { Gate, runBatch, runSteps, transaction } from "@threadkeep/core/backend";
import { toConnectError, toStorageError } from "./errors.js";

/** What is used of a pool: `pg`'s, or one of its shape (Neon's, say). */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  end?(): Promise<unknown>;
  on?(event: "error", listener: (error: Error) => void): unknown;
  on?(event: "connect", listener: (client: PostgresClient) => void): unknown;
}

export interface PostgresClient {
  query(query: PostgresQuery): Promise<{ rows: unknown[]; rowCount?: number | null }>;
  release(error?: Error | boolean): unknown;
  on?(event: "error", listener: (error: Error) => void): unknown;
  off?(event: "error", listener: (error: Error) => void): unknown;
}

export interface PostgresQuery {
  text: string;
  values: Param[];
  name?: string;
  rowMode: "array";
}

export interface PostgresSettings {
  /** Whether statements are prepared by name; pgbouncer before 1.21 cannot, in transaction mode. */
  readonly namedStatements: boolean;
  /** The number of the lock that a migration takes. */
  readonly lock: number;
  /** Where the database is, for error messages; without a password. */
  readonly place: string;
  /** Whether `close` ends the pool. */
  readonly owned: boolean;
}

/** A broken connection is told to the call that uses it; without a listener it would end the process. */
const ignore = (): void => {};
const listen = (client: PostgresClient): void => {
  client.on?.("error", ignore);
};
/** Many storages may share a pool, and one listener is enough. */
const HEARD = new WeakSet<PostgresPool>();

/** Talks to PostgreSQL over a pool; one call holds one connection, and only for its own time. */
export class PostgresDriver implements Driver {
  readonly #pool: PostgresPool;
  readonly #settings: PostgresSettings;
  readonly #names = new Map<string, string>();
  readonly #gate = new Gate();
  #ended: Promise<unknown> | undefined;

  constructor(pool: PostgresPool, settings: PostgresSettings) {
    this.#pool = pool;
    this.#settings = settings;
    if (HEARD.has(pool)) return;
    HEARD.add(pool);
    pool.on?.("error", ignore);
    // A connection may break before it is handed over: the pool has stopped listening by then.
    pool.on?.("connect", listen);
  }

  async query(text: string, params: readonly Param[]): Promise<Row[]> {
    return this.#connected("query", (connection) => connection.read({ text, params }));
  }

  async batch(statements: readonly Statement[]): Promise<boolean> {
    return this.#connected("commit", (connection) => runBatch(connection, statements));
  }

  async exclusive<T>(steps: () => Generator<Step, T, Row[]>): Promise<T> {
    const lock = {
      text: "SELECT pg_advisory_xact_lock($1::bigint)",
      params: [this.#settings.lock],
    };
    return this.#connected("setup", (connection) =>
      transaction(connection, async () => {
        await connection.read(lock);
        return runSteps(steps(), (step) => connection.read({ ...step, rare: true }));
      }),
    );
  }

  async close(): Promise<void> {
    // `pg`'s pool forgets those who wait for a connection when it ends.
    await this.#gate.close();
    if (!this.#settings.owned) return;
    this.#ended ??= this.#pool.end?.();
    await this.#ended;
  }

  #connected<T>(operation: string, work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#gate.pass(operation, () => this.#lend(operation, work));
  }

  /** Lends a connection. One that broke is not used again. */
  async #lend<T>(operation: string, work: (connection: Connection) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    client.on?.("error", ignore);
    let failed: Error | undefined;
    try {
      this.#gate.check(operation);
      return await work(this.#connectionOf(client, operation));
    } catch (error) {
      const ours = toStorageError(operation, error);
      if (ours.code === "CONNECTION_LOST" || ours.code === "CONNECTION") failed = ours;
      throw ours;
    } finally {
      client.off?.("error", ignore);
      client.release(failed);
    }
  }

  async #connect(): Promise<PostgresClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw toConnectError(this.#settings.place, error);
    }
  }

  #connectionOf(client: PostgresClient, operation: string): Connection {
    const run = async (statement: Statement) => {
      try {
        return await client.query(this.#toQuery(statement));
      } catch (error) {
        throw toStorageError(operation, error);
      }
    };
    return {
      say: (text) => run({ text, params: [] }),
      read: async (query) => rowsOf(await run(query)),
      write: async (statement) => (await run(statement)).rowCount ?? 0,
    };
  }

  #toQuery({ text, params, rare = false }: Statement): PostgresQuery {
    const query: PostgresQuery = { text, values: [...params], rowMode: "array" };
    if (rare || params.length === 0 || !this.#settings.namedStatements) return query;
    let name = this.#names.get(text);
    if (name === undefined) {
      // Others may use the same pool: the name must tell the text.
      name = `threadkeep_${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
      this.#names.set(text, name);
    }
    return { ...query, name };
  }
}

function rowsOf({ rows }: { rows: unknown[] }): Row[] {
  return rows.map((row) => (Array.isArray(row) ? row : Object.values(row as object)));
}
