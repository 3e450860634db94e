import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph-checkpoint";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import * as threadkeep from "@threadkeep/core";
import * as threadkeepSqlite from "@threadkeep/sqlite";
import type { Database } from "better-sqlite3";
import { closeDatabase, fileBytes, openDatabase, type Synchronous } from "./database.js";
import { RawTable } from "./raw.js";
import { CommittingReferenceSaver, ReferenceSaver } from "./reference-saver.js";

/** Whose saver: none at all, the floor without and with commits, LangGraph's own, threadkeep's. */
export type SaverName =
  | "none"
  | "references"
  | "references-committing"
  | "langgraph-memory"
  | "langgraph-sqlite"
  | "threadkeep-memory"
  | "threadkeep-sqlite";

export const labels: Record<SaverName, string> = {
  none: "no checkpointer",
  references: "references only (the floor)",
  "references-committing": "the floor, and a raw insert per call",
  "langgraph-memory": "LangGraph MemorySaver",
  "langgraph-sqlite": "LangGraph SqliteSaver",
  "threadkeep-memory": "threadkeep MemorySaver",
  "threadkeep-sqlite": "threadkeep SqliteSaver",
};

export interface OpenSaver {
  /** Absent where nothing is saved. */
  readonly saver: BaseCheckpointSaver | undefined;
  /** Forgets what threadkeep has cached; the others cache nothing. */
  dropCaches(): void;
  /** Bytes of the database file, with nothing left in the write-ahead log; of a server's tables. */
  bytes(): number | Promise<number>;
  /** What of it tables and indexes have taken, where files grow far ahead of them. */
  takenBytes?(): Promise<number>;
  close(): Promise<void>;
}

/** As much as a call of a chat's turn has to write, roughly. */
const smallRow = "x".repeat(800);

/** SQLite savers keep their data in `file`. */
export async function openSaver(
  name: SaverName,
  file: string,
  synchronous: Synchronous = "FULL",
): Promise<OpenSaver> {
  switch (name) {
    case "none":
      return inMemory(undefined);
    case "references":
      return inMemory(new ReferenceSaver());
    case "references-committing": {
      const raw = new RawTable(openDatabase(file));
      const saver = new CommittingReferenceSaver(() => raw.insert(smallRow));
      return { ...inMemory(saver), close: async () => raw.close() };
    }
    case "langgraph-memory":
      return inMemory(new MemorySaver());
    case "threadkeep-memory":
      return inMemory(new threadkeep.MemorySaver());
    case "langgraph-sqlite": {
      const db = openDatabase(file, synchronous);
      const saver = new SqliteSaver(db);
      // Makes its tables at the first call, which is not to be timed.
      await saver.getTuple({ configurable: { thread_id: "none" } });
      return onDisk(db, file, saver);
    }
    case "threadkeep-sqlite": {
      const db = openDatabase(file, synchronous);
      const saver = new threadkeepSqlite.SqliteSaver(db, undefined, { synchronous });
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
  db: Database,
  file: string,
  saver: BaseCheckpointSaver,
  own?: threadkeepSqlite.SqliteSaver,
): OpenSaver => ({
  saver,
  dropCaches: () => own?.dropCaches(),
  bytes: () => fileBytes(db, file),
  close: async () => {
    await own?.end();
    closeDatabase(db);
  },
});
