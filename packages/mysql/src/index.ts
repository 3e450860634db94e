import { createHash } from "node:crypto";
import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import {
  ChatMessageHistory,
  type HistoryOptions,
  type SaverOptions,
  StorageSaver,
} from "@threadkeep/core";
import {
  checkPrefix,
  parseUrl,
  placeOf,
  SqlStorage,
  StorageError,
  type StorageOptions,
  migrationSql as sqlOfMigrations,
} from "@threadkeep/core/backend";
import mysql from "mysql2";
import { MysqlDialect } from "./dialect.js";
import { MysqlDriver, type MysqlPool } from "./driver.js";

export type { MysqlPool } from "./driver.js";

/** Options of everything in this package. */
export interface MysqlOptions extends StorageOptions {
  /** Stands before the names of all tables, e.g. `"tk_"`. Default: `""`. */
  readonly tablePrefix?: string;
  /** Options of `mysql2`'s pool (`ssl`, `connectionLimit` …), where a URL is given. */
  readonly pool?: mysql.PoolOptions;
  /** How long an answer may take, in milliseconds. Default: 30,000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const POOL: mysql.PoolOptions = {
  connectTimeout: TIMEOUT_MS,
  // Each connection prepares some 30 texts; the server counts those of all connections.
  maxPreparedStatements: 200,
};

function serverOf(url: string): string {
  const form = "mysql://user:password@host:port/database";
  const parsed = parseUrl(url, /^(mysql|mariadb):$/, form);
  if (parsed.pathname.length < 2) {
    throw new StorageError("INVALID_ARGUMENT", "connect", `the URL must name a database: ${form}`);
  }
  return placeOf(parsed, 3306);
}

/** Pools that were opened here, and are closed here, with the place they lead to. */
const OWNED = new WeakMap<MysqlPool, string>();

function settingsOf({ tablePrefix = "", timeoutMs = TIMEOUT_MS }: MysqlOptions) {
  checkPrefix(tablePrefix);
  if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 1) {
    throw new StorageError("INVALID_ARGUMENT", "timeoutMs", "must be a whole number from 1");
  }
  // One lock for all databases of a server that have such a prefix.
  const lock = createHash("sha256").update(`threadkeep ${tablePrefix}`).digest("hex");
  return { tablePrefix, timeoutMs, lock: lock.slice(0, 60) };
}

/**
 * threadkeep's records in MySQL 8.0 or newer, or MariaDB 10.6 or newer.
 *
 * @example
 * ```ts
 * const storage = MysqlStorage.connect("mysql://user:password@localhost:3306/app");
 * const saver = new MysqlSaver(storage);
 * ```
 */
export class MysqlStorage extends SqlStorage {
  /** @param pool a pool of `mysql2` or `mysql2/promise`; it stays open on `close` */
  constructor(pool: MysqlPool, options: MysqlOptions = {}) {
    const { tablePrefix, ...settings } = settingsOf(options);
    const place = OWNED.get(pool) ?? "the given pool's server";
    const driver = new MysqlDriver(pool, { ...settings, place, owned: OWNED.has(pool) });
    super(driver, new MysqlDialect(tablePrefix), options);
  }

  /**
   * Makes a pool for the URL; `close` ends it. Nothing is sent before the first call.
   * @throws StorageError `INVALID_ARGUMENT` for what is no MySQL URL
   */
  static connect(url: string, options: MysqlOptions = {}): MysqlStorage {
    settingsOf(options);
    const place = serverOf(url);
    const uri = url.replace(/^mariadb:/, "mysql:");
    const pool = mysql.createPool({ ...POOL, ...options.pool, uri });
    // Each statement then sees what was committed before it, and no gap is locked.
    pool.on("connection", (connection) => {
      connection.query("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
    });
    OWNED.set(pool, place);
    return new MysqlStorage(pool, options);
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
export function migrationSql({ tablePrefix = "" }: Pick<MysqlOptions, "tablePrefix"> = {}): string {
  return sqlOfMigrations(new MysqlDialect(tablePrefix));
}

/**
 * LangGraph's checkpoint saver on MySQL or MariaDB.
 *
 * @example
 * ```ts
 * const checkpointer = MysqlSaver.fromConnString("mysql://user:password@localhost:3306/app");
 * const graph = builder.compile({ checkpointer });
 * ```
 */
export class MysqlSaver extends StorageSaver {
  /** @param pool a pool of yours, which stays open on `end()`, or a storage */
  constructor(
    pool: MysqlPool | MysqlStorage,
    serde?: SerializerProtocol,
    options: MysqlOptions & SaverOptions = {},
  ) {
    super(pool instanceof MysqlStorage ? pool : new MysqlStorage(pool, options), serde, options);
  }

  /** Makes a pool for the URL; `end()` ends it. */
  static fromConnString(url: string, options: MysqlOptions & SaverOptions = {}): MysqlSaver {
    return new MysqlSaver(MysqlStorage.connect(url, options), undefined, options);
  }
}

/**
 * LangChain's chat message history on MySQL or MariaDB.
 *
 * @example
 * ```ts
 * const history = MysqlChatMessageHistory.fromConnString(process.env.DATABASE_URL, "session-1");
 * await history.addUserMessage("hello");
 * ```
 */
export class MysqlChatMessageHistory extends ChatMessageHistory {
  constructor(
    pool: MysqlPool | MysqlStorage,
    sessionId: string,
    options: MysqlOptions & HistoryOptions = {},
  ) {
    const { tablePrefix, setup, pool: _pool, timeoutMs, ...history } = options;
    super(
      pool instanceof MysqlStorage ? pool : new MysqlStorage(pool, options),
      sessionId,
      history,
    );
  }

  /** Makes a pool for the URL; `end()` ends it. */
  static fromConnString(
    url: string,
    sessionId: string,
    options: MysqlOptions & HistoryOptions = {},
  ): MysqlChatMessageHistory {
    return new MysqlChatMessageHistory(MysqlStorage.connect(url, options), sessionId, options);
  }
}
