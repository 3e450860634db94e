import assert from "node:assert/strict";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { StorageError } from "@threadkeep/core";
import { createAgent, createMiddleware, dynamicSystemPromptMiddleware } from "langchain";
import type { Checks } from "../src/harness.js";
import { Gate } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import {
  asModel,
  failing,
  hello,
  memory,
  pluginOf,
  recorded,
  rows,
  saying,
  texts,
  toolOf,
} from "./plugin-world.js";

const note = toolOf("note", (name) => `noted ${name}`);

export const pluginChecks: Checks = {
  "what the user said, the prompt, calls, results and answers are recorded in order": async (
    db,
  ) => {
    const plugin = pluginOf(db.storage, { sessionId: "s", userId: "u", title: "Notes" });
    const model = asModel(saying([["note", "1"]], "done"));
    const middleware = [plugin] as const;
    const systemPrompt = "Be brief.";
    const agent = createAgent({ model, tools: [note], middleware, systemPrompt });
    const result = await agent.invoke(hello(), plugin.config);
    const told: readonly string[] = texts(result.messages);
    assert.deepEqual(told, ["human: hello", "ai: ", "tool: noted 1", "ai: done"]);
    assert.deepEqual(await recorded(db.storage, "s"), ["system: Be brief.", ...told]);
    const found = await rows(db.storage, "s");
    assert.deepEqual(
      found.slice(1).map(({ id }) => id),
      result.messages.map(({ id }) => id),
    );
    const session = await db.storage.session("s");
    assert.equal(session?.title, "Notes");
    assert.equal(session?.guard.owner.userId, "u");
  },

  "what was said is recorded before the model is called, results before it is called again": async (
    db,
  ) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const found: string[][] = [];
    const looks = createMiddleware({
      name: "looks",
      wrapModelCall: async (request, handler) => {
        found.push(await recorded(db.storage, "s"));
        return handler(request);
      },
    });
    const model = asModel(saying([["note", "1"]], "done"));
    const agent = createAgent({ model, tools: [note], middleware: [plugin, looks] });
    await agent.invoke(hello(), plugin.config);
    assert.deepEqual(found, [["human: hello"], ["human: hello", "ai: ", "tool: noted 1"]]);
  },

  "a prompt that is made behind the plugin is recorded, too": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const dynamic = dynamicSystemPromptMiddleware(() => "Made just now.");
    const agent = createAgent({
      ...{ model: asModel(saying("one", "two")), tools: [] },
      middleware: [plugin, dynamic],
    });
    for (const turn of ["1", "2"]) await agent.invoke(hello(turn), plugin.config);
    const found = await recorded(db.storage, "s");
    assert.deepEqual(
      found.filter((said) => said.startsWith("system")),
      ["system: Made just now."],
    );
    assert.equal(found.length, 5);
  },

  "a model that fails leaves what the user said, and a model call": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const model = asModel(saying(new TypeError("model down")));
    const agent = createAgent({ model, tools: [], middleware: [plugin] });
    const error = await failing(agent.invoke(hello(), plugin.config));
    assert.match(error.message, /model down/);
    assert.deepEqual(await recorded(db.storage, "s"), ["human: hello"]);
    const [call, ...others] = await db.storage.modelCalls("s");
    assert.deepEqual([call?.status, call?.error, call?.messageId], ["error", "model down", null]);
    assert.equal(others.length, 0);
  },

  "usage: model, tokens, latency and status of each call": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const agent = createAgent({ model: asModel(saying("hi")), tools: [], middleware: [plugin] });
    const { messages } = await agent.invoke(hello(), plugin.config);
    const [call] = await db.storage.modelCalls("s");
    assert.ok(call !== undefined && call.latencyMs >= 0 && call.startedAt > 0);
    const { messageId, model, status, inputTokens, outputTokens, totalTokens } = call;
    assert.equal(messageId, messages.at(-1)?.id);
    assert.deepEqual(
      [model, status, inputTokens, outputTokens, totalTokens],
      ["fake-1", "ok", 3, 5, 8],
    );
    assert.deepEqual(JSON.parse(call.usage ?? ""), { input_token_details: { cache_read: 1 } });
    const [, said] = await db.storage.messages("s", {});
    const metadata = JSON.parse(said?.metadata ?? "");
    assert.deepEqual(
      [metadata.model, metadata.totalTokens, metadata.modelCall],
      ["fake-1", 8, call.id],
    );
  },

  "each message once: over turns, after a restart, and with the same agent": async (db) => {
    const checkpointer = memory();
    const config = { configurable: { thread_id: "s" } };
    const systemPrompt = "Be brief.";
    for (let turn = 0; turn < 12; turn += 1) {
      const plugin = pluginOf(db.storage);
      const model = asModel(saying(`answer ${turn}`));
      const middleware = [plugin] as const;
      const agent = createAgent({ model, tools: [], middleware, checkpointer, systemPrompt });
      await agent.invoke(hello(`turn ${turn}`), config);
    }
    const turns = Array.from({ length: 12 }, (_, i) => [`human: turn ${i}`, `ai: answer ${i}`]);
    assert.deepEqual(await recorded(db.storage, "s"), ["system: Be brief.", ...turns.flat()]);
  },

  "messages of the same id are recorded once, whatever the id": async (db) => {
    const long = "é".repeat(400);
    for (let i = 0; i < 2; i += 1) {
      const plugin = pluginOf(db.storage, { sessionId: "s", history: "never" });
      const agent = createAgent({ model: asModel(saying("yes")), tools: [], middleware: [plugin] });
      const messages = [long, "short"].map(
        (id) => new HumanMessage({ id, content: id.slice(0, 5) }),
      );
      await agent.invoke({ messages }, plugin.config);
    }
    const found = await rows(db.storage, "s");
    assert.deepEqual(
      found.filter(({ said }) => said.startsWith("human")).map(({ id }) => id),
      [long, "short"],
    );
    assert.equal(found.length, 4);
  },

  "two chats on one plugin never mix, whatever the plugin's session": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "own" });
    const gate = new Gate();
    const entered = new Gate();
    const wait = toolOf("wait", async (name) => {
      entered.open();
      await gate.opened;
      return `waited ${name}`;
    });
    const slow = createAgent({
      ...{ model: asModel(saying([["wait", "1"]], "slow done")), tools: [wait] },
      middleware: [plugin],
    });
    const quick = createAgent({
      model: asModel(saying("quick done")),
      tools: [],
      middleware: [plugin],
    });
    const first = slow.invoke(hello("a"), { configurable: { thread_id: "a" } });
    await entered.opened;
    await quick.invoke(hello("b"), { configurable: { thread_id: "b" } });
    await quick.invoke(hello("b2"), { configurable: { thread_id: "b" } }).catch(() => {});
    gate.open();
    await first;
    assert.deepEqual(await recorded(db.storage, "a"), [
      "human: a",
      "ai: ",
      "tool: waited 1",
      "ai: slow done",
    ]);
    assert.deepEqual(await recorded(db.storage, "b"), ["human: b", "ai: quick done", "human: b2"]);
    assert.deepEqual(await recorded(db.storage, "own"), []);
  },

  "switch: later runs record there, a run under way stays where it began": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "a" });
    await pluginOf(db.storage, { sessionId: "b" }).wrap(saying("b is made")).invoke("make b");
    const gate = new Gate();
    const entered = new Gate();
    const wait = toolOf("wait", async () => {
      entered.open();
      await gate.opened;
      return "waited";
    });
    const model = asModel(saying([["wait", "1"]], "done", "in b"));
    const agent = createAgent({ model, tools: [wait], middleware: [plugin] });
    const first = agent.invoke(hello("to a"));
    await entered.opened;
    await plugin.switch("b");
    assert.equal(plugin.config.configurable.thread_id, "b");
    gate.open();
    await first;
    await agent.invoke(hello("to b"));
    assert.deepEqual(await recorded(db.storage, "a"), [
      "human: to a",
      "ai: ",
      "tool: waited",
      "ai: done",
    ]);
    assert.deepEqual(await recorded(db.storage, "b"), [
      ...["human: make b", "ai: b is made", "human: to b", "ai: in b"],
    ]);
    await assertRefused(() => plugin.switch("unknown"), "NOT_FOUND", "switch", /unknown/);
    assert.equal(plugin.sessionId, "b");
  },

  "a session that is erased during a run stays erased, and the run fails": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const erase = toolOf("erase", () => db.storage.deleteSession("s"));
    const model = asModel(saying([["erase", "1"]], "done"));
    const agent = createAgent({ model, tools: [erase], middleware: [plugin] });
    const error = await failing(agent.invoke(hello(), plugin.config));
    assert.ok(error.cause instanceof StorageError, String(error.cause));
    assert.equal(error.cause.code, "THREAD_DELETED");
    assert.equal(await db.storage.session("s"), undefined);
  },

  "a message that cannot be recorded stops the run before the model is called": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const model = saying("never");
    const agent = createAgent({ model: asModel(model), tools: [], middleware: [plugin] });
    const message = new HumanMessage({ content: "x", additional_kwargs: { f: () => 1 } });
    const error = await failing(agent.invoke({ messages: [message] }, plugin.config));
    assert.equal((error.cause as StorageError).code, "NOT_SERIALIZABLE");
    assert.equal(model.callCount, 0);
  },

  "results that were recorded bear the ids that the state has": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const model = asModel(
      saying(
        [
          ["note", "1"],
          ["note", "2"],
        ],
        "done",
      ),
    );
    const agent = createAgent({
      model,
      tools: [note],
      middleware: [plugin],
      checkpointer: memory(),
    });
    const { messages } = await agent.invoke(hello(), plugin.config);
    const results = messages.filter((message) => ToolMessage.isInstance(message));
    const found = (await rows(db.storage, "s")).filter(({ said }) => said.startsWith("tool"));
    assert.deepEqual(found.map(({ id }) => id).sort(), results.map(({ id }) => id).sort());
    assert.equal(new Set(results.map(({ id }) => id)).size, 2);
  },
};
