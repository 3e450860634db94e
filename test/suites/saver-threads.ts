import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { HumanMessage } from "@langchain/core/messages";
import { DeltaSnapshot } from "@langchain/langgraph-checkpoint";
import { all, checkpoint, idOf, idsOf, latest, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";
import { everything, items, session } from "../src/snapshot.js";

const LONG = "x".repeat(400);

/** n checkpoints, each with a message and a large value more. */
async function fill(
  db: Database,
  thread: string,
  n: number,
  ns = "",
  meta: object = {},
): Promise<void> {
  const saver = db.saver();
  const messages: HumanMessage[] = [];
  let config = place(thread, undefined, ns);
  for (let i = 1; i <= n; i += 1) {
    messages.push(new HumanMessage({ id: `m${i}`, content: `message ${i}` }));
    const saved = checkpoint(
      idOf(i),
      { messages: [...messages], doc: `${LONG}${i}` },
      { messages: i, doc: i },
    );
    config = await put(saver, config, saved, { ...METADATA, step: i, ...meta });
    await saver.putWrites(config, [["messages", `write ${i} ${LONG}`]], "task");
  }
}

/** A thread whose channel `log` is written at every step and stored only now and then. */
async function deltaThread(
  db: Database,
  thread: string,
  channel: string,
  snapshots: readonly number[],
  n: number,
) {
  const saver = db.saver();
  let config = place(thread);
  for (let i = 1; i <= n; i += 1) {
    const values = snapshots.includes(i) ? { [channel]: new DeltaSnapshot([`seed ${i}`]) } : {};
    config = await put(saver, config, checkpoint(idOf(i), values, { [channel]: i }));
    await saver.putWrites(config, [[channel, `${LONG} ${i}`]], "task");
  }
  return config;
}

/** A writer that reads every checkpoint after it put it. */
async function grow(db: Database, thread: string): Promise<HumanMessage[]> {
  const saver = db.saver();
  const messages: HumanMessage[] = [];
  let config = place(thread);
  for (let i = 0; i < 60; i += 1) {
    messages.push(new HumanMessage({ id: `${thread}${i}`, content: `${LONG}${i}` }));
    const doc = LONG.repeat(3) + (i % 5);
    const values = { messages: [...messages], doc };
    config = await put(saver, config, checkpoint(idOf(i), values, { messages: i + 1, doc: i + 1 }));
    const tuple = await saver.getTuple(place(thread));
    assertSame(tuple?.checkpoint.channel_values, values);
    if (i % 3 === 0) await setImmediate();
  }
  return messages;
}

export const threadChecks: Checks = {
  "deleteThread removes a thread in every namespace, with its messages, and no other": async (
    db,
  ) => {
    for (const thread of ["a", "A", "a:b", "a ", "a%", "a_"]) await fill(db, thread, 2);
    await fill(db, "a", 2, "sub:1");
    await db.history("a").addMessages([new HumanMessage("x")]);
    const kept = await Promise.all(
      ["A", "a:b", "a ", "a%", "a_"].map((id) => session(db.storage, id)),
    );
    await db.saver().deleteThread("a");
    assert.equal(await db.storage.guard("a"), undefined);
    assertSame(await session(db.storage, "a"), {
      guard: undefined,
      checkpoints: [],
      items: [],
      writes: [],
      nodeRuns: [],
      toolEvents: [],
      messages: [],
    });
    assertSame(
      await Promise.all(["A", "a:b", "a ", "a%", "a_"].map((id) => session(db.storage, id))),
      kept,
    );
    await db.saver().deleteThread("a");
    await db.saver().deleteThread("never was");
  },

  "copyThread copies all branches, namespaces and messages; the copy is independent": async (
    db,
  ) => {
    await fill(db, "source", 5);
    await fill(db, "source", 3, "sub:1");
    await put(db.saver(), place("source", idOf(2)), checkpoint("fork", { messages: ["other"] }));
    await db.history("source").addMessages([new HumanMessage("hello")]);
    const tuples = async (thread: string) =>
      (await all(db.saver(), { configurable: { thread_id: thread } })).map(
        ({ config, parentConfig, ...rest }) => ({
          ...rest,
          at: [config.configurable?.checkpoint_ns, parentConfig?.configurable?.checkpoint_id],
        }),
      );
    await db.saver().copyThread("source", "target");
    const before = await tuples("source");
    assertSame(await tuples("target"), before);
    assertSame(await db.history("target").getMessages(), await db.history("source").getMessages());
    await put(
      db.saver(),
      place("target", "fork"),
      checkpoint("more", { messages: ["target only"] }),
    );
    await db.saver().deleteThread("source");
    assertSame((await tuples("target")).slice(1).length, before.length);
    assertSame(
      (await tuples("target")).filter((t) => t.checkpoint.id !== "more"),
      before,
    );
    assertSame(await latest(db.saver(), "target"), { messages: ["target only"] });
  },

  "copyThread refuses a source that is not there, and a target that is": async (db) => {
    await fill(db, "a", 1);
    await fill(db, "b", 1);
    const before = await everything(db.storage);
    const saver = db.saver();
    await assertRefused(() => saver.copyThread("none", "c"), "NOT_FOUND", "copyThread");
    await assertRefused(() => saver.copyThread("a", "b"), "ALREADY_EXISTS", "copyThread");
    await assertRefused(() => saver.copyThread("a", "a"), "ALREADY_EXISTS", "copyThread");
    assertSame(await everything(db.storage), before);
  },

  "prune keeps the newest of each namespace, whole, and nothing that nothing needs": async (db) => {
    await fill(db, "t", 30);
    await fill(db, "t", 10, "sub:1");
    const newest = await all(db.saver(), place("t"), { limit: 3 });
    const sub = await db.saver().getTuple(place("t", undefined, "sub:1"));
    const rows = (await items(db.storage, "t")).length;
    const report = await db.saver().prune(["t", "never was"], { keepLast: 3 });
    assertSame(report.checkpoints, 27 + 7);
    assertSame(await all(db.saver(), place("t")), newest);
    assertSame(await db.saver().getTuple(place("t", undefined, "sub:1")), sub);
    assert.equal((await items(db.storage, "t")).length, rows - report.items);
    await db.saver().prune(["t"]);
    assertSame(await idsOf(db.saver(), place("t")), [idOf(30)]);
    assertSame(await db.saver().getTuple(place("t")), newest[0]);
    const left = await items(db.storage, "t");
    assert.ok(
      !left.some(({ body }) => body.endsWith(`${LONG}29"`)),
      "a value of a removed checkpoint is gone",
    );
    assert.ok(
      left.some(({ body }) => body.endsWith(`${LONG}30"`)),
      "the kept one's is not",
    );
    assertSame(await db.saver().prune(["t"]), { checkpoints: 0, items: 0 });
  },

  "a saver that is at work goes on after another one's prune": async (db) => {
    await fill(db, "t", 10);
    const saver = db.saver();
    const values = (await saver.getTuple(place("t")))!.checkpoint.channel_values;
    const old = (await saver.getTuple(place("t", idOf(4))))!.checkpoint.channel_values;
    await db.saver().prune(["t"]);
    // What it remembers as stored (the old document) was removed meanwhile.
    const expected = { ...values, doc: old.doc };
    await put(
      saver,
      place("t", idOf(10)),
      checkpoint("next", { ...expected }, { messages: 11, doc: 11 }),
    );
    for (const reader of [saver, db.saver()]) assertSame(await latest(reader, "t"), expected);
  },

  "prune with strategy delete removes threads whole; bad options are refused": async (db) => {
    for (const thread of ["a", "b", "c"]) await fill(db, thread, 2);
    await db.saver().prune(["a", "b"], { strategy: "delete" });
    assertSame(await idsOf(db.saver(), {}), [idOf(2), idOf(1)]);
    const before = await everything(db.storage);
    for (const options of [
      { strategy: "x" },
      { keepLast: 0 },
      { keepLast: -1 },
      { keepLast: 1.5 },
      { keepLast: Number.NaN },
      { keepLast: "1" },
    ]) {
      await assertRefused(
        () => db.saver().prune(["c"], options as never),
        "INVALID_ARGUMENT",
        "prune",
      );
    }
    await assertRefused(() => db.saver().prune(["c", ""]), "INVALID_ARGUMENT", "prune");
    assertSame(await everything(db.storage), before);
  },

  "prune and deleteForRuns never cut what a DeltaChannel is rebuilt from": async (db) => {
    const channels = ["log", "__root__", "constructor", "join", "branch", "$log"];
    for (const channel of channels) {
      for (const [snapshots, n] of [
        [[1], 7],
        [[], 6],
        [[3, 5], 9],
      ] as const) {
        const thread = `${channel} ${snapshots} ${n}`;
        const config = await deltaThread(db, thread, channel, snapshots, n);
        const history = () => db.saver().getDeltaChannelHistory({ config, channels: [channel] });
        const before = await history();
        await db.saver().prune([thread]);
        assertSame(await history(), before, thread);
        assert.equal((await db.saver().getTuple(config))?.checkpoint.id, idOf(n));
      }
    }
  },

  "an undefined value is no seed, so prune looks behind it": async (db) => {
    const saver = db.saver();
    let config = place("t");
    for (let i = 1; i <= 4; i += 1) {
      config = await put(
        saver,
        config,
        checkpoint(idOf(i), i === 3 ? { log: undefined } : {}, { log: i }),
      );
      await saver.putWrites(config, [["log", i]], "task");
    }
    const before = await saver.getDeltaChannelHistory({ config, channels: ["log"] });
    await db.saver().prune(["t"]);
    assertSame(await db.saver().getDeltaChannelHistory({ config, channels: ["log"] }), before);
  },

  "prune beside running writers and readers loses nothing": async (db) => {
    let writing = 2;
    const write = async (thread: string) => {
      try {
        return await grow(db, thread);
      } finally {
        writing -= 1;
      }
    };
    const prune = async () => {
      let removed = 0;
      while (writing > 0) {
        removed += (await db.saver().prune(["a", "b"])).checkpoints;
        await setImmediate();
      }
      return removed;
    };
    const read = async () => {
      while (writing > 0) {
        for (const thread of ["a", "b"]) await db.saver().getTuple(place(thread));
        await setImmediate();
      }
    };
    const [a, b, removed] = await Promise.all([write("a"), write("b"), prune(), read()]);
    assert.ok(removed > 0, "the pruner took something away");
    assertSame((await latest(db.saver(), "a"))?.messages, a);
    assertSame((await latest(db.saver(), "b"))?.messages, b);
  },

  "deleteForRuns removes the checkpoints of runs, by metadata or configurable": async (db) => {
    const saver = db.saver();
    const runs = ["r1", "r1", "r2", undefined, "R1", "r1 "];
    for (const [i, run_id] of runs.entries()) {
      const meta =
        i === 1
          ? METADATA
          : ({ ...METADATA, ...(run_id === undefined ? {} : { run_id }) } as typeof METADATA);
      const config = place("t", i === 0 ? undefined : idOf(i - 1));
      if (i === 1) Object.assign(config.configurable ?? {}, { run_id });
      await put(saver, config, checkpoint(idOf(i), { doc: `${LONG}${i}` }, { doc: i + 1 }), meta);
      await put(saver, place("u"), checkpoint(idOf(i), { i }), meta);
    }
    const last = await saver.getTuple(place("t"));
    await saver.deleteForRuns(["r1", "unknown"]);
    assertSame(await idsOf(db.saver(), place("t")), [idOf(5), idOf(4), idOf(3), idOf(2)]);
    assert.ok(!(await idsOf(db.saver(), place("u"))).includes(idOf(0)));
    assertSame(await db.saver().getTuple(place("t")), last);
    assertSame(await saver.deleteForRuns([]), { checkpoints: 0, items: 0 });
    await assertRefused(() => saver.deleteForRuns([""]), "INVALID_ARGUMENT", "deleteForRuns");
  },
};
