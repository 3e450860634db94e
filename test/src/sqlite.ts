import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteStorage } from "@threadkeep/sqlite";
import Database from "better-sqlite3";
import type { Backend } from "./harness.js";

/** A file of its own, which lasts as long as the test. */
async function create() {
  const dir = await mkdtemp(join(tmpdir(), "threadkeep-"));
  const url = join(dir, "test.db");
  return {
    connect: async ({ place = "" } = {}) => SqliteStorage.connect(url, { tablePrefix: place }),
    remove: () => rm(dir, { recursive: true }),
    durable: {
      module: new URL("./sqlite-connect.ts", import.meta.url).href,
      url,
      sql: async (text: string) => rows(url, text),
      placeOption: "tablePrefix",
      places: ["one_", "two_"] as const,
      table: (name: string, place = "") => `"${place}${name}"`,
    },
  };
}

function rows(url: string, text: string): Record<string, unknown>[] {
  const db = new Database(url);
  try {
    const statement = db.prepare(text);
    if (statement.reader) return statement.all() as Record<string, unknown>[];
    statement.run();
    return [];
  } finally {
    db.close();
  }
}

export const sqlite: Backend = { name: "sqlite", create };
