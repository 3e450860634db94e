import { statSync } from "node:fs";
import Database from "better-sqlite3";

/** Every database of the benchmark is as durable as the next: each commit is synced to the disk. */
export const durability = "journal_mode=WAL, synchronous=FULL";

/** LangGraph's saver would leave `synchronous` at the driver's default, which is less. */
export function openDatabase(file: string): Database.Database {
  const db = new Database(file);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  return db;
}

/** At the end, so that no saver has changed it in the meantime. */
export function assertDurable(db: Database.Database): void {
  const mode = db.pragma("journal_mode", { simple: true });
  const synchronous = db.pragma("synchronous", { simple: true });
  if (mode === "wal" && synchronous === 2) return;
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
