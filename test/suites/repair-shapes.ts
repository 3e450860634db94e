import assert from "node:assert/strict";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { MessagesDeltaValue, START, StateGraph, StateSchema } from "@langchain/langgraph";
import type { Persistence } from "@threadkeep/core";
import { z } from "zod";
import { answers, asks, texts, turns } from "../src/conversations.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { session } from "../src/snapshot.js";
import { AT, checkPaired, human, lines } from "./repair-world.js";

/** A conversation in a DeltaChannel, with a model that refuses what models refuse. */
function deltaGraph({ checkpointer }: Persistence) {
  const schema = new StateSchema({ messages: MessagesDeltaValue, turn: z.number().default(0) });
  return new StateGraph(schema)
    .addNode("model", ({ messages, turn }) => {
      checkPaired(messages);
      const calls = messages.at(-1)?.content === "call";
      return { messages: [calls ? asks(`a${turn}`) : new AIMessage("heard")], turn: turn + 1 };
    })
    .addNode("tools", () => {
      throw new TypeError("the tool broke");
    })
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }) =>
      messages.at(-1)?.content === "heard" ? "__end__" : "tools",
    )
    .compile({ checkpointer });
}

const HEALTHY = { repaired: false, reason: "healthy", toolCalls: [] };
const called = (...ids: string[]) => ids.map((id) => ({ id, name: `tool ${id}` }));

