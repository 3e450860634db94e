import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { Command, interrupt } from "@langchain/langgraph";
import { Persistence } from "@threadkeep/core";
import {
  type AgentMiddleware,
  createAgent,
  createMiddleware,
  toolRetryMiddleware,
  toolStrategy,
} from "langchain";
import type { Checks } from "../src/harness.js";
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

export const pluginToolChecks: Checks = {
  "a tool that fails is told to the model, as without the plugin": async (db) => {
    const broken = toolOf("broken", () => {
      throw new TypeError("no paper");
    });
    const script = () => asModel(saying([["broken", "1"]], "sorry"));
    const without = await createAgent({ model: script(), tools: [broken] }).invoke(hello());
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const agent = createAgent({ model: script(), tools: [broken], middleware: [plugin] });
    const { messages } = await agent.invoke(hello(), plugin.config);
    assert.deepEqual(texts(messages), texts(without.messages));
    assert.deepEqual(await recorded(db.storage, "s"), texts(messages));
    const throwing = pluginOf(db.storage, { sessionId: "t", toolErrors: "throw" });
    const strict = createAgent({ model: script(), tools: [broken], middleware: [throwing] });
    assert.match((await failing(strict.invoke(hello(), throwing.config))).message, /no paper/);
    assert.deepEqual(await recorded(db.storage, "t"), ["human: hello", "ai: "]);
  },

  "arguments that do not fit are told to the model, as without the plugin": async (db) => {
    const script = () => {
      const model = saying([["note", "1"]], "sorry");
      return asModel(model);
    };
    const strict = toolOf("note", () => "noted");
    strict.schema = strict.schema.extend({ more: strict.schema.shape.name }) as never;
    const without = await createAgent({ model: script(), tools: [strict] }).invoke(hello());
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const agent = createAgent({ model: script(), tools: [strict], middleware: [plugin] });
    const { messages } = await agent.invoke(hello(), plugin.config);
    const short = (all: typeof messages) => texts(all).map((text) => text.slice(0, 60));
    assert.deepEqual(short(messages), short(without.messages));
    assert.equal((await recorded(db.storage, "s")).length, 4);
  },

  "a middleware behind the plugin may call a tool again": async (db) => {
    let tries = 0;
    const flaky = toolOf("flaky", () => {
      tries += 1;
      if (tries === 1) throw new TypeError("not yet");
      return "at last";
    });
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const retry = toolRetryMiddleware({ maxRetries: 1, initialDelayMs: 0, backoffFactor: 0 });
    const model = asModel(saying([["flaky", "1"]], "done"));
    const agent = createAgent({
      model,
      tools: [flaky],
      middleware: [plugin, retry as AgentMiddleware],
    });
    await agent.invoke(hello(), plugin.config);
    const expected = ["human: hello", "ai: ", "tool: at last", "ai: done"];
    assert.deepEqual(await recorded(db.storage, "s"), expected);
  },

  "a human is asked: nothing is recorded of it, and each message once after the answer": async (
    db,
  ) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const ask = toolOf("ask", (name) => `said ${interrupt(`sure of ${name}?`)}`);
    const model = asModel(
      saying(
        [
          ["note", "1"],
          ["ask", "2"],
        ],
        "done",
      ),
    );
    const tools = [note, ask];
    const agent = createAgent({ model, tools, middleware: [plugin], checkpointer: memory() });
    const waiting = await agent.invoke(hello(), plugin.config);
    assert.ok("__interrupt__" in waiting);
    assert.deepEqual(await recorded(db.storage, "s"), ["human: hello", "ai: ", "tool: noted 1"]);
    const { messages } = await agent.invoke(new Command({ resume: "yes" }), plugin.config);
    const expected = ["human: hello", "ai: ", "tool: noted 1", "tool: said yes", "ai: done"];
    assert.deepEqual(await recorded(db.storage, "s"), expected);
    assert.deepEqual(texts(messages), expected);
  },

  "a restart between a question and its answer": async (db) => {
    const checkpointer = memory();
    const ask = toolOf("ask", () => `said ${interrupt("sure?")}`);
    const model = asModel(saying([["ask", "1"]], "done"));
    const started = (sessionId: string) => {
      const plugin = pluginOf(db.storage, { sessionId });
      const middleware = [plugin];
      return { plugin, agent: createAgent({ model, tools: [ask], middleware, checkpointer }) };
    };
    const before = started("s");
    await before.agent.invoke(hello(), before.plugin.config);
    const after = started("s");
    await after.agent.invoke(new Command({ resume: "yes" }), after.plugin.config);
    const expected = ["human: hello", "ai: ", "tool: said yes", "ai: done"];
    assert.deepEqual(await recorded(db.storage, "s"), expected);
  },

  "the messages of a Command that a tool returns are recorded": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const commands = createMiddleware({
      name: "commands",
      wrapToolCall: async (request, handler) => {
        const result = await handler(request);
        return new Command({ update: { messages: [result, new HumanMessage("by the way")] } });
      },
    });
    const model = asModel(saying([["note", "1"]], "done"));
    const agent = createAgent({ model, tools: [note], middleware: [plugin, commands] });
    const { messages } = await agent.invoke(hello(), plugin.config);
    assert.equal(messages.length, 5);
    assert.deepEqual(await recorded(db.storage, "s"), texts(messages));
  },

  "structured answers: their messages are recorded as the state has them": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const properties = { name: { type: "string" } };
    const schema = { title: "place", type: "object", properties, required: ["name"] } as const;
    const model = asModel(saying([["place", "Oslo"]]));
    const responseFormat = toolStrategy(schema as never);
    const agent = createAgent({ model, tools: [], middleware: [plugin], responseFormat });
    const result = await agent.invoke(hello(), plugin.config);
    assert.deepEqual((result as { structuredResponse?: unknown }).structuredResponse, {
      name: "Oslo",
    });
    const { messages } = result;
    assert.equal(messages.length, 4);
    assert.deepEqual(await recorded(db.storage, "s"), texts(messages));
    const ids = (await rows(db.storage, "s")).map(({ id }) => id);
    assert.deepEqual(
      ids,
      messages.map(({ id }) => id),
    );
  },

  "an agent with the plugin makes as many checkpoints as without it": async (db) => {
    const counts: number[] = [];
    for (const has of [false, true]) {
      const { checkpointer } = new Persistence(db.storage);
      const plugin = pluginOf(db.storage, { sessionId: `session ${has}` });
      const agent = createAgent({
        ...{ model: asModel(saying([["note", "1"]], "done")), tools: [note] },
        ...{ middleware: has ? [plugin] : [], checkpointer: checkpointer as never },
      });
      await agent.invoke(hello(), plugin.config);
      const query = { sessionId: plugin.sessionId, limit: 100 };
      counts.push((await db.storage.list(query)).length);
    }
    assert.equal(counts[0], counts[1]);
    assert.ok(counts[0] !== undefined && counts[0] > 0);
    const found = await recorded(db.storage, "session true");
    assert.deepEqual(found, ["human: hello", "ai: ", "tool: noted 1", "ai: done"]);
  },
};
