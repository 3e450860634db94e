import Database from "better-sqlite3";
import type { SqliteDatabase } from "./driver.js";
import { toStorageError } from "./errors.js";

/**
 * Opens `:memory:`, a path, or a path behind `sqlite:`, `sqlite://` or `file:`.
 * @throws StorageError `CONNECTION` where it cannot be opened
 */
export function openDatabase(url: string, options: Database.Options = {}): SqliteDatabase {
  try {
    return new Database(url.replace(/^(sqlite|file):(\/\/)?/, ""), options);
  } catch (error) {
    const failed = toStorageError("open", error);
    // A directory that is not there is a TypeError of the driver.
    if (failed.code !== "DATABASE") throw failed;
    throw toStorageError("open", Object.assign(error as Error, { code: "SQLITE_CANTOPEN" }));
  }
}
