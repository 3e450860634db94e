import { createHash } from "node:crypto";
import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import {
  ChatMessageHistory,
  type HistoryOptions,
  type SaverOptions,
  StorageSaver,
} from "@threadkeep/core";
import {
  checkSchema,
  SqlStorage,
  StorageError,
  type StorageOptions,
  migrationSql as sqlOfMigrations,
} from "@threadkeep/core/backend";
import type pg from "pg";
import { PostgresDialect, type PostgresPlace } from "./dialect.js";
import { PostgresDriver, type PostgresPool } from "./driver.js";
import { openPool } from "./pool.js";

export type { PostgresClient, PostgresPool, PostgresQuery } from "./driver.js";
export { type LangGraphPostgresOptions, LangGraphPostgresTables } from "./langgraph-tables.js";
export { type RowLevelSecurityOptions, rowLevelSecuritySql } from "./row-level-security.js";

/** Options of everything in this package. */
export interface PostgresOptions extends StorageOptions, PostgresPlace {
  /**
   * Options of `pg`'s pool (`ssl`, `max`, timeouts …), where a URL is given. Waiting for a
   * connection and for an answer ends after 30 seconds by default.
   */
  readonly pool?: pg.PoolConfig;
  /**
   * `false`: statements are not prepared by name, as pgbouncer before 1.21 needs it in transaction
   * mode. Default: `true`.
   */
  readonly namedStatements?: boolean;
  /**
   * `"transaction"`: a batch is several statements in a transaction, for engines of PostgreSQL's
   * protocol that take no `INSERT` within `WITH` (Citus). Default: `"statement"`, one round trip.
   */
  readonly batches?: "statement" | "transaction";
}

/** Pools that were opened here, and are closed here, with the place they lead to. */
const OWNED = new WeakMap<PostgresPool, string>();

function joinsOf(batches: PostgresOptions["batches"] = "statement"): boolean {
  if (batches === "statement" || batches === "transaction") return batches === "statement";
  throw new StorageError("INVALID_ARGUMENT", "batches", "must be statement or transaction");
}

/** The same number for everybody who uses a schema of that name. */
function lockOf(schema: string): number {
  return createHash("sha256").update(`threadkeep ${schema}`).digest().readUIntBE(0, 6);
}

/**
 * threadkeep's records in PostgreSQL 14 or newer.
 *
 * @example
 * ```ts
 * const storage = PostgresStorage.connect("postgres://user:password@localhost:5432/app");
 * const saver = new PostgresSaver(storage);
 * ```
 */
export class PostgresStorage extends SqlStorage {
  /** @param pool a pool of `pg`, or of its shape; it stays open on `close` */
  constructor(pool: PostgresPool, options: PostgresOptions = {}) {
    const schema = checkSchema(options.schema ?? "threadkeep");
    const settings = {
      namedStatements: options.namedStatements ?? true,
      lock: lockOf(schema),
      place: OWNED.get(pool) ?? "the given pool's server",
      owned: OWNED.has(pool),
    };
    const joins = joinsOf(options.batches);
    super(new PostgresDriver(pool, settings), new PostgresDialect(schema, { joins }), options);
  }

  /**
   * Makes a pool for the URL; `close` ends it. Nothing is sent before the first call.
   * @throws StorageError `INVALID_ARGUMENT` for what is no PostgreSQL URL
   */
  static connect(url: string, options: PostgresOptions = {}): PostgresStorage {
    checkSchema(options.schema ?? "threadkeep");
    const { pool, place } = openPool(url, options.pool);
    OWNED.set(pool, place);
    return new PostgresStorage(pool, options);
  }
}

/**
 * The SQL that makes schema and tables, for people who run their own migrations.
 * @param options `partitions`: cuts every table by its session into that many, by hash
 *
 * @example
 * ```ts
 * console.log(migrationSql({ schema: "threadkeep" }));
 * ```
 */
export function migrationSql(
  options: PostgresPlace & { readonly partitions?: number } = {},
): string {
  const { schema = "threadkeep", partitions = 0 } = options;
  if (!Number.isSafeInteger(partitions) || partitions < 0 || partitions > 1000) {
    throw new StorageError("INVALID_ARGUMENT", "partitions", "must be a whole number up to 1000");
  }
  return sqlOfMigrations(new PostgresDialect(schema, { partitions }));
}

/**
 * LangGraph's checkpoint saver on PostgreSQL.
 *
 * @example
 * ```ts
 * const checkpointer = PostgresSaver.fromConnString("postgres://user:password@localhost:5432/app");
 * const graph = builder.compile({ checkpointer });
 * ```
 */
export class PostgresSaver extends StorageSaver {
  /** @param pool a pool of yours, which stays open on `end()`, or a storage */
  constructor(
    pool: PostgresPool | PostgresStorage,
    serde?: SerializerProtocol,
    options: PostgresOptions & SaverOptions = {},
  ) {
    super(
      pool instanceof PostgresStorage ? pool : new PostgresStorage(pool, options),
      serde,
      options,
    );
  }

  /** Makes a pool for the URL; `end()` ends it. */
  static fromConnString(url: string, options: PostgresOptions & SaverOptions = {}): PostgresSaver {
    return new PostgresSaver(PostgresStorage.connect(url, options), undefined, options);
  }
}

/**
 * LangChain's chat message history on PostgreSQL.
 *
 * @example
 * ```ts
 * const history = PostgresChatMessageHistory.fromConnString(process.env.DATABASE_URL, "session-1");
 * await history.addUserMessage("hello");
 * ```
 */
export class PostgresChatMessageHistory extends ChatMessageHistory {
  constructor(
    pool: PostgresPool | PostgresStorage,
    sessionId: string,
    options: PostgresOptions & HistoryOptions = {},
  ) {
    const { schema, setup, pool: _pool, namedStatements, batches, ...history } = options;
    super(
      pool instanceof PostgresStorage ? pool : new PostgresStorage(pool, options),
      sessionId,
      history,
    );
  }

  /** Makes a pool for the URL; `end()` ends it. */
  static fromConnString(
    url: string,
    sessionId: string,
    options: PostgresOptions & HistoryOptions = {},
  ): PostgresChatMessageHistory {
    return new PostgresChatMessageHistory(
      PostgresStorage.connect(url, options),
      sessionId,
      options,
    );
  }
}
