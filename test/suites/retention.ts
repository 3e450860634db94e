import assert from "node:assert/strict";
import type { RetentionPruneProgress as Progress } from "@threadkeep/core";
import { checkpoint, idOf, idsOf, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { everything, items, session } from "../src/snapshot.js";
import {
  assertLeft,
  chat,
  deltaChat,
  deltaStates,
  LONG,
  newest,
  sessionAt,
  sessionIds,
  size,
  tuples,
  turns,
} from "./retention-world.js";

const DAY = 86_400_000;
const NOTHING = { sessions: 0, checkpoints: 0, items: 0, rows: 0, bytes: 0 };

/** Checkpoints that are so many days old, each with a document of its own. */
async function aged(db: Database, thread: string, now: number, days: readonly number[], ns = "") {
  let config = place(thread, undefined, ns);
  for (const [i, age] of days.entries()) {
    const saved = checkpoint(idOf(i), { doc: `${LONG}${ns}${i}` }, { doc: i + 1 });
    const ts = new Date(now - age * DAY).toISOString();
    config = await put(db.saver(), config, { ...saved, ts }, { ...METADATA, step: i });
  }
}

/** What is left of a session, whoever removed it how. */
async function rest(db: Database, id: string): Promise<unknown> {
  const { guard, checkpoints, ...records } = (await session(db.storage, id)) as {
    guard: unknown;
    checkpoints: { checkpoint: object; writes: object[] }[];
  };
  const states = checkpoints.map((stored) => [stored.checkpoint, stored.writes]);
  return { states, ...records };
}

export const retentionChecks: Checks = {
  "prune keeps the newest, frees what nothing names, and reports what the storage lost": async (
    db,
  ) => {
    await turns(chat(db.saver()), "t", 5);
    const persistence = started(db.storage);
    const before = await tuples(db, "t");
    const [full, records] = [await size(db.storage, "t"), await everything(db.storage)];
    const planned = await persistence.prune("t", { keepLast: 2, dryRun: true });
    assertSame(await everything(db.storage), records, "a dry run changed something");
    const report = await persistence.prune("t", { keepLast: 2 });
    assertSame(report, planned);
    const left = await size(db.storage, "t");
    assertSame(report.rows, full.rows - left.rows);
    assertSame(report.bytes, full.bytes - left.bytes);
    assert.ok(report.sessions === 1 && report.checkpoints > 20 && report.items > 5, "it was much");
    const after = await tuples(db, "t");
    assertLeft(after, before);
    assert.equal(after.size, before.size - report.checkpoints);
    assertSame(await persistence.prune("t", { keepLast: 2 }), NOTHING);
    assertSame(await persistence.prune("never was"), NOTHING);
  },

  "after every batch, of whatever size, all that is left reads as before": async (db) => {
    for (const [batchSize, frequency] of [
      [1, 100],
      [9, 3],
      [40, 2],
    ] as const) {
      const id = `t${batchSize}`;
      await turns(deltaChat(db.saver(), frequency), id, 5);
      const before = await deltaStates(db, id, frequency);
      let last = await size(db.storage, id);
      const largest = 6;
      let batches = 0;
      const onProgress = async ({ session: at, rows }: Progress) => {
        batches += 1;
        assert.equal(at, id);
        assertLeft(await deltaStates(db, id, frequency), before);
        const now = await size(db.storage, id);
        assert.ok(last.rows - now.rows <= Math.max(batchSize, largest), `batch of ${batchSize}`);
        last = now;
        assert.ok(rows > 0);
      };
      const report = await started(db.storage).prune(id, { batchSize, onProgress });
      assertSame(batches > 1, frequency < 100, `${batches} batches, ${report.rows} rows`);
      assertSame((await newest(db, id))?.checkpoint.id, [...before.keys()][0]);
    }
  },

  "a prune that broke off between two batches is finished by the next one": async (db) => {
    await turns(chat(db.saver()), "t", 3);
    await db.saver().copyThread("t", "whole");
    const whole = await started(db.storage).prune("whole");
    const expected = await rest(db, "whole");
    const before = await tuples(db, "t");
    for (const stop of [1, 3, 7]) {
      const id = `stopped at ${stop}`;
      await db.saver().copyThread("t", id);
      let batches = 0;
      let gone = { rows: 0, bytes: 0 };
      const onProgress = ({ rows, bytes }: Progress) => {
        gone = { rows, bytes };
        batches += 1;
        if (batches === stop) throw new RangeError("stopped");
      };
      const pruning = started(db.storage).prune(id, { batchSize: 10, onProgress });
      await assert.rejects(pruning, RangeError);
      for (const [key, tuple] of await tuples(db, id)) {
        const was = before.get(key) as { checkpoint: unknown };
        assertSame((tuple as { checkpoint: unknown }).checkpoint, was.checkpoint);
      }
      const more = await started(db.storage).prune(id, { batchSize: 10 });
      assertSame(
        [gone.rows + more.rows, gone.bytes + more.bytes],
        [whole.rows, whole.bytes],
        "each row was counted once",
      );
      assertSame(
        JSON.stringify(await rest(db, id)).replaceAll(id, "whole"),
        JSON.stringify(expected),
      );
    }
  },

  "what is not older than the bound stays, and so does what is among the newest": async (db) => {
    const now = Date.UTC(2026, 5, 1);
    const persistence = started(db.storage, { clock: () => now });
    const left = async (id: string) =>
      (await idsOf(db.saver(), place(id))).map((at) => +at.slice(3));
    for (const [id, keepLast, olderThan, expected] of [
      ["a", 1, "30d", [4, 3, 2]],
      ["b", 1, new Date(now - 30 * DAY), [4, 3, 2]],
      ["c", 4, "1d", [4, 3, 2, 1]],
      ["d", 1, 0, [4]],
      ["e", 1, "100d", [4, 3, 2, 1, 0]],
      ["f", 1, 30 * DAY - 1, [4, 3]],
      ["g", 2, undefined, [4, 3]],
    ] as const) {
      await aged(db, id, now, [90, 60, 30, 2, 1]);
      const options = { keepLast, ...(olderThan === undefined ? {} : { olderThan }) };
      const report = await persistence.prune(id, options);
      assertSame(await left(id), [...expected], id);
      assertSame([report.checkpoints, report.items], Array(2).fill(5 - expected.length), id);
    }
    await aged(db, "all old", now, [90, 80, 70]);
    await aged(db, "all old", now, [90, 80, 70], "sub:1");
    await persistence.prune("all old", { olderThan: "1d" });
    assertSame(await left("all old"), [2]);
    assertSame((await tuples(db, "all old")).size, 2, "each namespace keeps its newest");
  },

  "items that nothing names go even where no checkpoint does; those of writes stay": async (db) => {
    const saver = db.saver();
    const config = await put(saver, place("t"), checkpoint("one", { doc: `${LONG} first` }));
    await put(saver, place("t"), checkpoint("one", { doc: `${LONG} second` }));
    await saver.putWrites(config, [["doc", `${LONG} written`]], "task");
    await saver.putWrites(place("t", "not there yet"), [["doc", `${LONG} early`]], "task");
    const before = await items(db.storage, "t");
    const texts = (found: typeof before) => found.map(({ body }) => body.split(" ")[1]);
    assertSame(texts(before), ['first"', 'second"', 'written"', 'early"']);
    const report = await started(db.storage).prune("t");
    assertSame([report.checkpoints, report.items, report.rows], [0, 1, 1]);
    assertSame(report.bytes, before[0]?.body.length);
    assertSame(texts(await items(db.storage, "t")), ['second"', 'written"', 'early"']);
    assertSame((await newest(db, "t"))?.pendingWrites, [["task", "doc", `${LONG} written`]]);
  },

  "a checkpoint made by hand pushes none out, and goes with the state that it keeps": async (
    db,
  ) => {
    const persistence = started(db.storage);
    const graph = chat(persistence.checkpointer);
    await turns(graph, "t", 2);
    const live = (await graph.getState(threadConfig("t"))).values;
    await persistence.createCheckpoint("t", { checkpointId: "mine" });
    await persistence.prune("t");
    assertSame((await chat(db.saver()).getState(threadConfig("t"))).values, live);
    const mine = await persistence.getCheckpointById("t", "mine");
    assertSame(mine?.messageHistory.length, live.messages.length);
    await turns(graph, "t", 1);
    await persistence.prune("t");
    assert.equal(await persistence.getCheckpointById("t", "mine"), undefined);
    assert.equal((await graph.getState(threadConfig("t"))).values.messages.length, 3);
  },

  "an owner's sessions are pruned, page after page, and nobody else's": async (db) => {
    const now = Date.now();
    const ids = ["a1", "a2", "b1"];
    for (const id of ids) {
      const configurable = { thread_id: id, tenant_id: id.slice(0, 1) };
      for (let i = 0; i < 3; i += 1) await chat(db.saver()).invoke({}, { configurable });
    }
    for (let i = 0; i < 205; i += 1) await sessionAt(db.storage, `idle ${i}`, now + i);
    const b1 = await session(db.storage, "b1");
    const persistence = started(db.storage);
    const owner = { tenantId: "a" };
    const planned = await persistence.prune(owner, { dryRun: true });
    const seen: string[] = [];
    const onProgress = ({ session: id, sessions }: Progress) => {
      seen.push(id);
      assert.equal(new Set(seen).size, sessions);
    };
    assertSame(await persistence.prune(owner, { onProgress }), planned);
    assertSame([planned.sessions, [...new Set(seen)].sort()], [2, ["a1", "a2"]]);
    assertSame(await session(db.storage, "b1"), b1);
    assertSame(await persistence.prune({ tenantId: "c" }), NOTHING);
    assertSame((await persistence.prune({ all: true })).sessions, 1);
    assertSame((await tuples(db, "b1")).size, (await tuples(db, "a1")).size);
    assertSame((await sessionIds(db.storage)).length, 208);
  },

  "a prune is no activity, and a saver at work goes on after one in small batches": async (db) => {
    const graph = chat(db.saver());
    await turns(graph, "t", 3);
    const { updatedAt } = (await db.storage.session("t"))!;
    await started(db.storage).prune("t", { batchSize: 5 });
    assert.equal((await db.storage.session("t"))?.updatedAt, updatedAt);
    await turns(graph, "t", 1);
    const live = (await graph.getState(threadConfig("t"))).values;
    assert.equal(live.messages.length, 4);
    assertSame((await chat(db.saver()).getState(threadConfig("t"))).values, live);
  },
};
