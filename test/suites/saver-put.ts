import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import type { CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { all, checkpoint, idOf, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame, deepCopy } from "../src/equal.js";
import type { Checks } from "../src/harness.js";
import { runs } from "../src/params.js";
import { assertRefused } from "../src/refusal.js";
import { fromEntries, keys, values } from "../src/values.js";

const T = place("t");

/** What `getTuple` and `list` of the rules for `put` promise. */
export const putChecks: Checks = {
  "the returned config holds thread, namespace and id, and nothing else": async (db) => {
    const saver = db.saver();
    const given = { configurable: { ...T.configurable, user_id: "u", other: 1 }, tags: ["x"] };
    const config = await put(saver, given, checkpoint("1"));
    assertSame(config, place("t", "1"));
    const next = await put(saver, config, checkpoint("2"));
    const tuple = await saver.getTuple({
      ...next,
      configurable: { ...next.configurable, extra: 1 },
    });
    assertSame(tuple?.config, place("t", "2"));
    assertSame(tuple?.parentConfig, place("t", "1"));
    const [listed] = await all(saver, T);
    assertSame(listed?.config, place("t", "2"));
    assertSame(listed?.parentConfig, place("t", "1"));
    assert.ok(!("parentConfig" in (await saver.getTuple(config))!), "the first one has no parent");
  },

  "a missing checkpoint_ns is the root": async (db) => {
    const saver = db.saver();
    const bare = { configurable: { thread_id: "t" } };
    assertSame(await put(saver, bare, checkpoint("1", { a: 1 })), place("t", "1"));
    await saver.putWrites(
      { configurable: { thread_id: "t", checkpoint_id: "1" } },
      [["a", 2]],
      "task",
    );
    const tuple = await saver.getTuple(bare);
    assertSame(tuple?.config, place("t", "1"));
    assertSame(tuple?.pendingWrites, [["task", "a", 2]]);
  },

  "what was never put is undefined": async (db) => {
    const saver = db.saver();
    assert.equal(await saver.getTuple(T), undefined);
    assert.equal(await saver.get(T), undefined);
    await put(saver, T, checkpoint("1"));
    assert.equal(await saver.getTuple(place("t", "2")), undefined);
    assert.equal(await saver.getTuple(place("t", undefined, "sub:1")), undefined);
    assert.equal(await saver.getTuple(place("T")), undefined);
    assert.equal(await saver.getTuple({ configurable: {} }), undefined);
    assert.equal(await saver.getTuple({}), undefined);
  },

  "the newest is the one put last, whatever its id": async (db) => {
    const saver = db.saver();
    await put(saver, T, checkpoint("5"));
    await put(saver, place("t", "5"), checkpoint("3"));
    assert.equal((await db.saver().getTuple(T))?.checkpoint.id, "3");
    assert.deepEqual(
      (await all(db.saver(), T)).map((t) => t.checkpoint.id),
      ["3", "5"],
    );
  },

  "namespaces of one thread are apart": async (db) => {
    const saver = db.saver();
    const namespaces = [
      "",
      "a",
      "A",
      "a:1",
      "a:1|b:2",
      "a ",
      `${"deep:0123456789|".repeat(40)}x`,
      "#",
      "é",
      "\u{10ffff}",
    ];
    for (const ns of namespaces)
      await put(saver, place("t", undefined, ns), checkpoint("1", { ns }));
    for (const reader of [saver, db.saver()]) {
      for (const ns of namespaces) {
        const tuple = await reader.getTuple(place("t", undefined, ns));
        assertSame(tuple?.checkpoint.channel_values, { ns });
        assertSame(tuple?.config, place("t", "1", ns));
        assert.equal((await all(reader, place("t", undefined, ns))).length, 1);
      }
      assert.equal(
        (await all(reader, { configurable: { thread_id: "t" } })).length,
        namespaces.length,
      );
    }
  },

  "a checkpoint of the same id is replaced, its place kept": async (db) => {
    const saver = db.saver();
    await put(saver, T, checkpoint("1", { a: "first" }));
    await put(saver, place("t", "1"), checkpoint("2", { a: "second" }));
    await put(saver, place("t", "0"), checkpoint("1", { b: [1] }, { b: 7 }), {
      ...METADATA,
      step: 9,
    });
    for (const reader of [saver, db.saver()]) {
      const tuples = await all(reader, T);
      assert.deepEqual(
        tuples.map((t) => t.checkpoint.id),
        ["2", "1"],
      );
      assertSame(tuples[1]?.checkpoint.channel_values, { b: [1] });
      assertSame(tuples[1]?.metadata, { ...METADATA, step: 9 });
      assertSame(tuples[1]?.parentConfig, place("t", "0"));
    }
  },

  "newVersions may be missing": async (db) => {
    const saver = db.saver();
    const saved = checkpoint("1", { a: 1, b: [2] }, { a: 3 });
    await saver.put(T, saved, METADATA, undefined as never);
    assertSame((await db.saver().getTuple(T))?.checkpoint, saved);
  },

  "values without a version are kept": async (db) => {
    const saver = db.saver();
    const saved = checkpoint("1", { count: 0, __pregel_tasks: [], a: 1 }, { a: 3, gone: 4 });
    await saver.put(T, saved, METADATA, { a: 3, gone: 4 });
    assertSame((await db.saver().getTuple(T))?.checkpoint, saved);
  },

  "absent values stay absent, undefined and null stay themselves": async (db) => {
    const saver = db.saver();
    const saved = checkpoint("1", { u: undefined, n: null, e: [] }, { u: 1, n: 1, e: 1, gone: 1 });
    await put(saver, T, saved);
    assertSame((await db.saver().getTuple(T))?.checkpoint, saved);
  },

  "a versioned value that was never announced is not the checkpoint's": async (db) => {
    const saver = db.saver();
    const config = await saver.put(T, checkpoint("1", { a: 1 }), METADATA, { a: 1 });
    await saver.put(config, checkpoint("2", { a: 1, b: 2 }, { a: 1, b: 1 }), METADATA, {});
    for (const reader of [saver, db.saver()]) {
      const tuple = await reader.getTuple(T);
      assertSame(tuple?.checkpoint.channel_values, { a: 1 });
      assertSame(tuple?.checkpoint.channel_versions, { a: 1, b: 1 });
    }
  },

  "a value announced long ago is found, in a fork of another process too": async (db) => {
    const first = db.saver();
    const values = { a: [new HumanMessage({ id: "m", content: "hello" })], b: "x".repeat(2000) };
    const versions = { a: 1.5, b: "00000000000000000000000000000003.0.5" };
    await first.put(T, checkpoint("1", values, versions), METADATA, versions);
    let config = place("t", "1");
    for (let i = 2; i < 150; i += 1) {
      config = await first.put(config, checkpoint(idOf(i), { z: i }, { z: i }), METADATA, { z: i });
    }
    const other = db.saver();
    const fork = checkpoint("fork", values, versions);
    await other.put(place("t", "1"), fork, { ...METADATA, source: "fork" }, {});
    for (const reader of [other, first, db.saver()]) {
      assertSame((await reader.getTuple(place("t", "fork")))?.checkpoint, fork);
    }
  },

  "metadata comes back verbatim": async (db) => {
    const saver = db.saver();
    const odd = [
      {},
      { step: 1, source: "loop" },
      { source: "in\ud800put", step: -1 },
      { source: "a\0b", step: 2 ** 53 },
      { source: "loop", step: 1.5, writes: null },
      { source: "loop", step: -0 },
      { source: undefined, step: undefined },
      { source: 7, step: "1" },
      { source: "loop", step: 3, "7": 1, parents: { "a:1": "x" } },
      { source: "loop", step: 3, source2: { $item: 1, lc: 1, type: "constructor" } },
      { source: "loop", step: 3, when: new Date(5), big: 5n, message: new HumanMessage("x") },
      {
        source: "loop",
        step: 3,
        counters_since_delta_snapshot: { m: [1, 2] },
        delta_writes_versioned: true,
      },
      { source: "", step: 0, $: 1, "a.b": 1, 'q"': 1 },
    ];
    for (const [i, metadata] of odd.entries()) {
      await put(saver, T, checkpoint(idOf(i)), metadata as unknown as CheckpointMetadata);
      const expected = deepCopy(metadata);
      Object.assign(metadata, { later: true });
      const tuple = await db.saver().getTuple(place("t", idOf(i)));
      assertSame(tuple?.metadata, expected, `metadata ${i}`);
      assertSame(
        (await all(db.saver(), place("t", idOf(i))))[0]?.metadata,
        expected,
        `listed ${i}`,
      );
    }
  },

  "every field of a checkpoint comes back verbatim": async (db) => {
    const saver = db.saver();
    const seen = fc.dictionary(
      fc.string(),
      fc.dictionary(keys, fc.oneof(fc.nat(), fc.string()), { noNullPrototype: true }),
      { noNullPrototype: true },
    );
    let n = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(
          "2026-01-02T03:04:05.678Z",
          "2026-01-02",
          "yesterday",
          "",
          "1969-01-01T00:00:00.000Z",
          "+012026-01-01T00:00:00.000Z",
        ),
        fc.array(fc.tuple(keys, values), { maxLength: 4 }),
        seen,
        async (ts, entries, versions_seen) => {
          const id = idOf(n++);
          const channel_values = fromEntries(entries) as Record<string, unknown>;
          const channel_versions = fromEntries(
            entries.map(([key], i) => [key, i + 1.25]),
          ) as Record<string, number>;
          const saved = { v: 4, id, ts, channel_values, channel_versions, versions_seen };
          const expected = deepCopy(saved);
          await put(saver, T, saved);
          assertSame((await db.saver().getTuple(place("t", id)))?.checkpoint, expected);
        },
      ),
      runs(200),
    );
  },

  "channel names of any spelling are apart": async (db) => {
    const names = [
      "a",
      "A",
      "a ",
      "á",
      "a\u0301",
      "\\",
      "a\\b",
      '"',
      "'",
      "$ref",
      "__proto__",
      "constructor",
      "a.b",
      "%",
      "0",
    ];
    const saved = checkpoint(
      "1",
      fromEntries(names.map((name, i) => [name, i])) as Record<string, unknown>,
    );
    saved.channel_versions = fromEntries(names.map((name) => [name, 1])) as Record<string, number>;
    await put(db.saver(), T, saved);
    for (const name of names)
      await db.saver().putWrites(place("t", "1"), [[name, name]], `task ${name}`);
    const tuple = await db.saver().getTuple(T);
    assertSame(tuple?.checkpoint, saved);
    assertSame(tuple?.pendingWrites?.map(([, channel]) => channel).sort(), [...names].sort());
  },

  "getNextVersion grows from nothing, numbers, legacy integers and Python's strings": async (
    db,
  ) => {
    const saver = db.saver();
    const next = saver.getNextVersion.bind(saver) as <V>(v: V | undefined) => V;
    const python = "00000000000000000000000000000009.0.5170";
    assert.ok(next<number>(undefined) > 0);
    for (const v of [1, 7, 1.25, 99999.999999]) assert.ok(next(v) > v && next(v) < v + 2);
    assert.ok(next(python) > python && next(python).localeCompare(python) > 0);
    assert.ok(next("99") > "00000000000000000000000000000099.0");
    let last = next<number>(undefined);
    for (let i = 0; i < 1000; i += 1) {
      const after = next(last);
      assert.ok(after > last);
      last = after;
    }
    assert.ok(new Set(Array.from({ length: 200 }, () => next(5))).size > 190, "branches differ");
    await assertRefused(async () => next("x"), "INVALID_ARGUMENT", "getNextVersion");
  },
};
