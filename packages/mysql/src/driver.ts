import type { Driver, Param, Row, Statement, Step } from "@threadkeep/core/backend";
import { Gate, StorageError } from "@threadkeep/core/backend";
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
    return this.#connected("query", (connection) => this.#read(connection, text, params));
  }

  async batch(statements: readonly Statement[]): Promise<boolean> {
    for (const statement of statements) await this.#checkSize(statement);
    const [only] = statements;
    return this.#connected("commit", async (connection) => {
      if (statements.length === 1 && only !== undefined) return this.#write(connection, only);
      return this.#transaction(connection, async () => {
        for (const one of statements) if (!(await this.#write(connection, one))) return false;
        return true;
      });
    });
  }

  async exclusive<T>(steps: () => Generator<Step, T, Row[]>): Promise<T> {
    const { lock } = this.#settings;
    return this.#connected("setup", async (connection) => {
      await this.#takeLock(connection);
      try {
        return await this.#runSteps(connection, steps());
      } finally {
        // A connection that broke has let go of its lock.
        await this.#read(connection, `SELECT RELEASE_LOCK('${lock}')`, []).catch(() => {});
      }
    });
  }

  async #takeLock(connection: MysqlConnection): Promise<void> {
    const { lock, timeoutMs } = this.#settings;
    const seconds = Math.ceil(timeoutMs / 2000);
    for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
      const take = `SELECT GET_LOCK('${lock}', ${seconds})`;
      const [[got] = []] = await this.#read(connection, take, []);
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

  #connected<T>(operation: string, work: (connection: MysqlConnection) => Promise<T>): Promise<T> {
    return this.#gate.pass(operation, () => this.#lend(operation, work));
  }

  /** Lends a connection. One that broke is not used again. */
  async #lend<T>(operation: string, work: (connection: MysqlConnection) => Promise<T>): Promise<T> {
    const connection = await this.#pool.getConnection().catch((error: unknown) => {
      throw toConnectError(this.#settings.place, error);
    });
    try {
      this.#gate.check(operation);
      const result = await work(connection);
      connection.release();
      return result;
    } catch (error) {
      const ours = toStorageError(operation, error);
      if (ours.code === "CONNECTION_LOST") connection.destroy();
      else connection.release();
      throw ours;
    }
  }

  /** @param work `false`: what it did is undone */
  async #transaction(connection: MysqlConnection, work: () => Promise<boolean>): Promise<boolean> {
    const say = (sql: string) => this.#answered(connection.query({ sql, rowsAsArray: true }));
    await say("BEGIN");
    let done: boolean;
    try {
      done = await work();
    } catch (error) {
      const ours = toStorageError("commit", error);
      // A connection that broke has undone its work, and answers no more.
      if (ours.code !== "CONNECTION_LOST") await say("ROLLBACK");
      throw ours;
    }
    await say(done ? "COMMIT" : "ROLLBACK");
    return done;
  }

  async #runSteps<T>(connection: MysqlConnection, steps: Generator<Step, T, Row[]>): Promise<T> {
    let step = steps.next();
    while (!step.done) {
      try {
        step = steps.next(await this.#read(connection, step.value.text, step.value.params));
      } catch (error) {
        step = steps.throw(toStorageError("setup", error));
      }
    }
    return step.value;
  }

  async #read(connection: MysqlConnection, text: string, params: readonly Param[]): Promise<Row[]> {
    const rows = await this.#execute(connection, text, params);
    return Array.isArray(rows) ? rows.map((row: unknown[]) => row.map(toText)) : [];
  }

  async #write(connection: MysqlConnection, { text, params, expect }: Statement): Promise<boolean> {
    const done = await this.#execute(connection, text, params);
    return expect === undefined || (done as { affectedRows: number }).affectedRows === expect;
  }

  async #execute(
    connection: MysqlConnection,
    sql: string,
    params: readonly Param[],
  ): Promise<unknown> {
    const answer = connection.execute({ sql, rowsAsArray: true }, params.map(toBytes));
    const [result] = await this.#answered(answer);
    return result;
  }

  /** `mysql2` would wait for ever for a statement to be prepared. */
  async #answered<T>(answer: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#settings;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const why = `no answer within ${timeoutMs} ms`;
      const fail = () => reject(new StorageError("CONNECTION_LOST", "query", why));
      timer = setTimeout(fail, timeoutMs);
    });
    try {
      return await Promise.race([answer, late]);
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
