import assert from "node:assert/strict";
import { JsonPlusSerializer, type SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import {
  ChatMessageHistory,
  type CheckpointTables,
  MemoryStorage,
  Persistence,
  type TableCheckpoint,
} from "@threadkeep/core";
import { LangGraphPostgresTables } from "@threadkeep/postgres";
import { LangGraphSqliteTables } from "@threadkeep/sqlite";
import Database from "better-sqlite3";
import pg from "pg";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { assertSame } from "./src/equal.js";
import { assertEmpty, assertEqual, collect } from "./src/imported.js";
import { at, type LangGraphDatabase, langGraphSqlite, put } from "./src/langgraph-databases.js";
import { assertRefused, refusal } from "./src/refusal.js";

/** Tables whose checkpoints are changed on the way. */
function changed(
  tables: CheckpointTables,
  change: (all: TableCheckpoint[]) => readonly TableCheckpoint[],
): CheckpointTables {
  return {
    threads: () => tables.threads(),
    checkpoints: async function* (threadId) {
      yield* change(await collect(tables.checkpoints(threadId)));
    },
    end: () => tables.end(),
  };
}

describe("importFrom", () => {
  let db: LangGraphDatabase;
  beforeAll(async () => {
    db = await langGraphSqlite();
    const first = await put(db, "a");
    await put(db, "a", { parent: first, value: { deep: ["y"] } });
    await put(db, "b");
  });
  afterAll(() => db.remove());
  const fresh = () => new Persistence(new MemoryStorage());

  it("tells how far it is", async () => {
    const persistence = fresh();
    await persistence.importFrom(db.tables, { threads: ["b"] });
    const { storage } = persistence.checkpointer;
    const seen: string[] = [];
    const here: Promise<unknown>[] = [];
    await persistence.importFrom(db.tables, {
      onProgress: ({ thread, threads, checkpoints }) => {
        seen.push(`${thread} ${threads} ${checkpoints}`);
        here.push(storage.guard(thread));
      },
    });
    assertSame(seen, ["a 0 1", "a 0 2", "a 1 2", "b 2 2"]);
    const guards = await Promise.all(here);
    assertSame(
      guards.map((guard) => guard !== undefined),
      [false, false, true, true],
    );
  });

  /** An import that fails in the middle of a thread. */
  const leavesNothing = async (storage: MemoryStorage) => {
    const stop = new Error("enough");
    const onProgress = ({ checkpoints }: { checkpoints: number }) => {
      if (checkpoints === 2) throw stop;
    };
    const persistence = new Persistence(storage);
    await assert.rejects(persistence.importFrom(db.tables, { onProgress }), stop);
    await assertEmpty(storage, "after the throw");
  };

  it("what onProgress throws ends it, and leaves nothing of the thread", async () => {
    await leavesNothing(new MemoryStorage());
    class Forgetful extends MemoryStorage {
      override async deleteSession(): Promise<boolean> {
        return true;
      }
    }
    await assert.rejects(leavesNothing(new Forgetful()), /after the throw/);
  });

  it("a thread that the tables do not hold is refused", async () => {
    const persistence = fresh();
    const call = () => persistence.importFrom(db.tables, { threads: ["a", "nobody"] });
    await assertRefused(call, "NOT_FOUND", "importFrom", /"nobody"/);
    await assertEqual(persistence.checkpointer, db.saver, "a");
    assert.equal(await persistence.checkpointer.storage.guard("nobody"), undefined);
  });

  it("a thread that is here is left as it is, whatever it holds", async () => {
    const persistence = fresh();
    const { storage } = persistence.checkpointer;
    await new ChatMessageHistory(storage, "a").addUserMessage("mine");
    const report = await persistence.importFrom(db.tables);
    assertSame(report, { threads: 1, checkpoints: 1, writes: 1, skipped: ["a"] });
    assert.equal(await persistence.checkpointer.getTuple(at("a")), undefined);
  });

  it("of two imports at once one brings a thread over", async () => {
    const persistence = fresh();
    const rival = new Persistence(persistence.checkpointer.storage);
    const reports = await Promise.all([persistence, rival].map((one) => one.importFrom(db.tables)));
    const total = (key: "threads") => reports.reduce((sum, report) => sum + report[key], 0);
    assert.equal(total("threads"), 2);
    assert.equal(reports.flatMap(({ skipped }) => skipped).length, 2);
    for (const thread of ["a", "b"]) await assertEqual(rival.checkpointer, db.saver, thread);
  });

  it("a thread's last activity is its last checkpoint's time", async () => {
    const persistence = fresh();
    await persistence.importFrom(db.tables);
    const session = await persistence.checkpointer.storage.session("a");
    assert.equal(session?.updatedAt, Date.parse("2026-01-02T03:04:05.678Z"));
  });

  it("for an owner, the threads are the owner's", async () => {
    const storage = new MemoryStorage();
    const everybody = new Persistence(storage);
    for (const tenantId of ["x", "y"]) {
      const own = everybody.forOwner({ tenantId });
      const report = await own.importFrom(db.tables);
      assertSame(report, { threads: 2, checkpoints: 3, writes: 3, skipped: [] });
      for (const thread of ["a", "b"]) await assertEqual(own.checkpointer, db.saver, thread);
      const { sessions } = await everybody.sessions.list({ tenantId });
      assert.equal(sessions.length, 2);
    }
  });

  it("a value that we cannot store names its checkpoint, and leaves nothing", async () => {
    const persistence = fresh();
    class Foreign {
      readonly at = 1;
    }
    const broken = changed(db.tables, (all) =>
      all.map((one, i) => (i === 0 ? one : withValue(one, new Foreign()))),
    );
    const error = await refusal(() => persistence.importFrom(broken));
    assertSame([error.code, error.operation], ["NOT_SERIALIZABLE", "importFrom"]);
    assert.match(error.message, /checkpoint ".+" of thread "a".*state\.value/);
    await assertEmpty(persistence.checkpointer.storage, "after the refusal");
  });

  it("wrong arguments are refused before anything is read", async () => {
    const persistence = fresh();
    const bad: [unknown, unknown, RegExp][] = [
      [undefined, {}, /tables/],
      [{ threads: () => [] }, {}, /tables/],
      [db.tables, null, /options/],
      [db.tables, { threads: "a" }, /threads must be a list/],
      [db.tables, { threads: ["a", ""] }, /threads/],
      [db.tables, { threads: ["a", "x".repeat(256)] }, /threads/],
      [db.tables, { onProgress: 1 }, /onProgress/],
    ];
    for (const [tables, options, pattern] of bad) {
      const call = () => persistence.importFrom(tables as never, options as never);
      await assertRefused(call, "INVALID_ARGUMENT", "importFrom", pattern);
    }
    await assertEmpty(persistence.checkpointer.storage, "after the refusals");
  });

  const doubles: Record<string, (all: TableCheckpoint[]) => readonly TableCheckpoint[]> = {
    "loses a checkpoint": (all) => all.slice(-1),
    "loses a pending write": (all) => all.map((one) => ({ ...one, pendingWrites: [] })),
    "loses the parents": (all) => all.map(({ parentConfig: _, ...one }) => one),
    "turns the order round": (all) => [...all].reverse(),
    "changes a value": (all) => all.map((one) => withValue(one, "z")),
    "loses the metadata": (all) => all.map((one) => ({ ...one, metadata: {} as never })),
  };
  for (const [fault, change] of Object.entries(doubles)) {
    it(`the comparison catches a reader that ${fault}`, async () => {
      const persistence = fresh();
      await persistence.importFrom(changed(db.tables, change));
      await assert.rejects(assertEqual(persistence.checkpointer, db.saver, "a"));
    });
  }
});

function withValue(one: TableCheckpoint, value: unknown): TableCheckpoint {
  return { ...one, checkpoint: { ...one.checkpoint, channel_values: { value } } };
}

describe("LangGraph's tables", () => {
  it("bytes that a task wrote are read as they are, which LangGraph's SQLite saver cannot", async () => {
    const db = await langGraphSqlite();
    try {
      const id = await put(db, "t");
      const bytes = Uint8Array.of(0, 255, 128);
      await db.saver.putWrites(at("t", id), [["value", bytes]], "other");
      const persistence = new Persistence(db.storage);
      await persistence.importFrom(db.tables);
      const tuple = await persistence.checkpointer.getTuple(at("t"));
      assertSame(tuple?.pendingWrites?.[0], ["other", "value", bytes]);
    } finally {
      await db.remove();
    }
  });

  it("a serializer of one's own is asked", async () => {
    const plain = new JsonPlusSerializer();
    const turned: SerializerProtocol = {
      dumpsTyped: async (value) => ["turned", (await plain.dumpsTyped(value))[1].reverse()],
      // LangGraph's SQLite saver gives what stands in pending writes as a string.
      loadsTyped: (_, data) => plain.loadsTyped("json", Buffer.from(data as string).reverse()),
    };
    const db = new Database(":memory:");
    const saver = new SqliteSaver(db, turned);
    await put({ saver }, "t", { value: { deep: [1] } });
    const persistence = new Persistence(new MemoryStorage());
    await persistence.importFrom(new LangGraphSqliteTables(db, { serde: turned }));
    await assertEqual(persistence.checkpointer, saver, "t");
    const error = await refusal(() => collect(new LangGraphSqliteTables(db).checkpoints("t")));
    assert.equal(error.code, "CORRUPT");
    db.close();
  });

  it("a database that is passed in stays open, one that was opened does not", async () => {
    const db = new Database(":memory:");
    const given = new LangGraphSqliteTables(db);
    await given.end();
    await assertRefused(() => collect(given.threads()), "CLOSED", "threads");
    assert.ok(db.open);
    db.close();

    const pool = new pg.Pool({ connectionString: inject("postgresUrl"), max: 1 });
    await new LangGraphPostgresTables(pool, { schema: "nowhere" }).end();
    assert.equal((await pool.query("SELECT 1 AS one")).rows[0].one, 1);
    await pool.end();

    const own = LangGraphPostgresTables.connect(inject("postgresUrl"), { schema: "nowhere" });
    const isNamed = /"nowhere"\."checkpoints"/;
    await assertRefused(() => collect(own.threads()), "NOT_FOUND", "threads", isNamed);
    await own.end();
    await own.end();
    await assertRefused(() => collect(own.checkpoints("t")), "CLOSED", "checkpoints");
  });

  it("what cannot be opened is refused", async () => {
    const open = async () => LangGraphSqliteTables.open("/nowhere/there.db");
    await assertRefused(open, "CONNECTION", "open");
    for (const schema of ["", 'x"; DROP SCHEMA public', "a b", 7]) {
      const connect = async () =>
        LangGraphPostgresTables.connect("postgres://localhost/x", { schema: schema as string });
      await assertRefused(connect, "INVALID_ARGUMENT", "schema");
    }
    const mistaken = async () => LangGraphPostgresTables.connect("mysql://localhost/x");
    await assertRefused(mistaken, "INVALID_ARGUMENT", "connect");
  });
});
