import assert from "node:assert/strict";
import { Socket } from "node:net";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Command, Overwrite, Send } from "@langchain/langgraph";
import { DeltaSnapshot } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { all, checkpoint, idOf, latest, place, put } from "../src/checkpoints.js";
import { assertSame, deepCopy } from "../src/equal.js";
import { gadgets } from "../src/gadgets.js";
import type { Checks } from "../src/harness.js";
import { messages } from "../src/messages.js";
import { runs } from "../src/params.js";
import { assertRefused } from "../src/refusal.js";
import { everything } from "../src/snapshot.js";
import { values } from "../src/values.js";

class Handle {
  readonly fd = 3;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i += 1) value = i % 2 ? [value] : { a: value };
  return value;
}

const throwing = (trap: string) =>
  new Proxy(
    { a: 1 },
    {
      [trap]: () => {
        throw new RangeError("trap");
      },
    },
  );

const unsupported: readonly (readonly [name: string, value: unknown])[] = [
  ["a function", () => 1],
  ["a class", Handle],
  ["a symbol", Symbol("s")],
  ["a registered symbol", Symbol.for("s")],
  ["a symbol key", { [Symbol("s")]: 1 }],
  ["an unknown instance", new Handle()],
  ["a subclass of a message", new (class Mine extends HumanMessage {})("x")],
  ["a subclass of Date", new (class Day extends Date {})(0)],
  ["a subclass of Map", new (class Table extends Map {})()],
  ["a subclass of Array", new (class List extends Array {})()],
  ["a subclass of Error", new (class Mine extends Error {})("x")],
  ["a socket", new Socket()],
  ["a promise", Promise.resolve(1)],
  ["a weak map", new WeakMap()],
  ["a weak ref", new WeakRef({})],
  ["a generator", (function* () {})()],
  ["a shared buffer", new SharedArrayBuffer(2)],
  ["a boxed string", new String("x")],
  ["a boxed number", new Number(1)],
  ["a proxy that throws on keys", throwing("ownKeys")],
  ["a proxy that throws on reading", throwing("get")],
  ["a proxy that throws on its prototype", throwing("getPrototypeOf")],
  ["a revoked proxy", revoked()],
  [
    "a getter that throws",
    {
      get a() {
        throw new Error("no");
      },
    },
  ],
  ["an array with names", Object.assign([1, 2], { name: 1 })],
  ["an array with a hole and a name", holed()],
  ["a date with a name", Object.assign(new Date(0), { name: 1 })],
  ["a map with a name", Object.assign(new Map(), { name: 1 })],
  ["a message with a function", new AIMessage({ content: "x", additional_kwargs: { f: () => 1 } })],
  ["a value nested 1,100 deep", nested(1100)],
  ["a value nested 20,000 deep", nested(20_000)],
];

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function holed(): unknown[] {
  const array: unknown[] = [1];
  array.length = 2;
  return Object.assign(array, { name: 1 });
}

