import { JsonPlusSerializer, type SerializerProtocol } from "@langchain/langgraph-checkpoint";
import type { CheckpointTables, TableCheckpoint } from "@threadkeep/core";
import {
  type DecodedRow,
  inOrderMade,
  readTableRow,
  StorageError,
  type TableHeader,
} from "@threadkeep/core/backend";
import type { SqliteDatabase } from "./driver.js";
import { toStorageError } from "./errors.js";
import { openDatabase } from "./open.js";

/** Options of {@link LangGraphSqliteTables}. */
export interface LangGraphSqliteOptions {
  /** What LangGraph's saver was made with, where that was not its own serializer. */
  readonly serde?: SerializerProtocol;
}

interface Row {
  readonly type: string | null;
  readonly checkpoint: Uint8Array | string;
  readonly metadata: Uint8Array | string;
}

interface WriteRow {
  readonly task_id: string;
  readonly idx: number | bigint;
  readonly channel: string;
  readonly type: string | null;
  readonly value: Uint8Array | string | null;
}

const TABLES = ["checkpoints", "writes"] as const;
const THREADS_AT_ONCE = 1000;

const THREADS = `SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id > ?
ORDER BY thread_id LIMIT ${THREADS_AT_ONCE}`;
const HEADERS = `SELECT checkpoint_ns AS ns, checkpoint_id AS id, parent_checkpoint_id AS parentId
FROM checkpoints WHERE thread_id = ?`;
const ROW = `SELECT type, checkpoint, metadata FROM checkpoints
WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?`;
const WRITES = `SELECT task_id, idx, channel, type, value FROM writes
WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? ORDER BY task_id, idx`;

/**
 * The tables of LangGraph's `SqliteSaver` (`@langchain/langgraph-checkpoint-sqlite`), to move threads
 * out of. They are only read, a checkpoint at a time.
 *
 * @example
 * ```ts
 * const tables = LangGraphSqliteTables.open("old.db");
 * const persistence = new Persistence(SqliteStorage.connect("new.db"));
 * const { threads, skipped } = await persistence.importFrom(tables);
 * await tables.end();
 * ```
 */
export class LangGraphSqliteTables implements CheckpointTables {
  readonly #db: SqliteDatabase;
  readonly #serde: SerializerProtocol;
  #owned = false;
  #ended = false;

  /** @param db a database of `better-sqlite3`, `libsql` or `node:sqlite`; it stays open on `end` */
  constructor(db: SqliteDatabase, { serde }: LangGraphSqliteOptions = {}) {
    this.#db = db;
    this.#serde = serde ?? new JsonPlusSerializer();
  }

  /**
   * Opens a file, which must be there, for reading only; `end` closes it.
   * @throws StorageError `CONNECTION` where it cannot be opened
   */
  static open(path: string, options: LangGraphSqliteOptions = {}): LangGraphSqliteTables {
    const db = openDatabase(path, { readonly: true, fileMustExist: true });
    const tables = new LangGraphSqliteTables(db, options);
    tables.#owned = true;
    return tables;
  }

  /**
   * The ids of all threads that have checkpoints, in the order of their bytes.
   * @throws StorageError `NOT_FOUND` naming a table that is not there
   */
  async *threads(): AsyncGenerator<string> {
    this.#checkTables("threads");
    for (let after = ""; ; ) {
      const page = this.#read<{ thread_id: string }>("threads", THREADS, [after]);
      for (const { thread_id } of page) yield thread_id;
      const last = page.at(-1);
      if (last === undefined || page.length < THREADS_AT_ONCE) return;
      after = last.thread_id;
    }
  }

  /**
   * The checkpoints of a thread in every namespace, in the order in which they were made. Only their
   * ids are held at once.
   * @throws StorageError `NOT_FOUND` naming a table that is not there; `CORRUPT` naming a checkpoint
   * that cannot be decoded; `CONFLICT` where a checkpoint was removed meanwhile
   */
  async *checkpoints(threadId: string): AsyncGenerator<TableCheckpoint> {
    this.#checkTables("checkpoints");
    const headers = this.#read<TableHeader>("checkpoints", HEADERS, [threadId]);
    for (const header of inOrderMade(headers)) {
      const key = [threadId, header.ns, header.id];
      const [row] = this.#read<Row>("checkpoints", ROW, key);
      const writes = this.#read<WriteRow>("checkpoints", WRITES, key);
      if (row === undefined) throw removedMeanwhile(threadId);
      yield await readTableRow(threadId, header, () => this.#decode(row, writes));
    }
  }

  /** Closes the file that `open` opened. */
  async end(): Promise<void> {
    if (this.#owned && !this.#ended) this.#db.close();
    this.#ended = true;
  }

  async #decode(row: Row, writes: readonly WriteRow[]): Promise<DecodedRow> {
    const load = (type: string | null, data: Uint8Array | string | null) =>
      this.#serde.loadsTyped(type ?? "json", data ?? "") as Promise<unknown>;
    return {
      checkpoint: await load(row.type, row.checkpoint),
      metadata: await load(row.type, row.metadata),
      writes: await Promise.all(
        writes.map(async ({ task_id, idx, channel, type, value }) => ({
          taskId: task_id,
          idx: Number(idx),
          channel,
          value: await load(type, value),
        })),
      ),
    };
  }

  #checkTables(operation: string): void {
    const names = TABLES.map(() => "?").join(", ");
    const sql = `SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name IN (${names})`;
    const found = this.#read<{ name: string }>(operation, sql, TABLES);
    const missing = TABLES.find((table) => found.every(({ name }) => name !== table));
    if (missing === undefined) return;
    throw new StorageError(
      "NOT_FOUND",
      operation,
      `there is no table ${missing}: the database was not written by LangGraph's SqliteSaver`,
    );
  }

  #read<T>(operation: string, sql: string, params: readonly string[]): T[] {
    if (this.#ended) throw new StorageError("CLOSED", operation, "the tables were closed");
    try {
      return this.#db.prepare(sql).all(...params) as T[];
    } catch (error) {
      throw toStorageError(operation, error);
    }
  }
}

function removedMeanwhile(threadId: string): StorageError {
  const message = `a checkpoint of thread ${JSON.stringify(threadId)} was removed while it was read`;
  return new StorageError("CONFLICT", "checkpoints", message);
}
