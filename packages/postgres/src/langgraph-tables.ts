import { JsonPlusSerializer, type SerializerProtocol } from "@langchain/langgraph-checkpoint";
import type { CheckpointTables, TableCheckpoint } from "@threadkeep/core";
import {
  checkSchema,
  inOrderMade,
  type Row,
  readTableRow,
  StorageError,
  type TableHeader,
  type TableWrite,
} from "@threadkeep/core/backend";
import type pg from "pg";
import { PostgresDriver, type PostgresPool } from "./driver.js";
import { openPool } from "./pool.js";

/** Options of {@link LangGraphPostgresTables}. */
export interface LangGraphPostgresOptions {
  /** The schema that LangGraph's tables stand in. Default: `"public"`, as LangGraph's own. */
  readonly schema?: string;
  /** What LangGraph's saver was made with, where that was not its own serializer. */
  readonly serde?: SerializerProtocol;
}

/** A value as LangGraph's serializer wrote it. */
interface Typed {
  readonly type: string;
  readonly data: Uint8Array;
}

interface PageRow {
  readonly checkpoint: { readonly channel_versions?: Readonly<Record<string, unknown>> | null };
  readonly metadata: unknown;
}

/** What the rows of a page are made of, by namespace and key. */
interface Page {
  readonly rows: ReadonlyMap<string, PageRow>;
  readonly blobs: ReadonlyMap<string, Typed>;
  readonly writes: ReadonlyMap<string, readonly (Omit<TableWrite, "value"> & Typed)[]>;
}

const TABLES = ["checkpoints", "checkpoint_blobs", "checkpoint_writes"] as const;
const THREADS_AT_ONCE = 1000;
/** LangGraph writes a whole channel again at every change: few checkpoints may be many bytes. */
const CHECKPOINTS_AT_ONCE = 10;

/**
 * The tables of LangGraph's `PostgresSaver` (`@langchain/langgraph-checkpoint-postgres`), to move
 * threads out of. They are only read, a few checkpoints at a time.
 *
 * @example
 * ```ts
 * const tables = LangGraphPostgresTables.connect(process.env.DATABASE_URL);
 * const persistence = new Persistence(PostgresStorage.connect(process.env.DATABASE_URL));
 * const { threads, skipped } = await persistence.importFrom(tables);
 * await tables.end();
 * ```
 */
export class LangGraphPostgresTables implements CheckpointTables {
  readonly #driver: PostgresDriver;
  readonly #schema: string;
  readonly #serde: SerializerProtocol;

