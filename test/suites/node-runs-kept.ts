import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import type { StorageSaver } from "@threadkeep/core";
import { idsOf, place } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { assertAlike, assertLines, assertSeen, nodeRuns, Witness } from "../src/node-witness.js";
import { assertRefused } from "../src/refusal.js";
import { items } from "../src/snapshot.js";
import { ALL_PATHS, everything, likenesses, runEverything } from "./node-runs-graphs.js";

/** Makes every text unreadable. */
const SCRAMBLED: SerializerProtocol = {
  dumpsTyped: async (value) => ["scrambled", scramble(Buffer.from(JSON.stringify(value)))],
  loadsTyped: async (_type, data) =>
    JSON.parse(Buffer.from(scramble(data as Uint8Array)).toString()),
};

const scramble = (bytes: Uint8Array) => Uint8Array.from(bytes, (byte) => byte ^ 0x55);

/** Three turns of long messages, with a subgraph and a functional task, under any durability. */
async function converse(db: Database, config: object): Promise<void> {
  const inner = new StateGraph(MessagesAnnotation)
    .addNode("deep", ({ messages }) => {
      (messages[0] as HumanMessage).content += "!";
      return { messages: [said(`deep ${messages.length}`)] };
    })
    .addEdge(START, "deep")
    .compile({ checkpointer: false });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("sub", inner)
    .addNode("say", ({ messages }) => ({ messages: [said(`say ${messages.length}`)] }))
    .addEdge(START, "sub")
    .addEdge("sub", "say")
    .compile({ checkpointer: db.saver() });
  for (const turn of [1, 2, 3]) await graph.invoke({ messages: [said(`turn ${turn}`)] }, config);
}

const said = (id: string) => new HumanMessage({ id, content: `${id} ${"long ".repeat(100)}` });

