import assert from "node:assert/strict";
import { uuid6 } from "@langchain/langgraph-checkpoint";
import { Persistence, type Storage } from "@threadkeep/core";
import { describe, it } from "vitest";
import { assertSame } from "./src/equal.js";
import { assertEmpty, assertEqual, collect } from "./src/imported.js";
import {
  at,
  type LangGraphDatabase,
  langGraphPostgres,
  langGraphSqlite,
  put,
} from "./src/langgraph-databases.js";
import { assertRefused, refusal } from "./src/refusal.js";

const SOURCES = { sqlite: langGraphSqlite, postgres: langGraphPostgres };

async function withSource(
  create: () => Promise<LangGraphDatabase>,
  work: (db: LangGraphDatabase) => Promise<void>,
): Promise<void> {
  const db = await create();
  try {
    await work(db);
  } finally {
    await db.remove();
  }
}

const rowsOf = async (db: LangGraphDatabase) => [
  await db.sql("SELECT * FROM checkpoints ORDER BY thread_id, checkpoint_id"),
  await db.sql(`SELECT * FROM ${db.writes.table} ORDER BY thread_id, checkpoint_id, task_id, idx`),
];

for (const [name, create] of Object.entries(SOURCES)) {
  const check = (title: string, work: (db: LangGraphDatabase, ours: Storage) => Promise<void>) =>
    it(title, { timeout: 600_000 }, () => withSource(create, (db) => work(db, db.storage)));

  describe(`the tables of LangGraph's ${name} saver`, () => {
    check("empty ones give an empty report", async (db, storage) => {
      assertSame(await collect(db.tables.threads()), []);
      const report = await new Persistence(storage).importFrom(db.tables);
      assertSame(report, { threads: 0, checkpoints: 0, writes: 0, skipped: [] });
    });

    check(
      "more threads than a page holds, each once; they are not changed",
      async (db, storage) => {
        const names = Array.from({ length: 1203 }, (_, i) => `t${i}`);
        await put(db, "t0");
        const columns =
          "checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata";
        await db.sql(
          `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1202)
INSERT INTO checkpoints (thread_id, ${columns}) SELECT 't' || n, ${columns}
FROM checkpoints CROSS JOIN numbers WHERE thread_id = 't0'`,
        );
        const before = await rowsOf(db);
        const found = await collect(db.tables.threads());
        assertSame([...found].sort(), names.sort());
        const some = ["t7", "t1202", "t0"];
        const report = await new Persistence(storage).importFrom(db.tables, { threads: some });
        assertSame(report, { threads: 3, checkpoints: 3, writes: 1, skipped: [] });
        const sessions = await storage.sessions({ owner: {}, limit: 10 });
        assertSame(sessions.map(({ id }) => id).sort(), [...some].sort());
        assertSame(await rowsOf(db), before);
      },
    );

    check("a missing table is named", async (db, storage) => {
      const { table } = db.writes;
      await db.sql(`DROP TABLE ${table}`);
      const persistence = new Persistence(storage);
      const isNamed = new RegExp(`no table .*${table}`);
      await assertRefused(() => collect(db.tables.threads()), "NOT_FOUND", "threads", isNamed);
      await assertRefused(
        () => persistence.importFrom(db.tables),
        "NOT_FOUND",
        "importFrom",
        isNamed,
      );
      const one = { threads: ["t"] };
      await assertRefused(
        () => persistence.importFrom(db.tables, one),
        ...(["NOT_FOUND", "importFrom", isNamed] as const),
      );
    });

    check("a row that cannot be decoded leaves nothing of its thread", async (db, storage) => {
      const persistence = new Persistence(storage);
      const { table, value } = db.writes;
      const breaks = [
        `UPDATE ${table} SET ${value} = '{"a":' WHERE thread_id = 'b' AND checkpoint_id = ?`,
        `UPDATE ${table} SET type = 'msgpack' WHERE thread_id = 'b' AND checkpoint_id = ?`,
        `UPDATE checkpoints SET checkpoint = '[]' WHERE thread_id = 'b' AND checkpoint_id = ?`,
        `UPDATE checkpoints SET metadata = '7' WHERE thread_id = 'b' AND checkpoint_id = ?`,
        `UPDATE checkpoints SET checkpoint = '{"v":4,"id":"other"}' WHERE checkpoint_id = ?`,
      ];
      await put(db, "a");
      for (const [i, text] of breaks.entries()) {
        const first = await put(db, "b");
        const last = await put(db, "b", { parent: first });
        await db.sql(text, last);
        const error = await refusal(() => persistence.importFrom(db.tables));
        assertSame([error.code, error.operation], ["CORRUPT", "importFrom"], text);
        assert.ok(error.message.includes(`"${last}"`) && error.message.includes('"b"'), text);
        const sessions = await storage.sessions({ owner: {}, limit: 10 });
        assertSame(
          sessions.map(({ id }) => id),
          ["a"],
          text,
        );
        assertSame(
          await collect(persistence.checkpointer.list({ configurable: { thread_id: "b" } })),
          [],
        );
        await db.saver.deleteThread("b");
        if (i === 0) await assertEqual(persistence.checkpointer, db.saver, "a");
      }
    });

    check("before format 4 the sends of a step stand at the parent", async (db, storage) => {
      const parent = await put(db, "old", { v: 3 });
      const send = (i: number): [string, unknown] => ["__pregel_tasks", { node: "n", args: { i } }];
      await db.saver.putWrites(at("old", parent), [send(2), send(3), send(4)], "t2");
      await db.saver.putWrites(at("old", parent), [send(1)], "t1");
      await put(db, "old", { v: 3, parent });
      const persistence = new Persistence(storage);
      const { checkpointer } = persistence;
      await persistence.importFrom(db.tables);
      await assertEqual(checkpointer, db.saver, "old");
      const newest = await checkpointer.get(at("old"));
      const expected = [1, 2, 3, 4].map((i) => send(i)[1]);
      assertSame(newest?.channel_values.__pregel_tasks, expected);
    });

    check("a thread that is deleted while it is read is refused", async (db, storage) => {
      for (let i = 0, parent: string | undefined; i < 12; i += 1) {
        parent = await put(db, "t", parent === undefined ? {} : { parent });
      }
      const read = db.tables.checkpoints("t")[Symbol.asyncIterator]();
      assert.equal((await read.next()).done, false);
      await db.saver.deleteThread("t");
      const rest = async () => {
        while (!(await read.next()).done);
      };
      await assertRefused(rest, "CONFLICT", "checkpoints", /"t" was removed/);
      await assertEmpty(storage, "nothing was imported");
    });

    check("a clock that went wrong: parents come first all the same", async (db) => {
      const ids = Array.from({ length: 4 }, (_, i) => uuid6(i)).sort();
      const [early, mid, late, last] = ids as [string, string, string, string];
      await put(db, "t", { id: late });
      await put(db, "t", { id: mid, parent: late });
      await put(db, "t", { id: early, parent: mid });
      await put(db, "t", { id: last, parent: "gone" });
      const read = await collect(db.tables.checkpoints("t"));
      assertSame(
        read.map(({ checkpoint }) => checkpoint.id),
        [late, mid, early, last],
      );
    });
  });
}
