import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import {
  ChatMessageHistory,
  type HistoryOptions,
  type SaverOptions,
  StorageSaver,
} from "@threadkeep/core";
import {
  SqlStorage,
  type StorageOptions,
  migrationSql as sqlOfMigrations,
} from "@threadkeep/core/backend";
import { SqliteDialect } from "./dialect.js";
import { checkSettings, type SqliteDatabase, SqliteDriver, type SqliteSettings } from "./driver.js";
import { openDatabase } from "./open.js";

export type { SqliteDatabase, SqliteStatement } from "./driver.js";
export { type LangGraphSqliteOptions, LangGraphSqliteTables } from "./langgraph-tables.js";

/** Options of everything in this package. */
export interface SqliteOptions extends Partial<SqliteSettings>, StorageOptions {
  /** Stands before the names of all tables, e.g. `"tk_"`. Default: `""`. */
  readonly tablePrefix?: string;
}

const DEFAULTS: SqliteSettings = { synchronous: "FULL", busyTimeoutMs: 10_000 };

function settingsOf(options: SqliteOptions): SqliteSettings {
  const settings = {
    synchronous: options.synchronous ?? DEFAULTS.synchronous,
    busyTimeoutMs: options.busyTimeoutMs ?? DEFAULTS.busyTimeoutMs,
  };
  checkSettings(settings);
  return settings;
}

/**
 * threadkeep's records in SQLite: WAL, `synchronous=FULL`, any number of processes on one file.
 *
 * @example
 * ```ts
 * const storage = SqliteStorage.connect("app.db");
 * const saver = new SqliteSaver(storage);
 * ```
 */
export class SqliteStorage extends SqlStorage {
  /**
   * @param db a database of `better-sqlite3`, `libsql` or `node:sqlite`; it stays open on `close`
   */
  constructor(db: SqliteDatabase, options: SqliteOptions = {}) {
    super(
      new SqliteDriver(db, settingsOf(options), OWNED.has(db)),
      new SqliteDialect(options.tablePrefix ?? ""),
      options,
    );
  }

  /**
   * Opens a file, or `:memory:`; `close` closes it.
   * @throws StorageError `CONNECTION` where it cannot be opened
   */
  static connect(url: string, options: SqliteOptions = {}): SqliteStorage {
    settingsOf(options);
    new SqliteDialect(options.tablePrefix ?? "");
    const db = openDatabase(url);
    OWNED.add(db);
    return new SqliteStorage(db, options);
  }
}

/**
 * The SQL that makes the tables, for people who run their own migrations.
 *
 * @example
 * ```ts
 * console.log(migrationSql({ tablePrefix: "tk_" }));
 * ```
 */
export function migrationSql({
  tablePrefix = "",
}: Pick<SqliteOptions, "tablePrefix"> = {}): string {
  return sqlOfMigrations(new SqliteDialect(tablePrefix));
}

/** Databases that were opened here, and are closed here. */
const OWNED = new WeakSet<SqliteDatabase>();

/**
 * LangGraph's checkpoint saver on SQLite.
 *
 * @example
 * ```ts
 * const graph = builder.compile({ checkpointer: SqliteSaver.fromConnString("app.db") });
 * ```
 */
export class SqliteSaver extends StorageSaver {
  /** @param db a database of yours, which stays open on `end()`, or a storage */
  constructor(
    db: SqliteDatabase | SqliteStorage,
    serde?: SerializerProtocol,
    options: SqliteOptions & SaverOptions = {},
  ) {
    super(db instanceof SqliteStorage ? db : new SqliteStorage(db, options), serde, options);
  }

  /** Opens a file, or `:memory:`; `end()` closes it. */
  static fromConnString(url: string, options: SqliteOptions & SaverOptions = {}): SqliteSaver {
    return new SqliteSaver(SqliteStorage.connect(url, options), undefined, options);
  }
}

/**
 * LangChain's chat message history on SQLite.
 *
 * @example
 * ```ts
 * const history = SqliteChatMessageHistory.fromConnString("app.db", "session-1");
 * await history.addUserMessage("hello");
 * ```
 */
export class SqliteChatMessageHistory extends ChatMessageHistory {
  constructor(
    db: SqliteDatabase | SqliteStorage,
    sessionId: string,
    options: SqliteOptions & HistoryOptions = {},
  ) {
    const { tablePrefix, setup, synchronous, busyTimeoutMs, ...history } = options;
    super(db instanceof SqliteStorage ? db : new SqliteStorage(db, options), sessionId, history);
  }

  /** Opens a file, or `:memory:`; `end()` closes it. */
  static fromConnString(
    url: string,
    sessionId: string,
    options: SqliteOptions & HistoryOptions = {},
  ): SqliteChatMessageHistory {
    return new SqliteChatMessageHistory(SqliteStorage.connect(url, options), sessionId, options);
  }
}
