import assert from "node:assert/strict";
import { type CheckpointTables, MemoryStorage, Persistence } from "@threadkeep/core";
import { afterAll, beforeAll, describe, it } from "vitest";
import { assertSame } from "./src/equal.js";
import { threadConfig } from "./src/graphs.js";
import { assertEqual, collect, said, withoutStacks } from "./src/imported.js";
import {
  type LangGraphDatabase,
  langGraphPostgres,
  langGraphSqlite,
} from "./src/langgraph-databases.js";
import { STORIES, writeStories } from "./src/langgraph-threads.js";

const SOURCES = { sqlite: langGraphSqlite, postgres: langGraphPostgres };
/** No check is timed. */
const TIMEOUT_MS = 600_000;
const THREADS = Object.keys(STORIES).sort();

for (const [name, create] of Object.entries(SOURCES)) {
  describe(`threads of LangGraph's ${name} saver`, { timeout: TIMEOUT_MS }, () => {
    let db: LangGraphDatabase;
    beforeAll(async () => {
      db = await create();
      await writeStories(db.saver);
    }, TIMEOUT_MS);
    afterAll(() => db.remove());

    it("their tables tell of every checkpoint what their saver tells", async () => {
      assert.deepEqual((await collect(db.tables.threads())).sort(), THREADS);
      for (const thread of THREADS) {
        const read = (await collect(db.tables.checkpoints(thread))).reverse();
        const listed = await collect(db.saver.list(threadConfig(thread)));
        assertSame(read.map(said), listed.map(said), thread);
      }
      assertSame(await collect(db.tables.checkpoints("nobody")), []);
    });

    it("all of it comes over, once", async () => {
      for (const storage of [new MemoryStorage(), db.storage]) {
        const persistence = new Persistence(storage);
        const report = await persistence.importFrom(db.tables);
        assert.equal(report.threads, THREADS.length);
        assertSame(report.skipped, []);
        let [checkpoints, writes] = [0, 0];
        for (const thread of THREADS) {
          await assertEqual(persistence.checkpointer, db.saver, thread);
          for await (const tuple of db.saver.list(threadConfig(thread))) {
            checkpoints += 1;
            writes += tuple.pendingWrites?.length ?? 0;
          }
        }
        assertSame([report.checkpoints, report.writes], [checkpoints, writes]);
        assert.equal((await storage.sessions({ owner: {}, limit: 100 })).length, THREADS.length);

        const again = await persistence.importFrom(db.tables);
        assertSame(
          { ...again, skipped: [...again.skipped].sort() },
          {
            ...{ threads: 0, checkpoints: 0, writes: 0 },
            skipped: THREADS,
          },
        );
      }
    });

    it("what waits, has failed or is done is found as such", async () => {
      const storage = new MemoryStorage();
      await new Persistence(storage).importFrom(db.tables);
      const ids = async (status: "interrupted" | "failed" | "done" | "running") => {
        const found = await storage.sessions({ owner: {}, statuses: [status], limit: 100 });
        return found.map(({ id }) => id).filter((id) => id !== "sends");
      };
      assertSame((await ids("interrupted")).sort(), ["functional", "nested"]);
      assertSame(await ids("failed"), ["failed"]);
      assertSame((await ids("done")).sort(), ["chat", "delta", "forked", "values"]);
      assertSame(await ids("running"), []);
    });

    it("pending writes keep their numbers", async () => {
      const columns = "checkpoint_id, task_id, idx, channel";
      const sql = `SELECT ${columns} FROM ${db.writes.table} WHERE thread_id = ?`;
      /** Threads whose writes have other numbers after an import. */
      const renumbered = async (tables: CheckpointTables) => {
        const storage = new MemoryStorage();
        await new Persistence(storage).importFrom(tables);
        const found: string[] = [];
        for (const thread of THREADS) {
          const theirs = (await db.sql(sql, thread)).map((row) => Object.values(row));
          const writes = await storage.sessionWrites(thread);
          const ours = writes.map((w) => [w.checkpointId, w.taskId, w.idx, w.channel]);
          if (String(ours.map(String).sort()) !== String(theirs.map(String).sort())) {
            found.push(thread);
          }
        }
        return found;
      };
      assertSame(await renumbered(db.tables), []);
      const numberless: CheckpointTables = {
        threads: () => db.tables.threads(),
        checkpoints: async function* (thread) {
          for await (const { writeNumbers: _, ...one } of db.tables.checkpoints(thread)) yield one;
        },
        end: async () => {},
      };
      assert.ok((await renumbered(numberless)).includes("functional"));
    });

    it("a thread goes on as it would have gone on there", async () => {
      await new Persistence(db.storage).importFrom(db.tables);
      const { checkpointer } = new Persistence(db.storage);
      for (const [thread, story] of Object.entries(STORIES)) {
        const config = threadConfig(thread);
        const [ours, theirs] = [story.compile(checkpointer), story.compile(db.saver)];
        const before = await Promise.all([ours.getState(config), theirs.getState(config)]);
        assertSame(withoutStacks(before[0].values), withoutStacks(before[1].values), thread);
        assertSame(before[0].next, before[1].next, thread);
        assertSame(
          withoutStacks(await story.goOn(ours, config)),
          withoutStacks(await story.goOn(theirs, config)),
          thread,
        );
        assertSame((await ours.getState(config)).next, (await theirs.getState(config)).next);
      }
    });
  });
}
