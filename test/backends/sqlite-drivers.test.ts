import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type SqliteOptions, SqliteSaver } from "@threadkeep/sqlite";
import BetterSqlite3 from "better-sqlite3";
import Libsql from "libsql";
import { describe, it } from "vitest";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { contract } from "../src/harness.js";
import { sqliteOn } from "../src/sqlite.js";
import { everyBackend } from "../suites/all.js";
import { setupChecks } from "../suites/setup.js";

const suites = { ...everyBackend, setup: setupChecks };

contract(
  sqliteOn("libsql", (url) => new Libsql(url)),
  suites,
);

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 22 || (major === 22 && minor >= 13)) {
  const { DatabaseSync } = await import("node:sqlite" as string);
  contract(
    sqliteOn("node:sqlite", (url) => new DatabaseSync(url)),
    suites,
  );
} else {
  console.log(`node:sqlite is not tested: Node ${process.versions.node} does not have it`);
}

describe("a database that was passed in", () => {
  it("is set to survive power loss and to wait for others, unless options say otherwise", async () => {
    const settings = async (options?: SqliteOptions) => {
      const path = join(await mkdtemp(join(tmpdir(), "threadkeep-")), "test.db");
      const db = new BetterSqlite3(path);
      await new SqliteSaver(db, undefined, options).setup();
      const names = ["journal_mode", "synchronous", "busy_timeout"];
      const found = names.map((name) => db.pragma(name, { simple: true }));
      db.close();
      await rm(dirname(path), { recursive: true });
      return found;
    };
    assert.deepEqual(await settings(), ["wal", 2, 10_000]);
    assert.deepEqual(await settings({ synchronous: "NORMAL", busyTimeoutMs: 5 }), ["wal", 1, 5]);
  });

  it("stays open on end(), and serves what comes after", async () => {
    for (const db of [new BetterSqlite3(":memory:"), new Libsql(":memory:")]) {
      const saver = new SqliteSaver(db);
      await put(saver, place("t"), checkpoint("1", { a: 1 }));
      await saver.end();
      await assert.rejects(latest(saver, "t"), { code: "CLOSED" });
      assert.deepEqual(await latest(new SqliteSaver(db), "t"), { a: 1 });
      db.close();
      await assert.rejects(async () => latest(new SqliteSaver(db), "t"), { code: "CLOSED" });
    }
  });
});