export const valueChecks: Checks = {
  "generated values of every kind come back exactly, from checkpoint and write": async (db) => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(values, messages), async (value) => {
        const thread = `t${n++ % 20}`;
        const expected = deepCopy(value);
        const config = await put(db.saver(), place(thread), checkpoint(idOf(n), { value }));
        await db.saver().putWrites(config, [["value", value]], "task");
        const tuple = await db.saver().getTuple(config);
        assertSame(tuple?.checkpoint.channel_values.value, expected);
        assertSame(tuple?.pendingWrites?.[0]?.[2], expected);
      }),
      runs(400),
    );
  },

  "what has no exact form is refused with its path, and nothing is written": async (db) => {
    const saver = db.saver();
    const config = await put(saver, place("t"), checkpoint("1", { fine: 1 }));
    const before = await everything(db.storage);
    for (const [name, value] of unsupported) {
      const long = "x".repeat(300);
      const inside = { files: [0, { handle: value, long }], message: new HumanMessage("new") };
      const saving = () => put(saver, config, checkpoint("2", { fine: 2, inside }));
      await assertRefused(
        saving,
        "NOT_SERIALIZABLE",
        "put",
        /state\.inside\.files\[1\]\.handle/,
      ).catch((error) => {
        throw new Error(name, { cause: error });
      });
      const writing = () =>
        saver.putWrites(
          config,
          [
            ["a", "fine"],
            ["b", { handle: value }],
          ],
          "task",
        );
      await assertRefused(writing, "NOT_SERIALIZABLE", "putWrites", /writes\.b\.handle/);
      const describing = () =>
        put(saver, config, checkpoint("2"), { step: 1, extra: [value] } as never);
      await assertRefused(describing, "NOT_SERIALIZABLE", "put", /metadata\.extra\[0\]/);
      assertSame(await everything(db.storage), before, name);
    }
    await put(saver, config, checkpoint("2", { fine: "still works" }));
    assertSame(await latest(db.saver(), "t"), { fine: "still works" });
  },

  "a value nested 900 deep is kept": async (db) => {
    const value = nested(900);
    await put(db.saver(), place("t"), checkpoint("1", { value }));
    assertSame(JSON.stringify((await latest(db.saver(), "t"))?.value), JSON.stringify(value));
  },

  "300 gadget envelopes stay data: no constructor runs, no environment is read": async (db) => {
    const { env } = process;
    const reads: (string | symbol)[] = [];
    const watched = new Proxy(env, {
      get: (target, key) => {
        if (typeof key === "string" && key.startsWith("GADGET")) reads.push(key);
        return Reflect.get(target, key) as unknown;
      },
    });
    process.env = watched;
    try {
      void process.env.GADGET_PROOF;
      assert.deepEqual(reads.splice(0), ["GADGET_PROOF"], "the watch works");
      const list = gadgets();
      assert.ok(list.length >= 300);
      const saver = db.saver();
      const config = await put(saver, place("t"), checkpoint("1", { list, own: gadgets()[0] }), {
        step: 1,
        list,
      } as never);
      await saver.putWrites(config, [["a", list]], "task");
      await db
        .history("t")
        .addMessages([new HumanMessage({ content: "x", additional_kwargs: { list } })]);
      for (const gadget of list)
        await saver.putWrites(config, [["a", gadget]], `task ${list.indexOf(gadget)}`);
      const expected = deepCopy(list);
      for (const tuple of [await db.saver().getTuple(place("t")), (await all(db.saver(), {}))[0]]) {
        assertSame(
          tuple?.checkpoint.channel_values,
          { list: expected, own: gadgets()[0] },
          "values",
        );
        assertSame((tuple?.metadata as { list?: unknown } | undefined)?.list, expected, "metadata");
        const writes = new Map(tuple?.pendingWrites?.map(([task, , value]) => [task, value]));
        assertSame(writes.get("task"), expected, "one write");
        for (const [i, gadget] of expected.entries())
          assertSame(writes.get(`task ${i}`), gadget, `write ${i}`);
      }
      const [message] = await db.history("t").getMessages();
      assertSame(message?.additional_kwargs.list, expected, "message");
      assert.deepEqual(reads, []);
    } finally {
      process.env = env;
    }
  },

  "LangGraph's own classes come back as what they are": async (db) => {
    const message = new HumanMessage({ id: "m", content: "x" });
    const value = [
      new Send("node", { message, list: [1] }),
      new Command({ goto: [new Send("a", { message: "y" }), "b"], update: { x: 1 }, resume: "r" }),
      new Overwrite([message]),
      new DeltaSnapshot([message, { a: 1 }]),
      { id: "i", value: { question: "?" } },
    ];
    const expected = deepCopy(value);
    await put(db.saver(), place("t"), checkpoint("1", { value }));
    const found = (await latest(db.saver(), "t"))?.value as unknown[];
    for (const [i, part] of expected.entries()) assertSame(found[i], part, `${i}`);
  },

  "long lists of every kind of element, spliced at random, keep their order": async (db) => {
    const element = fc.tuple(fc.nat(5), fc.nat(400)).map(([kind, n]): unknown => {
      if (kind === 0) return new HumanMessage({ id: `m${n}`, content: `${n}` });
      if (kind === 1) return { n };
      if (kind === 2) return "text ".repeat(n);
      if (kind === 3) return { n, text: "x".repeat(n * 3) };
      return kind === 4 ? [n, { n }] : n;
    });
    const blocks = fc.array(fc.array(element, { minLength: 1, maxLength: 80, size: "max" }), {
      minLength: 1,
      maxLength: 5,
    });
    const splices = fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.array(element, { maxLength: 3 })), {
      maxLength: 6,
    });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(blocks, splices, async (parts, edits) => {
        const saver = db.saver();
        const thread = `t${n++}`;
        const list = parts.flat();
        let config = place(thread);
        for (const [i, [at, removed, added]] of [[0, 0, []] as const, ...edits].entries()) {
          list.splice(at % (list.length + 1), removed, ...added);
          const expected = deepCopy(list);
          config = await put(
            saver,
            config,
            checkpoint(idOf(i), { list, held: { list } }, { list: i + 1, held: i + 1 }),
          );
          const [own, other] = [await saver.getTuple(config), await db.saver().getTuple(config)];
          assertSame(own?.checkpoint.channel_values.list, expected, `edit ${i}`);
          assertSame(other?.checkpoint.channel_values.held, { list: expected }, `edit ${i}`);
        }
      }),
      runs(60),
    );
  },

  "big values, and lists longer than a page, are stored once": async (db) => {
    const saver = db.saver();
    const rows = Array.from({ length: 3000 }, (_, i) => ({
      i,
      text: `row ${i} ${"x".repeat(i % 40)}`,
    }));
    const list = Array.from(
      { length: 1500 },
      (_, i) => new HumanMessage({ id: `m${i}`, content: `${i}` }),
    );
    const doc = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`k${i}`, { text: "y".repeat(900), i }]),
    );
    const bytes = new Uint8Array(100_000).fill(7);
    let config = await put(saver, place("t"), checkpoint("1", { rows, list, doc, bytes }));
    const first = JSON.stringify(await everything(db.storage)).length;
    for (let i = 2; i < 12; i += 1) {
      rows.push({ i, text: "new" });
      rows[i * 100] = { i, text: "changed" };
      (doc.k7 as { i: number }).i = i;
      list.push(new HumanMessage({ id: `n${i}`, content: "new" }));
      const values = { rows, list, doc, bytes };
      config = await put(
        saver,
        config,
        checkpoint(idOf(i), values, { rows: i, list: i, doc: i, bytes: 1 }),
      );
    }
    const grown = JSON.stringify(await everything(db.storage)).length;
    assertSame(await latest(db.saver(), "t"), { rows, list, doc, bytes });
    assert.ok(grown < first * 1.5, `${first} characters grew to ${grown} by ten small edits`);
  },
};
