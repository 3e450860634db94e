import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SqliteDatabase, SqliteStorage } from "@threadkeep/sqlite";
import Database from "better-sqlite3";
import type { Backend, Durable, Place } from "./harness.js";

/** A file of its own, which lasts as long as the test. */
async function createFile(
  open: (url: string) => SqliteDatabase,
): Promise<{ url: string; remove(): Promise<void>; durable: Durable }> {
  const dir = await mkdtemp(join(tmpdir(), "threadkeep-"));
  const url = join(dir, "test.db");
  return {
    url,
    remove: () => rm(dir, { recursive: true }),
    durable: {
      module: new URL("./sqlite-connect.ts", import.meta.url).href,
      url,
      sql: async (text) => rows(open(url), text),
      placeOption: "tablePrefix",
      places: ["one_", "two_"],
      table: (name, place = "") => `"${place}${name}"`,
    },
  };
}

/** With the driver under test: two SQLite libraries in one process break each other's file locks. */
function rows(db: SqliteDatabase, text: string): Record<string, unknown>[] {
  try {
    const statement = db.prepare(text);
    // Node's own rows have no prototype.
    if (text.startsWith("SELECT")) return statement.all().map((row) => ({ ...(row as object) }));
    statement.run();
    return [];
  } finally {
    db.close();
  }
}

export const sqlite: Backend = {
  name: "sqlite",
  create: async () => {
    const { url, ...file } = await createFile((path) => new Database(path));
    const connect: Place["connect"] = async ({ place = "" } = {}) =>
      SqliteStorage.connect(url, { tablePrefix: place });
    return { ...file, connect };
  },
};

/** SQLite with another driver; its databases are passed in. */
export function sqliteOn(name: string, open: (url: string) => SqliteDatabase): Backend {
  return {
    name: `sqlite on ${name}`,
    create: async () => {
      const { url, durable, remove } = await createFile(open);
      const opened: SqliteDatabase[] = [];
      return {
        durable,
        connect: async ({ place = "" } = {}) => {
          const db = open(url);
          opened.push(db);
          return new SqliteStorage(db, { tablePrefix: place });
        },
        remove: async () => {
          for (const db of opened) db.close();
          await remove();
        },
      };
    },
  };
}
