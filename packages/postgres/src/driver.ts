import { createHash } from "node:crypto";
import type { Driver, Param, Row, Statement, Step } from "@threadkeep/core/backend";
import { Gate } from "@threadkeep/core/backend";
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

type Run = (
  text: string,
  params: readonly Param[],
  rare?: boolean,
) => ReturnType<PostgresClient["query"]>;

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
    return this.#connected("query", async (run) => rowsOf(await run(text, params)));
  }

  async batch(statements: readonly Statement[]): Promise<boolean> {
    const [only] = statements;
    return this.#connected("commit", async (run) => {
      if (statements.length === 1 && only !== undefined) return runOne(run, only);
      return this.#transaction(run, async () => {
        for (const statement of statements) if (!(await runOne(run, statement))) return false;
        return true;
      });
    });
  }

  async exclusive<T>(steps: () => Generator<Step, T, Row[]>): Promise<T> {
    return this.#connected("setup", async (run) => {
      let result: { value: T } | undefined;
      await this.#transaction(run, async () => {
        await run("SELECT pg_advisory_xact_lock($1::bigint)", [this.#settings.lock]);
        result = { value: await runSteps(run, steps()) };
        return true;
      });
      return (result as { value: T }).value;
    });
  }

  async close(): Promise<void> {
    // `pg`'s pool forgets those who wait for a connection when it ends.
    await this.#gate.close();
    if (!this.#settings.owned) return;
    this.#ended ??= this.#pool.end?.();
    await this.#ended;
  }

  #connected<T>(operation: string, work: (run: Run) => Promise<T>): Promise<T> {
    return this.#gate.pass(operation, () => this.#lend(operation, work));
  }

  /** Lends a connection. One that broke is not used again. */
  async #lend<T>(operation: string, work: (run: Run) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    client.on?.("error", ignore);
    const run: Run = (text, params, rare) => client.query(this.#toQuery(text, params, rare));
    let failed: Error | undefined;
    try {
      this.#gate.check(operation);
      return await work(run);
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

  /** @param work `false`: what it did is undone */
  async #transaction(run: Run, work: () => Promise<boolean>): Promise<boolean> {
    await run("BEGIN", []);
    let done: boolean;
    try {
      done = await work();
    } catch (error) {
      const ours = toStorageError("commit", error);
      // A connection that broke has undone its work, and answers no more.
      if (ours.code !== "CONNECTION_LOST") await run("ROLLBACK", []);
      throw ours;
    }
    await run(done ? "COMMIT" : "ROLLBACK", []);
    return done;
  }

  #toQuery(text: string, params: readonly Param[], rare = false): PostgresQuery {
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

async function runOne(run: Run, { text, params, expect, rare }: Statement): Promise<boolean> {
  const { rowCount } = await run(text, params, rare);
  return expect === undefined || rowCount === expect;
}

async function runSteps<T>(run: Run, steps: Generator<Step, T, Row[]>): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    try {
      step = steps.next(rowsOf(await run(step.value.text, step.value.params, true)));
    } catch (error) {
      step = steps.throw(toStorageError("setup", error));
    }
  }
  return step.value;
}

function rowsOf({ rows }: { rows: unknown[] }): Row[] {
  return rows.map((row) => (Array.isArray(row) ? row : Object.values(row as object)));
}
