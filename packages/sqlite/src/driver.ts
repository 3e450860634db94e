import type { Driver, Param, Row, Statement, Step } from "@threadkeep/core/backend";
import { StorageError } from "@threadkeep/core/backend";
import { toStorageError } from "./errors.js";

/** What is used of a database object: `better-sqlite3`'s, `libsql`'s, or Node's `DatabaseSync`. */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
  close(): unknown;
}

export interface SqliteStatement {
  // biome-ignore lint/suspicious/noExplicitAny: the drivers' own bind types are wider than ours
  run(...params: any[]): { changes: number | bigint };
  // biome-ignore lint/suspicious/noExplicitAny: as above
  all(...params: any[]): unknown[];
  raw?(toggle?: boolean): unknown;
  setReturnArrays?(enabled: boolean): void;
}

export interface SqliteSettings {
  /** `FULL`: an acknowledged write survives power loss. `NORMAL`: it survives a crash of the process. */
  readonly synchronous: "FULL" | "NORMAL" | "OFF" | "EXTRA";
  /** How long a write waits for other processes, in milliseconds. */
  readonly busyTimeoutMs: number;
}

const SYNCHRONOUS: readonly unknown[] = ["FULL", "NORMAL", "OFF", "EXTRA"];

export function checkSettings({ synchronous, busyTimeoutMs }: SqliteSettings): void {
  if (!SYNCHRONOUS.includes(synchronous)) {
    throw new StorageError(
      "INVALID_ARGUMENT",
      "synchronous",
      `must be one of ${SYNCHRONOUS.join(", ")}`,
    );
  }
  if (!Number.isSafeInteger(busyTimeoutMs) || busyTimeoutMs < 0) {
    throw new StorageError("INVALID_ARGUMENT", "busyTimeoutMs", "must be a whole number");
  }
}

/** Talks to one SQLite connection. Calls are synchronous inside, so nothing can interleave. */
export class SqliteDriver implements Driver {
  readonly #db: SqliteDatabase;
  readonly #owned: boolean;
  readonly #statements = new Map<string, SqliteStatement>();
  readonly #reads = new Map<string, SqliteStatement>();
  #closed = false;

  /** @param owned whether `close` closes the database */
  constructor(db: SqliteDatabase, settings: SqliteSettings, owned: boolean) {
    checkSettings(settings);
    this.#db = db;
    this.#owned = owned;
    this.#guard("open", () => {
      db.exec(`PRAGMA busy_timeout = ${settings.busyTimeoutMs}`);
      // A message is a row of about 1 KB: larger pages waste less of their ends. Only a new file
      // takes the setting.
      db.exec("PRAGMA page_size = 8192");
      // Switching to WAL needs the file alone; in WAL already, it needs nothing.
      if (this.#pragma("journal_mode") !== "wal") db.exec("PRAGMA journal_mode = WAL");
      db.exec(`PRAGMA synchronous = ${settings.synchronous}`);
    });
  }

  async query(text: string, params: readonly Param[]): Promise<Row[]> {
    return this.#guard("query", () => this.#query(text, params));
  }

  async batch(statements: readonly Statement[]): Promise<boolean> {
    const isDone = (done: boolean) => done;
    return this.#guard("commit", () => this.#transaction(() => this.#runAll(statements), isDone));
  }

  async exclusive<T>(steps: () => Generator<Step, T, Row[]>): Promise<T> {
    return this.#guard("setup", () => this.#transaction(() => this.#runSteps(steps())));
  }

  #runSteps<T>(steps: Generator<Step, T, Row[]>): T {
    let step = steps.next();
    while (!step.done) {
      try {
        step = steps.next(this.#runStep(step.value));
      } catch (error) {
        step = steps.throw(toStorageError("setup", error));
      }
    }
    return step.value;
  }

  #runStep({ text, params, reads }: Step): Row[] {
    if (reads) return this.#query(text, params);
    this.#write(text).run(...params);
    return [];
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#statements.clear();
    this.#reads.clear();
    if (this.#owned) this.#db.close();
  }

  #transaction<T>(work: () => T, isDone: (result: T) => boolean = () => true): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec(isDone(result) ? "COMMIT" : "ROLLBACK");
      return result;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #rollback(): void {
    try {
      this.#db.exec("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself (disk full, for one); the first error tells why.
    }
  }

  #runAll(statements: readonly Statement[]): boolean {
    for (const { text, params, expect, rare } of statements) {
      const statement = rare ? this.#db.prepare(text) : this.#write(text);
      const { changes } = statement.run(...params);
      if (expect !== undefined && Number(changes) !== expect) return false;
    }
    return true;
  }

  #query(text: string, params: readonly Param[]): Row[] {
    let statement = this.#reads.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      if (statement.raw !== undefined) statement.raw(true);
      else statement.setReturnArrays?.(true);
      this.#reads.set(text, statement);
    }
    const rows = statement.all(...params);
    return rows.map((row) => (Array.isArray(row) ? row : Object.values(row as object)));
  }

  #write(text: string): SqliteStatement {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.#db.prepare(text);
      this.#statements.set(text, statement);
    }
    return statement;
  }

  #pragma(name: string): unknown {
    const [row] = this.#db.prepare(`PRAGMA ${name}`).all();
    return row === undefined ? undefined : Object.values(row as object)[0];
  }

  #guard<T>(operation: string, work: () => T): T {
    if (this.#closed) throw new StorageError("CLOSED", operation, "the storage was closed");
    try {
      return work();
    } catch (error) {
      throw toStorageError(operation, error);
    }
  }
}
