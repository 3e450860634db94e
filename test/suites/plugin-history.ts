import assert from "node:assert/strict";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { ChatMessageHistory, type Storage } from "@threadkeep/core";
import { createAgent } from "langchain";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";
import {
  asModel,
  hello,
  memory,
  pluginOf,
  recorded,
  saying,
  texts,
  toolOf,
} from "./plugin-world.js";

const note = toolOf("note", (name) => `noted ${name}`);

/** Three turns; the first one calls a tool. */
async function threeTurns(storage: Storage): Promise<void> {
  const plugin = pluginOf(storage, { sessionId: "s" });
  const model = asModel(saying([["note", "1"]], "first", "second", "third"));
  const systemPrompt = "Be brief.";
  const agent = createAgent({ model, tools: [note], middleware: [plugin], systemPrompt });
  for (const turn of ["one", "two", "three"]) await agent.invoke(hello(turn), plugin.config);
}

/** What the model was asked on top of what is stored. */
async function asked(storage: Storage, options: object, more: object = {}): Promise<string[]> {
  const plugin = pluginOf(storage, { sessionId: "s", ...options });
  const model = saying("fourth");
  const agent = createAgent({ model: asModel(model), tools: [], middleware: [plugin], ...more });
  await agent.invoke(hello("four"), plugin.config);
  return texts(model.calls[0]?.messages ?? []);
}

const ONE = ["human: one", "ai: ", "tool: noted 1", "ai: first"];
const TWO = ["human: two", "ai: second"];
const THREE = ["human: three", "ai: third"];

export const pluginHistoryChecks: Checks = {
  "without a checkpointer the stored conversation stands before the run's own": async (db) => {
    await threeTurns(db.storage);
    const systemPrompt = "Be kind.";
    const told = await asked(db.storage, {}, { systemPrompt });
    assert.deepEqual(told, ["system: Be kind.", ...ONE, ...TWO, ...THREE, "human: four"]);
    const all = ["system: Be brief.", ...ONE, ...TWO, ...THREE];
    const now = ["system: Be kind.", "human: four", "ai: fourth"];
    assert.deepEqual(await recorded(db.storage, "s"), [...all, ...now]);
  },

  "lastTurns, to the message": async (db) => {
    await threeTurns(db.storage);
    assert.deepEqual(await asked(db.storage, { lastTurns: 1 }), [...THREE, "human: four"]);
  },

  "lastTurns 0, and more than there are": async (db) => {
    await threeTurns(db.storage);
    assert.deepEqual(await asked(db.storage, { lastTurns: 0 }), ["human: four"]);
    const all = [...ONE, ...TWO, ...THREE, "human: four", "ai: fourth", "human: four"];
    assert.deepEqual(await asked(db.storage, { lastTurns: 9 }), all);
  },

  "turns longer than a page": async (db) => {
    const history = new ChatMessageHistory(db.storage, "s");
    const long = Array.from({ length: 260 }, (_, i) => new AIMessage(`part ${i}`));
    await history.addMessages([new HumanMessage("old"), new HumanMessage("tell"), ...long]);
    const told = await asked(db.storage, { lastTurns: 1 });
    assert.deepEqual([told.length, told[0], told.at(-2)], [262, "human: tell", "ai: part 259"]);
  },

  "with a checkpointer nothing is loaded, unless it is asked for": async (db) => {
    await threeTurns(db.storage);
    const checkpointer = memory();
    assert.deepEqual(await asked(db.storage, {}, { checkpointer }), ["human: four"]);
    const always = { history: "always" };
    const told = await asked(db.storage, always, { checkpointer: memory() });
    assert.deepEqual(told.slice(0, 4), ONE);
    assert.deepEqual(await asked(db.storage, { history: "never" }), ["human: four"]);
  },

  "a call goes with its result, and without one it does not go": async (db) => {
    const calls = (...ids: string[]) =>
      ids.map((id) => ({ id, name: "note", args: {}, type: "tool_call" as const }));
    const result = (id: string) => new ToolMessage({ tool_call_id: id, content: `result ${id}` });
    await new ChatMessageHistory(db.storage, "s").addMessages([
      result("before"),
      new HumanMessage("one"),
      new AIMessage({ content: "both", tool_calls: calls("1", "2") }),
      result("2"),
      new HumanMessage("two"),
      new AIMessage({ content: "", tool_calls: calls("3") }),
      new HumanMessage("three"),
      new AIMessage({ content: "", tool_calls: calls("4") }),
    ]);
    const expected = ["human: one", "ai: both", "tool: result 2", "human: two", "human: three"];
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const model = saying("seen");
    const agent = createAgent({ model: asModel(model), tools: [], middleware: [plugin] });
    await agent.invoke({ messages: [result("4")] }, plugin.config);
    const answered = [...expected, "ai: ", "tool: result 4"];
    assert.deepEqual(texts(model.calls[0]?.messages ?? []), answered);
    assert.deepEqual(await asked(db.storage, {}), [...answered, "ai: seen", "human: four"]);
  },

  "a call that nobody answered does not go": async (db) => {
    const call = { id: "1", name: "note", args: {}, type: "tool_call" as const };
    const ask = new AIMessage({ content: "", tool_calls: [call] });
    await new ChatMessageHistory(db.storage, "s").addMessages([new HumanMessage("one"), ask]);
    assert.deepEqual(await asked(db.storage, {}), ["human: one", "human: four"]);
  },

  "messages that the run has itself are not put before it": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const model = saying("one", "two");
    const agent = createAgent({ model: asModel(model), tools: [], middleware: [plugin] });
    const first = await agent.invoke(hello(), plugin.config);
    await agent.invoke({ messages: [...first.messages, new HumanMessage("more")] }, plugin.config);
    const told = ["human: hello", "ai: one", "human: more"];
    assert.deepEqual(texts(model.calls[1]?.messages ?? []), told);
    assert.deepEqual(await recorded(db.storage, "s"), [...told, "ai: two"]);
  },

  "options that are refused": async (db) => {
    const bad: [object, RegExp][] = [
      [{ sessionId: "" }, /sessionId/],
      [{ sessionId: 1 }, /sessionId/],
      [{ userId: "a\0" }, /userId/],
      [{ userId: undefined }, /userId/],
      [{ history: "sometimes" }, /history/],
      [{ lastTurns: -1 }, /lastTurns/],
      [{ toolErrors: "hide" }, /toolErrors/],
    ];
    for (const [options, pattern] of bad) {
      const make = async () => pluginOf(db.storage, options);
      await assertRefused(make, "INVALID_ARGUMENT", "plugin", pattern);
    }
  },
};