export const keptChecks: Checks = {
  "enableAutomaticPersistence: false switches node runs off, and nothing else": async (db) => {
    const results: unknown[] = [];
    for (const enableAutomaticPersistence of [true, false]) {
      const thread = String(enableAutomaticPersistence);
      const make = () => db.saver({ enableAutomaticPersistence });
      await runEverything(make, threadConfig(thread));
      const history: unknown[] = [];
      for await (const state of everything(db.saver()).getStateHistory(threadConfig(thread))) {
        const { nodePaths, thread_id: _, ...metadata } = state.metadata as Record<string, unknown>;
        assert.equal(
          nodePaths !== undefined,
          enableAutomaticPersistence && state.metadata!.step > 0,
        );
        history.push([state.values, state.next, metadata]);
      }
      results.push(history);
      const count = (await nodeRuns(db.saver(), thread)).length;
      assert.equal(count, enableAutomaticPersistence ? ALL_PATHS.length : 0);
    }
    assertSame(results[1], results[0]);
  },

  "a serializer of one's own sees every input, output and error": async (db) => {
    const make = () => db.saver({}, SCRAMBLED);
    const witness = new Witness();
    await runEverything(make, { ...threadConfig("t"), callbacks: [witness] });
    await assertSeen(make(), "t", witness);
    for (const { nodePath, input, output, error } of await db.storage.nodeRuns("t")) {
      for (const text of [input, output, error]) {
        if (text !== null)
          assert.doesNotMatch(
            text,
            /think|apples|purpose|state|send|trail|value|refused/,
            nodePath,
          );
      }
    }
  },

  "node runs go with their checkpoints; what stays still reads": async (db) => {
    for (const durability of DURABILITIES) {
      const config = { ...threadConfig(durability), durability };
      await converse(db, config);
      const before = await nodeRuns(db.saver(), durability);
      const kept = new Set((await idsOf(db.saver(), place(durability))).slice(0, 3));
      const { checkpoints } = await db.saver().prune([durability], { keepLast: 3 });
      assert.equal(checkpoints > 0, durability !== "exit");
      const after = await nodeRuns(db.saver(), durability);
      const expected = before.filter(({ checkpointId }) => kept.has(checkpointId));
      assert.ok(expected.length > 0, durability);
      assertAlike(after, expected, durability);
    }
  },

  "a thread pruned to its last checkpoint keeps no runs of checkpoints that are gone": async (
    db,
  ) => {
    for (const durability of DURABILITIES) {
      await runEverything(() => db.saver(), { ...threadConfig(durability), durability });
      await db.saver().prune([durability]);
      const ids = new Set(await idsOf(db.saver(), threadConfig(durability)));
      for (const { nodePath, checkpointId } of await db.storage.nodeRuns(durability))
        assert.ok(
          ids.has(checkpointId),
          `${durability}: ${nodePath} stayed without its checkpoint`,
        );
      for (const { nodePath, inputMissing } of await nodeRuns(db.saver(), durability))
        assertSame(inputMissing, undefined, nodePath);
    }
  },

  "deleteThread removes node runs, and copyThread copies them": async (db) => {
    await converse(db, threadConfig("t"));
    await runEverything(() => db.saver(), threadConfig("t"));
    const original = await nodeRuns(db.saver(), "t");
    await db.saver().copyThread("t", "copy");
    await db.saver().deleteThread("t");
    assertSame(await db.storage.nodeRuns("t"), []);
    assertSame(await nodeRuns(db.saver(), "t"), []);
    assert.equal(original.length, ALL_PATHS.length + 3 * 3);
    const copies = await nodeRuns(db.saver(), "copy");
    assertLines(likenesses(copies), likenesses(original), "copy");
    assertSame(await items(db.storage, "t"), []);
  },

  "times come from the clock, and runs come newest first": async (db) => {
    let now = 1_000;
    const clock = () => {
      now += 1;
      return now;
    };
    await everything(db.saver({ clock })).invoke({ note: "n" }, threadConfig("t"));
    const runs = await nodeRuns(db.saver(), "t");
    const order = ["sub", "sub/inner", "sub/inner/ask", "sub/inner/think", "plan"];
    assertSame(
      runs.map(({ nodePath }) => nodePath),
      order,
    );
    const [sub, inner, ask, think, plan] = runs.map(({ startedAt, endedAt }) => [
      startedAt,
      endedAt,
    ]);
    const times = [
      plan,
      [sub?.[0], inner?.[0]],
      think,
      ask,
      [inner?.[1], sub?.[1]],
    ].flat() as number[];
    assertSame(
      times,
      [...times].sort((a, b) => a - b),
      "one after the other",
    );
    assert.ok(times.every((time) => Number.isInteger(time) && time > 1_000 && time <= now));
    assert.equal(new Set(times).size, times.length);
  },

  "listNodeRuns finds by path, status and checkpoint, at most so many, in fresh values": async (
    db,
  ) => {
    await runEverything(() => db.saver(), threadConfig("t"));
    const saver = db.saver();
    const runs = await nodeRuns(saver, "t");
    const find = (query: Parameters<StorageSaver["listNodeRuns"]>[1]) =>
      saver.listNodeRuns(threadConfig("t"), query);
    const withPath = runs.filter(({ nodePath }) => nodePath === "sub/inner/ask");
    assert.equal(withPath.length, 2);
    assertSame(await find({ nodePath: "sub/inner/ask" }), withPath);
    const failed = runs.filter(({ status }) => status === "error");
    assert.equal(failed.length, 3);
    assertSame(await find({ status: "error" }), failed);
    assertSame(await find({ limit: 4 }), runs.slice(0, 4));
    assertSame(await find({ limit: 0 }), []);
    assertSame(await find({ nodePath: "work", limit: 1 }).then((found) => found.length), 1);
    assertSame(await find({ checkpointIds: [] }), []);
    const id = runs.find(({ nodePath }) => nodePath === "work")?.checkpointId as string;
    const ofOne = runs.filter(({ checkpointId }) => checkpointId === id);
    const many = Array.from({ length: 3_000 }, (_, i) => `none ${i}`);
    assertSame(await find({ checkpointIds: [id] }), ofOne);
    assertSame(await find({ checkpointIds: [...many, id, id] }), ofOne);
    assertSame(await saver.listNodeRuns(threadConfig("nobody")), []);
    const edited = await find({});
    for (const { input, output } of edited) {
      for (const value of [input, output]) (value as { trail?: string[] })?.trail?.push("edited");
    }
    assertSame(await find({}), runs);
  },

  "wrong arguments of listNodeRuns are refused": async (db) => {
    const saver = db.saver();
    const ok = threadConfig("t");
    const wrong: [config: unknown, query: unknown, named: RegExp][] = [
      ...[{}, { configurable: {} }].map((config) => [config, {}, /thread_id/] as never),
      ...[undefined, null, "t", []].map((config) => [config, {}, /config/] as never),
      ...["", 7, null, "a\0", "\ud800", "x".repeat(300)].map(
        (id) => [threadConfig(id as string), {}, /thread_id/] as never,
      ),
      ...[-1, 1.5, Number.NaN, "1", null].map((limit) => [ok, { limit }, /limit/] as never),
      ...["id", [7], [""], ["a\0"], {}, null].map(
        (checkpointIds) => [ok, { checkpointIds }, /checkpoint/] as never,
      ),
      ...[7, {}, null].map((nodePath) => [ok, { nodePath }, /nodePath/] as never),
      ...["done", 7, null].map((status) => [ok, { status }, /status/] as never),
      ...[null, "work", []].map((query) => [ok, query, /query/] as never),
    ];
    const accepted: string[] = [];
    for (const [config, query, named] of wrong) {
      await assertRefused(
        () => saver.listNodeRuns(config as never, query as never),
        "INVALID_ARGUMENT",
        "listNodeRuns",
        named,
      ).catch((error) => accepted.push(`${JSON.stringify([config, query])}: ${error.message}`));
    }
    assert.equal(wrong.length, 32);
    assert.equal(accepted.join("\n"), "");
  },
};