  /**
   * @param pool a pool of `pg`, or of its shape; it stays open on `end`
   * @throws StorageError `INVALID_ARGUMENT` for a schema that is no plain identifier
   */
  constructor(pool: PostgresPool, options: LangGraphPostgresOptions = {}) {
    const { schema = "public", serde } = options;
    this.#schema = checkSchema(schema);
    this.#serde = serde ?? new JsonPlusSerializer();
    const place = OWNED.get(pool);
    this.#driver = new PostgresDriver(pool, {
      namedStatements: false,
      lock: 0,
      place: place ?? "the given pool's server",
      owned: place !== undefined,
    });
  }

  /**
   * Makes a pool for the URL; `end` ends it. Nothing is sent before the first call.
   * @throws StorageError `INVALID_ARGUMENT` for what is no PostgreSQL URL or no schema
   */
  static connect(
    url: string,
    options: LangGraphPostgresOptions & { readonly pool?: pg.PoolConfig } = {},
  ): LangGraphPostgresTables {
    checkSchema(options.schema ?? "public");
    const { pool, place } = openPool(url, options.pool);
    OWNED.set(pool, place);
    return new LangGraphPostgresTables(pool, options);
  }

  /**
   * The ids of all threads that have checkpoints, in the database's order.
   * @throws StorageError `NOT_FOUND` naming a table that is not there
   */
  async *threads(): AsyncGenerator<string> {
    await this.#checkTables("threads");
    const sql = `SELECT DISTINCT thread_id FROM ${this.#table("checkpoints")} WHERE thread_id > $1
ORDER BY thread_id LIMIT ${THREADS_AT_ONCE}`;
    for (let after = ""; ; ) {
      const page = (await this.#query("threads", sql, [after])) as [string][];
      for (const [threadId] of page) yield threadId;
      const last = page.at(-1);
      if (last === undefined || page.length < THREADS_AT_ONCE) return;
      after = last[0];
    }
  }

  /**
   * The checkpoints of a thread in every namespace, in the order in which they were made.
   * @throws StorageError `NOT_FOUND` naming a table that is not there; `CORRUPT` naming a checkpoint
   * that cannot be decoded; `CONFLICT` where a checkpoint was removed meanwhile
   */
  async *checkpoints(threadId: string): AsyncGenerator<TableCheckpoint> {
    await this.#checkTables("checkpoints");
    const headers = inOrderMade(await this.#headers(threadId));
    for (let at = 0; at < headers.length; at += CHECKPOINTS_AT_ONCE) {
      const some = headers.slice(at, at + CHECKPOINTS_AT_ONCE);
      const page = await this.#page(threadId, some);
      for (const header of some) yield await this.#checkpoint(threadId, header, page);
    }
  }

  /** Ends the pool that `connect` made. */
  async end(): Promise<void> {
    await this.#driver.close();
  }

  async #query(operation: string, sql: string, params: readonly string[]): Promise<Row[]> {
    try {
      return await this.#driver.query(sql, params);
    } catch (error) {
      throw error instanceof StorageError ? error.of(operation) : error;
    }
  }

  #table(name: (typeof TABLES)[number]): string {
    return `"${this.#schema}"."${name}"`;
  }

  async #checkTables(operation: string): Promise<void> {
    const places = TABLES.map((_, i) => `to_regclass($${i + 1})::text`).join(", ");
    const names = TABLES.map((name) => this.#table(name));
    const [found = []] = await this.#query(operation, `SELECT ${places}`, names);
    const missing = names.find((_, i) => found[i] === null);
    if (missing === undefined) return;
    throw new StorageError(
      "NOT_FOUND",
      operation,
      `there is no table ${missing}: LangGraph's PostgresSaver was not set up in this schema`,
    );
  }

  async #headers(threadId: string): Promise<TableHeader[]> {
    const sql = `SELECT checkpoint_ns, checkpoint_id, parent_checkpoint_id
FROM ${this.#table("checkpoints")} WHERE thread_id = $1`;
    const rows = await this.#query("checkpoints", sql, [threadId]);
    return (rows as [string, string, string | null][]).map(([ns, id, parentId]) => ({
      ns,
      id,
      parentId,
    }));
  }

  async #page(threadId: string, headers: readonly TableHeader[]): Promise<Page> {
    const wanted = JSON.stringify(headers.map(({ ns, id }) => ({ ns, id })));
    const rows = await this.#rows(threadId, wanted);
    return {
      rows,
      blobs: await this.#blobs(threadId, rows),
      writes: await this.#writes(threadId, wanted),
    };
  }

  async #rows(threadId: string, wanted: string): Promise<Page["rows"]> {
    const sql = `SELECT cp.checkpoint_ns, cp.checkpoint_id, cp.checkpoint::text, cp.metadata::text
FROM json_to_recordset($2::json) AS wanted(ns text, id text)
JOIN ${this.#table("checkpoints")} cp ON cp.thread_id = $1
AND cp.checkpoint_ns = wanted.ns AND cp.checkpoint_id = wanted.id`;
    const rows = (await this.#query("checkpoints", sql, [threadId, wanted])) as [...string[]][];
    return new Map(
      rows.map(([ns, id, checkpoint, metadata]) => [
        keyOf(ns, id),
        { checkpoint: JSON.parse(checkpoint as string), metadata: JSON.parse(metadata as string) },
      ]),
    );
  }

  /** Each once, though many checkpoints of a page may bear it. */
  async #blobs(threadId: string, rows: Page["rows"]): Promise<Page["blobs"]> {
    const wanted = new Map<string, { ns: string; channel: string; version: string }>();
    for (const [key, row] of rows) {
      const [ns] = JSON.parse(key) as [string];
      for (const [channel, version] of versionsOf(row)) {
        wanted.set(keyOf(ns, channel, version), { ns, channel, version });
      }
    }
    const sql = `SELECT bl.checkpoint_ns, bl.channel, bl.version, bl.type, bl.blob
FROM json_to_recordset($2::json) AS wanted(ns text, channel text, version text)
JOIN ${this.#table("checkpoint_blobs")} bl ON bl.thread_id = $1
AND bl.checkpoint_ns = wanted.ns AND bl.channel = wanted.channel AND bl.version = wanted.version
WHERE bl.type <> 'empty'`;
    const found = await this.#query("checkpoints", sql, [
      threadId,
      JSON.stringify([...wanted.values()]),
    ]);
    return new Map(
      found.map(([ns, channel, version, type, data]) => [
        keyOf(ns, channel, version),
        { type, data } as Typed,
      ]),
    );
  }

  async #writes(threadId: string, wanted: string): Promise<Page["writes"]> {
    const sql = `SELECT cw.checkpoint_ns, cw.checkpoint_id, cw.task_id, cw.idx, cw.channel, cw.type, cw.blob
FROM json_to_recordset($2::json) AS wanted(ns text, id text)
JOIN ${this.#table("checkpoint_writes")} cw ON cw.thread_id = $1
AND cw.checkpoint_ns = wanted.ns AND cw.checkpoint_id = wanted.id
ORDER BY cw.task_id, cw.idx`;
    const found = await this.#query("checkpoints", sql, [threadId, wanted]);
    const writes = new Map<string, (Omit<TableWrite, "value"> & Typed)[]>();
    for (const [ns, id, taskId, idx, channel, type, data] of found as WriteRow[]) {
      const ofCheckpoint = writes.get(keyOf(ns, id)) ?? [];
      writes.set(keyOf(ns, id), ofCheckpoint);
      ofCheckpoint.push({ taskId, idx, channel, type: type ?? "json", data });
    }
    return writes;
  }

  async #checkpoint(threadId: string, header: TableHeader, page: Page): Promise<TableCheckpoint> {
    const { ns, id } = header;
    const row = page.rows.get(keyOf(ns, id));
    if (row === undefined) {
      const message = `a checkpoint of thread ${JSON.stringify(threadId)} was removed while it was read`;
      throw new StorageError("CONFLICT", "checkpoints", message);
    }
    const load = ({ type, data }: Typed) => this.#serde.loadsTyped(type, data) as Promise<unknown>;
    const values = versionsOf(row).flatMap(([channel, version]) => {
      const blob = page.blobs.get(keyOf(ns, channel, version));
      return blob === undefined ? [] : [[channel, blob] as const];
    });
    return readTableRow(threadId, header, async () => ({
      checkpoint: row.checkpoint,
      metadata: await this.#serde.loadsTyped(...(await this.#serde.dumpsTyped(row.metadata))),
      values: await Promise.all(
        values.map(async ([channel, blob]) => [channel, await load(blob)] as const),
      ),
      writes: await Promise.all(
        (page.writes.get(keyOf(ns, id)) ?? []).map(async (write) => ({
          ...write,
          value: await load(write),
        })),
      ),
    }));
  }
}

type WriteRow = [string, string, string, number, string, string | null, Uint8Array];

/** Pools that were made here, and are ended here, with the place they lead to. */
const OWNED = new WeakMap<PostgresPool, string>();

/** The channels of a checkpoint, and their versions as the table of blobs spells them. */
function versionsOf({ checkpoint }: PageRow): [channel: string, version: string][] {
  const versions = Object.entries(checkpoint?.channel_versions ?? {});
  return versions.map(([channel, version]) => [channel, String(version)]);
}

function keyOf(...parts: Row): string {
  return JSON.stringify(parts);
}
