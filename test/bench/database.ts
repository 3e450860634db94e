import { statSync } from "node:fs";
import Database from "better-sqlite3";

/** `FULL`: each commit is synced to the disk. `NORMAL`: only now and then. */
export type Synchronous = "FULL" | "NORMAL";

/** Every database is as durable as the next; the few at `NORMAL` have a table of their own. */
export const durability = "journal_mode=WAL, synchronous=FULL";

const promised = new WeakMap<Database.Database, Synchronous>();

/** LangGraph's saver would leave `synchronous` at the driver's default. */
export function openDatabase(file: string, synchronous: Synchronous = "FULL"): Database.Database {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma(`synchronous = ${synchronous}`);
  promised.set(db, synchronous);
  return db;
}

/** At the end, so that no saver has changed it in the meantime. */
export function closeDatabase(db: Database.Database): void {
  const mode = db.pragma("journal_mode", { simple: true });
  const synchronous = db.pragma("synchronous", { simple: true });
  db.close();
  if (mode === "wal" && synchronous === { NORMAL: 1, FULL: 2 }[promised.get(db)!]) return;
  throw new Error(`measured at journal_mode=${mode}, synchronous=${synchronous}: not comparable`);
}

/** Of the file, with nothing left in the write-ahead log. */
export function fileBytes(db: Database.Database, file: string): number {
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
