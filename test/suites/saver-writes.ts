import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { Send } from "@langchain/langgraph";
import {
  type PendingWrite,
  TASKS,
  MemorySaver as UpstreamMemorySaver,
} from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { all, checkpoint, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import { runs } from "../src/params.js";

const AT = place("t", "1");

async function pending(db: Database, config = AT) {
  const tuple = await db.saver().getTuple(config);
  const [listed] = await all(db.saver(), config);
  assertSame(listed?.pendingWrites, tuple?.pendingWrites, "list and getTuple");
  return tuple?.pendingWrites;
}

const CHANNELS = ["a", "b", "__error__", "__scheduled__", "__interrupt__", "__resume__"];

export const writesChecks: Checks = {
  "special channels replace, others keep the first, write by write": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1"));
    await db.saver().putWrites(
      AT,
      [
        ["__resume__", "r1"],
        ["a", "a1"],
        ["__error__", "e1"],
      ],
      "task",
    );
    await db.saver().putWrites(
      AT,
      [
        ["__resume__", "r2"],
        ["a", "a2"],
        ["__error__", "e2"],
      ],
      "task",
    );
    assertSame(await pending(db), [
      ["task", "__resume__", "r2"],
      ["task", "__error__", "e2"],
      ["task", "a", "a1"],
    ]);
  },

  "any sequence of calls leaves what LangGraph's own saver keeps": async (db) => {
    const call = fc.tuple(
      fc.array(fc.tuple(fc.constantFrom(...CHANNELS), fc.nat(9)), { maxLength: 4 }),
      fc.constantFrom("task-1", "task-2"),
    );
    let n = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 6 }), async (calls) => {
        const config = place(`t${n++}`, "1");
        const ours = db.saver();
        const theirs = new UpstreamMemorySaver();
        await put(ours, place(config.configurable?.thread_id), checkpoint("1"));
        await theirs.put(place(config.configurable?.thread_id), checkpoint("1"), METADATA);
        for (const [writes, task] of calls) {
          await ours.putWrites(config, writes as PendingWrite[], task);
          await theirs.putWrites(config, writes as PendingWrite[], task);
        }
        const expected = (await theirs.getTuple(config))?.pendingWrites;
        assertSame((await ours.getTuple(config))?.pendingWrites, expected);
      }),
      runs(150),
    );
  },

  "writes come in the order of task path, task and place, by code points": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1"));
    const paths = [
      "",
      "a",
      "b",
      "~",
      "~~",
      "B",
      "\uffff",
      "\u{1f600}",
      "\ue000",
      "\u{10ffff}",
      "a b",
      "z",
    ];
    const saver = db.saver();
    const calls = paths.flatMap((path, i) =>
      ["t2", "t1", "\u{1f600}", "\uffee"].map((task) => ({ path, task, i })),
    );
    const shuffled = [...calls].sort(
      (a, b) => ((a.i * 7 + a.task.length) % 5) - ((b.i * 7 + b.task.length) % 5),
    );
    for (const { path, task } of shuffled) {
      await saver.putWrites(
        AT,
        [
          ["c", [path, task, 0]],
          ["c", [path, task, 1]],
          ["__error__", [path, task, -1]],
        ],
        `${task}${path}`,
        path,
      );
    }
    const points = (text: string) => Array.from(text, (c) => c.codePointAt(0) as number);
    const before = (a: number[], b: number[]) => {
      for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
        if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
      }
      return a.length - b.length;
    };
    const expected = calls
      .flatMap(({ path, task }) =>
        [-1, 0, 1].map((at) => ({ path, task: `${task}${path}`, value: [path, task, at] })),
      )
      .sort(
        (a, b) => before(points(a.path), points(b.path)) || before(points(a.task), points(b.task)),
      )
      .map(({ task, value }) => [task, value[2] === -1 ? "__error__" : "c", value]);
    assertSame(await pending(db), expected);
  },

  "writes may come before their checkpoint, and belong to its namespace": async (db) => {
    const saver = db.saver();
    await Promise.all([
      saver.putWrites(AT, [["a", 1]], "task"),
      saver.putWrites(place("t", "1", "sub:1"), [["a", 2]], "task"),
    ]);
    assert.equal(await saver.getTuple(AT), undefined);
    await put(saver, place("t"), checkpoint("1"));
    assertSame(await pending(db), [["task", "a", 1]]);
  },

  "a value is what it was at the moment of the call": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1"));
    const message = new HumanMessage({ id: "m", content: "then" });
    const saving = db.saver().putWrites(
      AT,
      [
        ["a", [message]],
        ["b", { list: [message] }],
      ],
      "task",
    );
    message.content = "now";
    await saving;
    const then = [new HumanMessage({ id: "m", content: "then" })];
    assertSame(await pending(db), [
      ["task", "a", then],
      ["task", "b", { list: [new HumanMessage({ id: "m", content: "then" })] }],
    ]);
  },

  "a top-level undefined, bytes or Send is a value as any other": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1"));
    const values = [
      undefined,
      null,
      Uint8Array.from([0, 255, 254, 1]),
      new Send("n", { a: new HumanMessage("x") }),
      new Error("e"),
    ];
    await db.saver().putWrites(
      AT,
      values.map((value): PendingWrite => ["a", value]),
      "task",
    );
    assertSame(
      (await pending(db))?.map(([, , value]) => value),
      values,
    );
  },

  "writes of one tuple share no object": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1"));
    const make = () => new HumanMessage({ id: "same", content: "same" });
    await db.saver().putWrites(AT, [["a", make()]], "task-1");
    await db.saver().putWrites(AT, [["a", make()]], "task-2");
    const [first, second] = (await pending(db)) ?? [];
    assert.notEqual(first?.[2], second?.[2]);
  },

  "before format 4, the parent's sends are the checkpoint's, namespace by namespace": async (
    db,
  ) => {
    for (const ns of ["", "sub:1"]) {
      const saver = db.saver();
      const old = (id: string, versions: Record<string, number>) => ({
        ...checkpoint(id, {}, versions),
        v: 3,
      });
      const parent = await saver.put(place("t", undefined, ns), old("1", { a: 4 }), METADATA, {});
      await saver.putWrites(parent, [[TASKS, `${ns} second`]], "task-2", "b");
      await saver.putWrites(
        parent,
        [
          [TASKS, `${ns} first`],
          ["other", 1],
        ],
        "task-1",
        "a",
      );
      await saver.put(parent, old("2", { a: 4, b: 2 }), METADATA, {});
      for (const tuple of [
        await db.saver().getTuple(place("t", "2", ns)),
        (await all(db.saver(), place("t", "2", ns)))[0],
      ]) {
        assertSame(tuple?.checkpoint.channel_values[TASKS], [`${ns} first`, `${ns} second`]);
        assertSame(tuple?.checkpoint.channel_versions[TASKS], 4);
      }
      const first = await db.saver().getTuple(place("t", "1", ns));
      assert.ok(!(TASKS in first!.checkpoint.channel_values), "no parent, no sends");
    }
    const saver = db.saver();
    const parent = await put(saver, place("new"), checkpoint("1"));
    await saver.putWrites(parent, [[TASKS, "x"]], "task");
    await put(saver, parent, checkpoint("2"));
    const tuple = await saver.getTuple(place("new"));
    assert.ok(!(TASKS in tuple!.checkpoint.channel_values), "format 4 needs no migration");
  },
};
