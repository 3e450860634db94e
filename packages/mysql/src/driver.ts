import type { Connection, Driver, Param, Row, Statement, Step } from "@threadkeep/core/backend";
import { Gate, runBatch, runSteps, StorageError } from "@threadkeep/core/backend";
import { toConnectError, toStorageError } from "./errors.js";

/** What is used of a `mysql2` pool, with callbacks or with promises. */
export interface MysqlPool {
  getConnection(...args: never[]): unknown;
  end(...args: never[]): unknown;
  promise?(): unknown;
}

interface PromisePool {
  getConnection(): Promise<MysqlConnection>;
  end(): Promise<void>;
}

interface MysqlConnection {
  execute(query: MysqlQuery, values: unknown[]): Promise<[unknown, unknown]>;
  query(query: MysqlQuery): Promise<[unknown, unknown]>;
  release(): void;
  destroy(): void;
}

interface MysqlQuery {
  sql: string;
  rowsAsArray: boolean;
}

export interface MysqlSettings {
  /** How long an answer may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Where the database is, for error messages; without a password. */
  readonly place: string;
  /** Name of the lock that a migration takes: at most 64 of a-z and 0-9. */
  readonly lock: string;
  /** Whether `close` ends the pool. */
  readonly owned: boolean;
}

/** What surely goes into any packet. */
const SMALL_BYTES = 512 * 1024;
const LOCK_TRIES = 4;

/** Talks to MySQL or MariaDB over a pool; one call holds one connection, for its own time only. */
export class MysqlDriver implements Driver {
  readonly #pool: PromisePool;
  readonly #settings: MysqlSettings;
  #maxPacket: Promise<number> | undefined;
  readonly #gate = new Gate();
  #ended: Promise<void> | undefined;

  constructor(pool: MysqlPool, settings: MysqlSettings) {
    this.#pool = (pool.promise === undefined ? pool : pool.promise()) as PromisePool;
    this.#settings = settings;
  }

  async query(text: string, params: readonly Param[]): Promise<Row[]> {
    return this.#connected("query", (connection) => connection.read({ text, params }));
  }

  async batch(statements: readonly Statement[]): Promise<boolean> {
    for (const statement of statements) await this.#checkSize(statement);
    return this.#connected("commit", (connection) => runBatch(connection, statements));
  }

  async exclusive<T>(steps: () => Generator<Step, T, Row[]>): Promise<T> {
    const release = { text: `SELECT RELEASE_LOCK('${this.#settings.lock}')`, params: [] };
    return this.#connected("setup", async (connection) => {
      await this.#takeLock(connection);
      try {
        return await runSteps(steps(), (step) => connection.read(step));
      } finally {
        // A connection that broke has let go of its lock.
        await connection.read(release).catch(() => {});
      }
    });
  }

  async #takeLock(connection: Connection): Promise<void> {
    const { lock, timeoutMs } = this.#settings;
    const seconds = Math.ceil(timeoutMs / 2000);
    const take = { text: `SELECT GET_LOCK('${lock}', ${seconds})`, params: [] };
    for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
      const [[got] = []] = await connection.read(take);
      if (Number(got) === 1) return;
    }
    const why = `another process has been setting up for ${LOCK_TRIES * seconds} seconds`;
    throw new StorageError("BUSY", "setup", why);
  }

  async close(): Promise<void> {
    // `mysql2`'s pool would cut off those who are at work.
    await this.#gate.close();
    if (!this.#settings.owned) return;
    this.#ended ??= this.#pool.end();
    await this.#ended;
  }

  #connected<T>(operation: string, work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#gate.pass(operation, () => this.#lend(operation, work));
  }

  /** Lends a connection. One that broke is not used again. */
  async #lend<T>(operation: string, work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#pool.getConnection().catch((error: unknown) => {
      throw toConnectError(this.#settings.place, error);
    });
    try {
      this.#gate.check(operation);
      const result = await work(this.#connectionOf(connection, operation));
      connection.release();
      return result;
    } catch (error) {
      const ours = toStorageError(operation, error);
      if (ours.code === "CONNECTION_LOST") connection.destroy();
      else connection.release();
      throw ours;
    }
  }

  #connectionOf(connection: MysqlConnection, operation: string): Connection {
    const execute = async ({ text, params }: Statement) => {
      const query = { sql: text, rowsAsArray: true };
      const values = params.map(toBytes);
      const [result] = await this.#answer(operation, () => connection.execute(query, values));
      return result;
    };
    return {
      say: (sql) => {
        return this.#answer(operation, () => connection.query({ sql, rowsAsArray: true }));
      },
      read: async (query) => {
        const rows = await execute(query);
        return Array.isArray(rows) ? rows.map((row: unknown[]) => row.map(toText)) : [];
      },
      write: async (statement) => {
        return ((await execute(statement)) as { affectedRows: number }).affectedRows;
      },
    };
  }

  /** `mysql2` would wait for ever for a statement to be prepared. */
  async #answer<T>(operation: string, ask: () => Promise<T>): Promise<T> {
    const { timeoutMs } = this.#settings;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const why = `no answer within ${timeoutMs} ms`;
      const fail = () => reject(new StorageError("CONNECTION_LOST", operation, why));
      timer = setTimeout(fail, timeoutMs);
    });
    try {
      return await Promise.race([ask(), late]);
    } catch (error) {
      throw toStorageError(operation, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The server would break the connection off. */
  async #checkSize({ text, params }: Statement): Promise<void> {
    const bytes = params.reduce<number>((sum, param) => sum + sizeOf(param), text.length);
    if (bytes < SMALL_BYTES) return;
    this.#maxPacket ??= this.#readMaxPacket();
    const most = await this.#maxPacket;
    if (bytes < most) return;
    const why = `a value of ${bytes} bytes does not go into max_allowed_packet (${most} bytes)`;
    throw new StorageError("TOO_LARGE", "commit", why);
  }

  async #readMaxPacket(): Promise<number> {
    try {
      const [[bytes] = []] = await this.query("SELECT @@max_allowed_packet", []);
      return Number(bytes);
    } catch (error) {
      this.#maxPacket = undefined;
      throw error;
    }
  }
}

/** Bytes, so that the connection's character set has no say. */
function toBytes(param: Param): Buffer | number | null {
  return typeof param === "string" ? Buffer.from(param) : param;
}

function toText(value: unknown): unknown {
  return Buffer.isBuffer(value) ? value.toString() : value;
}

function sizeOf(param: Param): number {
  return typeof param === "string" ? Buffer.byteLength(param) + 16 : 16;
}
