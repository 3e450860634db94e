import assert from "node:assert/strict";
import { SqliteSaver } from "@threadkeep/sqlite";
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
