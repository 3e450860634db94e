import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BaseCheckpointSaver, uuid6 } from "@langchain/langgraph-checkpoint";
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import type { CheckpointTables, Storage } from "@threadkeep/core";
import { LangGraphPostgresTables, PostgresStorage } from "@threadkeep/postgres";
import { LangGraphSqliteTables, SqliteStorage } from "@threadkeep/sqlite";
import Database from "better-sqlite3";
import pg from "pg";
import { inject } from "vitest";

/** A database that LangGraph's own saver has written to, or not yet. */
export interface LangGraphDatabase {
  readonly saver: BaseCheckpointSaver;
  readonly tables: CheckpointTables;
  /** Ours, in the same database. */
  readonly storage: Storage;
  /** Runs SQL as somebody else would; names stand in the right schema. */
  sql(text: string, ...params: unknown[]): Promise<Record<string, unknown>[]>;
  /** Of the pending writes: its name, and of the column of values. */
  readonly writes: { readonly table: string; readonly value: string };
  remove(): Promise<void>;
}

export async function langGraphSqlite(): Promise<LangGraphDatabase> {
  const dir = await mkdtemp(join(tmpdir(), "threadkeep-"));
  const path = join(dir, "app.db");
  const db = new Database(path);
  const saver = new SqliteSaver(db);
  // It makes its tables at its first call.
  await saver.getTuple({ configurable: { thread_id: "none" } });
  const tables = LangGraphSqliteTables.open(path);
  const storage = SqliteStorage.connect(path);
  return {
    saver,
    tables,
    storage,
    sql: async (text, ...params) => {
      const statement = db.prepare(text);
      if (statement.reader) return statement.all(...params) as Record<string, unknown>[];
      statement.run(...params);
      return [];
    },
    writes: { table: "writes", value: "value" },
    remove: async () => {
      await tables.end();
      await storage.close();
      db.close();
      await rm(dir, { recursive: true });
    },
  };
}

export async function langGraphPostgres(): Promise<LangGraphDatabase> {
  const url = inject("postgresUrl");
  const schema = `t_${randomBytes(8).toString("hex")}`;
  const ours = `${schema}_ours`;
  const pool = new pg.Pool({ connectionString: url, max: 4, options: `-c search_path=${schema}` });
  const saver = new PostgresSaver(pool, undefined, { schema });
  await saver.setup();
  const tables = LangGraphPostgresTables.connect(url, { schema, pool: { max: 2 } });
  const storage = PostgresStorage.connect(url, { schema: ours, pool: { max: 4 } });
  return {
    saver,
    tables,
    storage,
    sql: async (text, ...params) => {
      let count = 0;
      const numbered = text.replaceAll("?", () => {
        count += 1;
        return `$${count}`;
      });
      return (await pool.query(numbered, params)).rows;
    },
    writes: { table: "checkpoint_writes", value: "blob" },
    remove: async () => {
      await tables.end();
      await storage.close();
      for (const one of [schema, ours]) await pool.query(`DROP SCHEMA IF EXISTS "${one}" CASCADE`);
      await pool.end();
    },
  };
}

export const at = (thread: string, id?: string) => ({
  configurable: { thread_id: thread, checkpoint_ns: "", checkpoint_id: id },
});

/** Puts a checkpoint with one channel, and a pending write. */
export async function put(
  { saver }: Pick<LangGraphDatabase, "saver">,
  thread: string,
  {
    id = uuid6(0),
    parent,
    v = 4,
    value = "x",
  }: Partial<Record<"id" | "parent", string>> & {
    v?: number;
    value?: unknown;
  } = {},
): Promise<string> {
  const versions = { value: 1 };
  const checkpoint = {
    ...{ v, id, ts: "2026-01-02T03:04:05.678Z", channel_values: { value } },
    ...{ channel_versions: versions, versions_seen: {} },
  };
  const metadata = { source: "loop", step: 0, parents: {} } as const;
  // biome-ignore lint/suspicious/noExplicitAny: the savers differ in what they declare
  await (saver.put as any)(at(thread, parent), checkpoint, metadata, versions);
  await saver.putWrites(at(thread, id), [["value", `${value}!`]], "task");
  return id;
}
