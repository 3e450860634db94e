import { statSync } from "node:fs";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph-checkpoint";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import * as threadkeep from "@threadkeep/core";
import * as threadkeepSqlite from "@threadkeep/sqlite";
import Database, { type Database as Db } from "better-sqlite3";
import { ReferenceSaver } from "./reference-saver.js";

/** Whose saver: none at all, the floor, LangGraph's own, or threadkeep's. */
export type SaverName =
  | "none"
  | "references"
  | "langgraph-memory"
  | "langgraph-sqlite"
  | "threadkeep-memory"
  | "threadkeep-sqlite";

export const labels: Record<SaverName, string> = {
  none: "no checkpointer",
  references: "references only (the floor)",
  "langgraph-memory": "LangGraph MemorySaver",
  "langgraph-sqlite": "LangGraph SqliteSaver",
  "threadkeep-memory": "threadkeep MemorySaver",
  "threadkeep-sqlite": "threadkeep SqliteSaver",
};

export interface OpenSaver {
  /** Absent where nothing is saved. */
  readonly saver: BaseCheckpointSaver | undefined;
  /** Forgets what the process has cached of the database. */
  dropCaches(): void;
  /** Bytes of the database file, with nothing left in the write-ahead log. */
  bytes(): number;
  close(): Promise<void>;
}

/** SQLite savers keep their data in `file`. */
export async function openSaver(name: SaverName, file: string): Promise<OpenSaver> {
  switch (name) {
    case "none":
      return inMemory(undefined);
    case "references":
      return inMemory(new ReferenceSaver());
    case "langgraph-memory":
      return inMemory(new MemorySaver());
    case "threadkeep-memory":
      return inMemory(new threadkeep.MemorySaver());
    case "langgraph-sqlite": {
      const db = openDatabase(file);
      const saver = new SqliteSaver(db);
      // Makes its tables at the first call, which is not to be timed.
      await saver.getTuple({ configurable: { thread_id: "none" } });
      return onDisk(db, file, saver);
    }
    case "threadkeep-sqlite": {
      const db = openDatabase(file);
      const saver = new threadkeepSqlite.SqliteSaver(db);
      await saver.setup();
      return onDisk(db, file, saver, saver);
    }
  }
}

const inMemory = (saver: BaseCheckpointSaver | undefined): OpenSaver => ({
  saver,
  dropCaches: () => {},
  bytes: () => 0,
  close: async () => {},
});

const onDisk = (
  db: Db,
  file: string,
  saver: BaseCheckpointSaver,
  own?: threadkeepSqlite.SqliteSaver,
): OpenSaver => ({
  saver,
  dropCaches: () => own?.dropCaches(),
  bytes: () => fileBytes(db, file),
  close: async () => {
    await own?.end();
    assertDurable(db);
    db.close();
  },
});

/** Every database of the benchmark is as durable as the next: each commit is synced to the disk. */
export const durability = "journal_mode=WAL, synchronous=FULL";

/** LangGraph's saver would leave `synchronous` at the driver's default, which is less. */
export function openDatabase(file: string): Db {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  return db;
}

/** At the end, so that no saver has changed it in the meantime. */
export function assertDurable(db: Db): void {
  const mode = db.pragma("journal_mode", { simple: true });
  const synchronous = db.pragma("synchronous", { simple: true });
  if (mode === "wal" && synchronous === 2) return;
  throw new Error(`measured at journal_mode=${mode}, synchronous=${synchronous}: not comparable`);
}

function fileBytes(db: Db, file: string): number {
  const [state] = db.pragma("wal_checkpoint(TRUNCATE)") as { busy: number }[];
  if (state?.busy !== 0) throw new Error(`${file} is in use, its log cannot be emptied`);
  return statSync(file).size;
}

export function sqliteVersion(): string {
  const db = new Database(":memory:");
  try {
    return db.prepare("SELECT sqlite_version()").pluck().get() as string;
  } finally {
    db.close();
  }
}
