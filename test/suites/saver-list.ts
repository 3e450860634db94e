import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { all, checkpoint, idOf, idsOf, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";

const ROOT = place("t");
const THREAD = { configurable: { thread_id: "t" } };

/** 1 … n in the root, each with a message more than the one before. */
async function chain(db: Database, n: number, thread = "t", ns = ""): Promise<void> {
  const saver = db.saver();
  let config = place(thread, undefined, ns);
  const messages: HumanMessage[] = [];
  for (let i = 1; i <= n; i += 1) {
    messages.push(new HumanMessage({ id: `m${i}`, content: `message ${i}` }));
    const saved = checkpoint(idOf(i), { messages: [...messages], i }, { messages: i, i });
    config = await put(saver, config, saved, {
      ...METADATA,
      step: i,
      parity: i % 2,
    } as typeof METADATA);
  }
}

const down = (from: number, to: number) =>
  Array.from({ length: Math.max(0, from - to + 1) }, (_, i) => idOf(from - i));

export const listChecks: Checks = {
  "newest first, over many pages, each as getTuple reads it": async (db) => {
    await chain(db, 200);
    const tuples = await all(db.saver(), ROOT);
    assertSame(
      tuples.map((t) => t.checkpoint.id),
      down(200, 1),
    );
    for (const i of [0, 63, 64, 128, 199]) {
      const single = await db.saver().getTuple(tuples[i]!.config);
      assertSame(tuples[i], single, `checkpoint ${i}`);
    }
  },

  "limit: so many, 0 for none": async (db) => {
    await chain(db, 70);
    for (const limit of [0, 1, 2, 63, 64, 65, 70, 71, 1000]) {
      assertSame(
        await idsOf(db.saver(), ROOT, { limit }),
        down(70, Math.max(1, 71 - limit)),
        `limit ${limit}`,
      );
    }
  },

  "before: only older ones, the one named excluded": async (db) => {
    await chain(db, 10);
    const before = (id: string) => ({ before: { configurable: { checkpoint_id: id } } });
    assertSame(await idsOf(db.saver(), ROOT, before(idOf(4))), down(3, 1));
    assertSame(await idsOf(db.saver(), ROOT, before(idOf(1))), []);
    assertSame(await idsOf(db.saver(), ROOT, { ...before(idOf(8)), limit: 2 }), down(7, 6));
    // An id that is no checkpoint's is a place among the ids.
    assertSame(await idsOf(db.saver(), ROOT, before(`${idOf(4)}x`)), down(4, 1));
    assertSame(await idsOf(db.saver(), {}, before(idOf(3))), down(2, 1));
    assertSame(await idsOf(db.saver(), ROOT, { before: { configurable: {} } }), down(10, 1));
  },

  "filter: fields of the metadata, strictly equal": async (db) => {
    await chain(db, 9);
    const saver = db.saver();
    const odd = { "a.b": 1, $: 2, "it's": 3, nested: { a: 1 }, list: [1], none: null, text: "1" };
    await put(saver, place("t", idOf(9)), checkpoint(idOf(10)), {
      ...METADATA,
      step: 10,
      ...odd,
    } as typeof METADATA);
    const ids = (filter: Record<string, unknown>, limit?: number) =>
      idsOf(db.saver(), ROOT, limit === undefined ? { filter } : { filter, limit });
    assertSame(await ids({}), down(10, 1));
    assertSame(await ids({ parity: 1 }), [9, 7, 5, 3, 1].map(idOf));
    assertSame(await ids({ parity: 1 }, 2), [9, 7].map(idOf));
    assertSame(await ids({ parity: 1, step: 5 }), [idOf(5)]);
    assertSame(await ids({ parity: "1" }), []);
    assertSame(await ids({ source: "input" }), []);
    for (const key of ["a.b", "$", "it's"]) {
      assertSame(await ids({ [key]: odd[key as "a.b"] }), [idOf(10)], key);
    }
    assertSame(await ids({ text: 1 }), [], "1 is not '1'");
    assertSame(await ids({ text: "1" }), [idOf(10)]);
    assertSame(await ids({ none: null }), [idOf(10)]);
    assertSame(await ids({ nested: { a: 1 } }), [], "objects are never identical");
    assertSame(await ids({ nested: { a: 1, b: 2 } }), []);
    assertSame(await ids({ "' OR 1=1 --": 1 }), []);
  },

  "filter, limit and before reach over pages": async (db) => {
    await chain(db, 150);
    const options = { filter: { step: 2 }, limit: 1 };
    assertSame(await idsOf(db.saver(), ROOT, options), [idOf(2)]);
    const before = { configurable: { checkpoint_id: idOf(100) } };
    const odd = down(99, 1).filter((_, i) => i % 2 === 0);
    assertSame(await idsOf(db.saver(), ROOT, { filter: { parity: 1 }, before }), odd);
  },

  "config: a checkpoint, a namespace, a thread, or everything": async (db) => {
    await chain(db, 3);
    await chain(db, 2, "t", "sub:1");
    await chain(db, 2, "u");
    const saver = db.saver();
    const places = async (config: object) =>
      (await all(saver, config)).map(({ config: c }) => [
        c.configurable?.thread_id,
        c.configurable?.checkpoint_ns,
        c.configurable?.checkpoint_id,
      ]);
    assertSame(await places(place("t", idOf(2))), [["t", "", idOf(2)]]);
    assertSame(await places(place("t", idOf(9))), []);
    assertSame(await places(place("t", undefined, "sub:1")), [
      ["t", "sub:1", idOf(2)],
      ["t", "sub:1", idOf(1)],
    ]);
    assert.equal((await places(ROOT)).length, 3);
    assert.equal((await places(THREAD)).length, 5);
    assert.equal(
      (await places({ configurable: { thread_id: "t", checkpoint_id: idOf(2) } })).length,
      2,
    );
    const everything = await places({});
    assert.equal(everything.length, 7);
    const ids = everything.map(([, , id]) => id as string);
    assertSame(ids, [...ids].sort().reverse(), "newest id first over all threads");
    assert.equal((await places({ configurable: { checkpoint_ns: "" } })).length, 5);
    assert.equal((await all(saver, {}, { limit: 4 })).length, 4);
  },

  "everything, over many pages and threads": async (db) => {
    const saver = db.saver();
    const expected: string[] = [];
    for (let i = 0; i < 150; i += 1) {
      for (const thread of ["a", "b"]) {
        await put(saver, place(thread), checkpoint(idOf(i % 75), { i }));
        expected.push(`${thread} ${idOf(i % 75)}`);
      }
    }
    const found = (await all(db.saver(), {})).map(
      ({ config: c }) => `${c.configurable?.thread_id} ${c.configurable?.checkpoint_id}`,
    );
    assertSame([...found].sort(), [...new Set(expected)].sort());
  },

  "what is put while a listing is read does not disturb it": async (db) => {
    await chain(db, 100);
    const saver = db.saver();
    const seen: string[] = [];
    let config = place("t", idOf(100));
    for await (const tuple of saver.list(ROOT)) {
      seen.push(tuple.checkpoint.id);
      config = await put(saver, config, checkpoint(idOf(1000 + seen.length), { x: seen.length }));
    }
    assertSame(seen, down(100, 1));
  },

  "an iterator may be left open": async (db) => {
    await chain(db, 3);
    const saver = db.saver();
    const open = Array.from({ length: 50 }, () => saver.list(ROOT));
    for (const iterator of open) await iterator.next();
    await put(saver, place("t", idOf(3)), checkpoint(idOf(4)));
    assert.equal((await idsOf(saver, ROOT)).length, 4);
  },

  "getDeltaChannelHistory: the writes since the nearest stored value, along the parents": async (
    db,
  ) => {
    const saver = db.saver();
    const step = async (
      from: string | undefined,
      id: string,
      values: Record<string, unknown>,
      writes: [string, unknown][],
    ) => {
      const versions = Object.fromEntries(["m", "k"].map((key) => [key, Number(id) || 50]));
      await put(saver, place("t", from), checkpoint(id, values, versions));
      await saver.putWrites(place("t", id), writes.slice(1), "task-2", "b");
      await saver.putWrites(place("t", id), writes.slice(0, 1), "task-1", "a");
    };
    await step(undefined, "1", {}, [
      ["m", "m1"],
      ["k", "k1"],
    ]);
    await step("1", "2", { m: ["seed"] }, [
      ["m", "m2"],
      ["m", "m2b"],
    ]);
    await step("2", "3", {}, [
      ["k", "k3"],
      ["m", "m3"],
    ]);
    await step("3", "4", {}, [["m", "not yet"]]);
    await step("2", "fork", {}, [["m", "other branch"]]);
    for (const reader of [saver, db.saver()]) {
      const of = (id?: string) =>
        reader.getDeltaChannelHistory({ config: place("t", id), channels: ["m", "k", "never"] });
      assertSame(await of("4"), {
        m: {
          writes: [
            ["task-1", "m", "m2"],
            ["task-2", "m", "m2b"],
            ["task-2", "m", "m3"],
          ],
          seed: ["seed"],
        },
        k: {
          writes: [
            ["task-2", "k", "k1"],
            ["task-1", "k", "k3"],
          ],
        },
        never: { writes: [] },
      });
      assertSame((await of("fork")).m, {
        writes: [
          ["task-1", "m", "m2"],
          ["task-2", "m", "m2b"],
        ],
        seed: ["seed"],
      });
      assertSame(await of("1"), { m: { writes: [] }, k: { writes: [] }, never: { writes: [] } });
      assertSame(await of(), await of("fork"));
      assertSame(await reader.getDeltaChannelHistory({ config: ROOT, channels: [] }), {});
      assertSame(await reader.getDeltaChannelHistory({ config: place("none"), channels: ["m"] }), {
        m: { writes: [] },
      });
    }
  },
};
