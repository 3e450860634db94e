import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { HumanMessage } from "@langchain/core/messages";
import type { MessagesAnnotation } from "@langchain/langgraph";
import { type Storage, StorageSaver } from "@threadkeep/core";
import { checkpoint, idOf, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { chat, deltaChat, LONG, newest } from "./retention-world.js";

type Live = typeof MessagesAnnotation.State & { doc?: string; parts?: string[]; log?: string[] };

/** A run after the other, each of which goes on from what the one before left. */
async function converse(storage: Storage, id: string, n: number): Promise<Live> {
  let live: Live | undefined;
  const saver = new StorageSaver(storage);
  const graph = id.startsWith("delta") ? deltaChat(saver, 4) : chat(saver);
  for (let i = 0; i < n; i += 1) live = (await graph.invoke({}, threadConfig(id))) as Live;
  assert.ok(live !== undefined);
  return live;
}

/** Does something again and again while others work. */
async function meanwhile<T>(work: Promise<T>[], again: () => Promise<void>): Promise<T[]> {
  let working = work.length;
  for (const one of work) {
    const ended = () => {
      working -= 1;
    };
    one.then(ended, ended);
  }
  const others = async () => {
    while (working > 0) {
      await again();
      await setImmediate();
    }
  };
  const [found] = await Promise.all([Promise.all(work), others()]);
  return found;
}

export const retentionWriterChecks: Checks = {
  "prune in small batches beside four writing runs loses nothing": async (db) => {
    const ids = ["one", "two", "delta one", "delta two"];
    const other = await db.connect();
    const work = ids.map((id, i) => converse(i % 2 === 0 ? db.storage : other, id, 6));
    const persistence = started(db.storage);
    let removed = 0;
    const lives = await meanwhile(work, async () => {
      const report = await persistence.prune({ all: true }, { batchSize: 3 });
      removed += report.checkpoints;
    });
    assert.ok(removed > 20, `${removed} checkpoints went`);
    for (const [i, id] of ids.entries()) {
      const graph = id.startsWith("delta") ? deltaChat(db.saver(), 4) : chat(db.saver());
      const { values, next } = await graph.getState(threadConfig(id));
      assertSame(values, lives[i], id);
      assertSame(next, []);
    }
  },

  "two prunes of one thread at once take each row once": async (db) => {
    const live = await converse(db.storage, "t", 5);
    const whole = await started(db.storage).prune("t", { dryRun: true });
    const other = await db.connect();
    const reports = await Promise.all(
      [db.storage, other].map((storage) => started(storage).prune("t", { batchSize: 4 })),
    );
    const sum = (of: (report: (typeof reports)[0]) => number) =>
      reports.reduce((total, report) => total + of(report), 0);
    assertSame([sum((r) => r.rows), sum((r) => r.bytes)], [whole.rows, whole.bytes]);
    assertSame((await chat(db.saver()).getState(threadConfig("t"))).values, live);
  },

  "what is forked from an old checkpoint between two batches keeps what it needs": async (db) => {
    const persistence = started(db.storage);
    for (let i = 1; i <= 12; i += 1) {
      const values = {
        doc: `${LONG}${i}`,
        messages: [new HumanMessage({ id: `m${i}`, content: LONG })],
      };
      const parent = place("t", i > 1 ? idOf(i - 1) : undefined);
      await put(db.saver(), parent, checkpoint(idOf(i), values, { doc: i, messages: i }));
    }
    const saver = db.saver();
    let old: Record<string, unknown> | undefined;
    const onProgress = async () => {
      if (old !== undefined) return;
      old = (await saver.getTuple(place("t", idOf(2))))?.checkpoint.channel_values;
      assert.ok(old !== undefined, "it is still there");
      await put(saver, place("t", idOf(2)), checkpoint("fork", old, { doc: 20, messages: 20 }));
    };
    await persistence.prune("t", { batchSize: 4, onProgress });
    assert.equal((await newest(db, "t"))?.checkpoint.id, "fork");
    assertSame((await newest(db, "t"))?.checkpoint.channel_values, old);
  },

  "what a writer in the same process stores between two batches is there": async (db) => {
    const persistence = started(db.storage);
    const saver = persistence.checkpointer;
    const doc = (i: number) => `${LONG.repeat(2)}${i % 3}`;
    const write = async (i: number, parent?: string) => {
      const values = { doc: doc(i), messages: [new HumanMessage({ id: `m${i}`, content: LONG })] };
      await put(saver, place("t", parent), checkpoint(idOf(i), values, { doc: i, messages: i }));
      await saver.putWrites(place("t", idOf(i)), [["doc", doc(i + 1)]], "task");
    };
    for (let i = 1; i <= 20; i += 1) await write(i, i > 1 ? idOf(i - 1) : undefined);
    let next = 21;
    const onProgress = async () => {
      if (next > 30) return;
      await write(next, idOf(next - 1));
      next += 1;
    };
    await persistence.prune("t", { batchSize: 2, onProgress });
    const tuple = await newest(db, "t");
    assert.equal(tuple?.checkpoint.id, idOf(30));
    assertSame(tuple.checkpoint.channel_values.doc, doc(30));
    assertSame(tuple.pendingWrites, [["task", "doc", doc(31)]]);
    await persistence.prune("t");
    assertSame(
      await newest(db, "t"),
      (({ parentConfig, ...rest }) => ({ ...rest, parentConfig }))(tuple),
    );
  },
};