export const repairShapeChecks: Checks = {
  "a conversation in a DeltaChannel, cut off and asked on": async (db) => {
    const persistence = started(db.storage);
    const graph = deltaGraph(persistence);
    await graph.invoke(human("hello"), AT);
    await assert.rejects(graph.invoke(human("call"), AT), /broke/);
    await assert.rejects(graph.invoke(human("hello?"), AT), /without a result/);
    assertSame(await persistence.repair("t"), { repaired: true, toolCalls: called("a1") });
    const { values, next } = await deltaGraph(started(db.storage)).getState(AT);
    assertSame(next, []);
    const expected = [
      ...["human: hello", "ai: heard", "human: call", "ai: calls a1"],
      ...["tool error", "human: hello?"],
    ];
    assertSame(lines(values.messages), expected);
    assert.equal(values.turn, 2);
    const page = await persistence.messages("t", { source: "checkpoint" });
    assertSame(lines(page.messages.map(({ message }) => message)), expected);
    const { messages } = await graph.invoke(human("go on"), AT);
    assertSame(lines(messages).slice(6), ["human: go on", "ai: heard"]);
    const later = await deltaGraph(started(db.storage)).invoke(human("and on"), AT);
    assert.equal(later.messages.length, 10);
    assertSame(await persistence.repair("t"), HEALTHY);
  },

  "other channels keep their values, and a conversation elsewhere is found by its key": async (
    db,
  ) => {
    const persistence = started(db.storage, { messagesKey: "talk" });
    const saver = persistence.checkpointer;
    const values = { talk: [asks("a"), new HumanMessage("on")], other: { deep: [1, new Map()] } };
    const id = "1ef00000-0000-6000-8000-000000000001";
    const saved = {
      ...{ v: 4, id, ts: "2026-01-02T03:04:05.678Z", versions_seen: { x: { other: 2 } } },
      channel_values: { ...values, "branch:to:x": null, __start__: 1, $odd: "kept" },
      channel_versions: { talk: 3, other: 2, "branch:to:x": 3, $odd: 1 },
    };
    const metadata = { source: "loop", step: 4, parents: {} } as const;
    await saver.put(AT, saved, metadata, saved.channel_versions);
    assertSame((await persistence.repair("t")).toolCalls, called("a"));
    const tuple = await started(db.storage).checkpointer.getTuple(AT);
    const { channel_values, channel_versions, versions_seen } = tuple!.checkpoint;
    const { talk, ...others } = channel_values as typeof values;
    assertSame(others, { other: values.other, $odd: "kept" });
    assertSame(lines(talk), ["ai: calls a", "tool error", "human: on"]);
    assertSame(versions_seen, saved.versions_seen);
    const { talk: version, ...versions } = channel_versions as Record<string, number>;
    assertSame(versions, { other: 2, "branch:to:x": 3, $odd: 1 });
    assert.ok((version as number) > 3);
    assert.equal(tuple?.metadata?.step, 4);
    assertSame(await persistence.messages("t", { last: 1, source: "checkpoint" }), {
      source: "checkpoint",
      messages: [{ position: 3, message: talk[2], role: "human" }],
      before: 3,
    });
  },

  "the same call id again: the earlier call is the one without a result": async (db) => {
    const persistence = started(db.storage);
    const all = [asks("call_0"), new HumanMessage("on"), asks("call_0"), answers("call_0")];
    const metadata = { source: "loop", step: 4, parents: {} } as const;
    const saved = {
      ...{ v: 4, id: "1ef00000-0000-6000-8000-000000000001", ts: "2026-01-02T03:04:05.678Z" },
      ...{ channel_values: { messages: all }, channel_versions: { messages: 1 } },
      versions_seen: {},
    };
    await persistence.checkpointer.put(AT, saved, metadata, saved.channel_versions);
    assertSame((await persistence.repair("t")).toolCalls, called("call_0"));
    const { messages } = await persistence.messages("t", { source: "checkpoint" });
    assertSame(lines(messages.map(({ message }) => message)), [
      ...["ai: calls call_0", "tool error", "human: on"],
      ...["ai: calls call_0", "tool: result of call_0"],
    ]);
    assertSame(await persistence.repair("t"), HEALTHY);
  },

  "a chat history that ends in calls gets their results, once": async (db) => {
    const history = db.history("s");
    await history.addMessages([...turns(2), asks("a", "b", "c"), answers("b")]);
    const before = await session(db.storage, "s");
    const report = { repaired: false, toolCalls: called("a", "c") };
    assertSame(await started(db.storage).repair("s", { dryRun: true }), report);
    assertSame(await session(db.storage, "s"), before);
    const all = await Promise.all([db.connect(), db.connect(), db.connect()]);
    const done = await Promise.all(all.map((storage) => started(storage).repair("s")));
    assert.ok(done.some(({ repaired }) => repaired));
    const messages = await history.getMessages();
    assertSame(lines(messages.slice(8)), [
      ...["ai: calls a, b, c", "tool: result of b", "tool error", "tool error"],
    ]);
    checkPaired(messages);
    assertSame(await started(db.storage).repair("s"), HEALTHY);
  },

  "in the middle of a chat history nothing is moved: it is said, and its windows answer": async (
    db,
  ) => {
    const history = db.history("s");
    await history.addMessages([...turns(1), asks("a"), new HumanMessage("hello?")]);
    const before = await session(db.storage, "s");
    const persistence = started(db.storage);
    const report = { repaired: false, reason: "positions", toolCalls: called("a") };
    for (const dryRun of [true, false])
      assertSame(await persistence.repair("s", { dryRun }), report);
    assertSame(await session(db.storage, "s"), before);
    checkPaired(await history.getMessages({ lastTurns: 9 }));
    await history.addMessages([asks("b")]);
    assertSame(await persistence.repair("s"), { repaired: true, toolCalls: called("b") });
    assertSame(await persistence.repair("s"), report);
    const fit = await history.getMessages({ lastTurns: 9 });
    checkPaired(fit);
    assertSame(
      texts(await history.getMessages())
        .slice(0, 6)
        .at(-1),
      "hello?",
    );
    assert.equal(fit.length, 9);
  },

  "a repair is a checkpoint of its own, and a rollback goes back behind it": async (db) => {
    const persistence = started(db.storage);
    const graph = deltaGraph(persistence);
    await assert.rejects(graph.invoke(human("call"), threadConfig("t")), /broke/);
    const cut = await persistence.getLatestCheckpoint("t");
    await persistence.repair("t");
    const [head] = await persistence.listCheckpoints("t", { limit: 1 });
    assertSame(lines(head!.messageHistory), ["human: call", "ai: calls a0", "tool error"]);
    await persistence.rollbackToCheckpoint("t", cut!.checkpointId);
    assertSame((await graph.getState(AT)).next, ["tools"]);
    assert.ok((await persistence.repair("t")).repaired);
  },
};
