import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import type { Storage } from "@threadkeep/core";
import { createAgent } from "langchain";
import type { Checks } from "../src/harness.js";
import {
  answer,
  asModel,
  failing,
  hello,
  pluginOf,
  recorded,
  rows,
  SlowModel,
  texts,
} from "./plugin-world.js";

const STATUS = ["human: hello", undefined];

/** A plugin and an agent whose model waits after its first pieces. */
function streaming(storage: Storage, model: SlowModel) {
  const plugin = pluginOf(storage, { sessionId: "s" });
  const agent = createAgent({ model: asModel(model), tools: [], middleware: [plugin] });
  return { plugin, agent };
}

async function told(storage: Storage): Promise<unknown[][]> {
  return (await rows(storage, "s")).map(({ said, status }) => [said, status]);
}

async function calls(storage: Storage): Promise<string[]> {
  const found = await storage.modelCalls("s");
  return found.map(({ status, messageId }) => `${status} ${messageId === null ? "-" : "answered"}`);
}

export const pluginStreamChecks: Checks = {
  "a stream to its end is one message, with the id that the consumer saw": async (db) => {
    const { plugin, agent } = streaming(db.storage, new SlowModel(["Once ", "upon ", "a time"]));
    const stream = await agent.stream(hello(), { ...plugin.config, streamMode: "messages" });
    const pieces: string[] = [];
    const ids = new Set<string | undefined>();
    for await (const [message] of stream) {
      pieces.push(message.text);
      ids.add(message.id);
    }
    assert.equal(pieces.join(""), "Once upon a time");
    assert.deepEqual(await told(db.storage), [STATUS, ["ai: Once upon a time", "ok"]]);
    assert.deepEqual([...ids], [(await rows(db.storage, "s")).at(-1)?.id]);
    assert.deepEqual(await calls(db.storage), ["ok answered"]);
  },

  "a stream that its signal aborts keeps what arrived": async (db) => {
    const model = new SlowModel(["Once ", "upon ", "never"], 2);
    const { plugin, agent } = streaming(db.storage, model);
    const controller = new AbortController();
    const config = { ...plugin.config, signal: controller.signal };
    const stream = await agent.stream(hello(), { ...config, streamMode: "messages" });
    const reading = failing(
      (async () => {
        for await (const _ of stream);
      })(),
    );
    await model.waits.opened;
    controller.abort();
    await reading;
    await plugin.settled();
    assert.deepEqual(await told(db.storage), [STATUS, ["ai: Once upon ", "aborted"]]);
    assert.deepEqual(await calls(db.storage), ["aborted answered"]);
  },

  "a stream that nobody reads on keeps what arrived": async (db) => {
    const model = new SlowModel(["Once ", "upon ", "never"], 2);
    const { plugin, agent } = streaming(db.storage, model);
    const stream = await agent.stream(hello(), { ...plugin.config, streamMode: "messages" });
    for await (const [message] of stream) if (message.text === "upon ") break;
    await plugin.settled();
    assert.deepEqual(await told(db.storage), [STATUS, ["ai: Once upon ", "aborted"]]);
    assert.deepEqual(await calls(db.storage), ["aborted answered"]);
  },

  "a stream that fails keeps what arrived": async (db) => {
    const model = new SlowModel(["Once ", "upon ", new TypeError("broken")]);
    const { plugin, agent } = streaming(db.storage, model);
    const stream = await agent.stream(hello(), { ...plugin.config, streamMode: "messages" });
    const error = await failing(
      (async () => {
        for await (const _ of stream);
      })(),
    );
    assert.match(error.message, /broken/);
    assert.deepEqual(await told(db.storage), [STATUS, ["ai: Once upon ", "error"]]);
    const [call] = await db.storage.modelCalls("s");
    assert.deepEqual([call?.status, call?.error], ["error", "broken"]);
  },

  "streamEvents, version 2 and 3, keep what arrived, too": async (db) => {
    for (const version of ["v2", "v3"] as const) {
      const model = new SlowModel(["Once ", "upon ", new TypeError("broken")]);
      const plugin = pluginOf(db.storage, { sessionId: version });
      const agent = createAgent({ model: asModel(model), tools: [], middleware: [plugin] });
      const events = agent.streamEvents(hello(), { ...plugin.config, version } as never);
      await failing(
        (async () => {
          for await (const _ of await (events as unknown as Promise<AsyncIterable<unknown>>));
        })(),
      );
      const found = await rows(db.storage, version);
      assert.deepEqual(
        found.map(({ said }) => said),
        ["human: hello", "ai: Once upon "],
        version,
      );
      assert.equal(found.at(-1)?.status, "error");
    }
  },

  "an invocation that is aborted is a call without an answer": async (db) => {
    const model = new SlowModel(["Once ", "never"], 1);
    const { plugin, agent } = streaming(db.storage, model);
    const controller = new AbortController();
    const config = { ...plugin.config, signal: controller.signal, callbacks: [] };
    const prefers = { lc_prefer_streaming: true, name: "prefers", awaitHandlers: true };
    const callbacks = [{ ...prefers, handleLLMNewToken() {} }] as never;
    const running = failing(agent.invoke(hello(), { ...config, callbacks }));
    await model.waits.opened;
    controller.abort();
    await running;
    await plugin.settled();
    assert.deepEqual(await recorded(db.storage, "s"), ["human: hello", "ai: Once "]);
    assert.deepEqual(await calls(db.storage), ["aborted answered"]);
  },

  "what was aborted is told to the model as it is, unless the answer came after all": async (
    db,
  ) => {
    const model = new SlowModel(["Once ", "upon ", "never"], 2);
    const { plugin, agent } = streaming(db.storage, model);
    const stream = await agent.stream(hello(), { ...plugin.config, streamMode: "messages" });
    for await (const [message] of stream) if (message.text === "upon ") break;
    await plugin.settled();
    const { wrapModelCall } = pluginOf(db.storage, { sessionId: "s" });
    const ask = async (messages: HumanMessage[], said: string) => {
      let seen: string[] = [];
      await wrapModelCall({ messages, runtime: {} }, (request) => {
        seen = texts(request.messages);
        return answer(said);
      });
      return seen;
    };
    const before = ["human: hello", "ai: Once upon "];
    assert.deepEqual(await ask([new HumanMessage("So?")], "That is all."), [
      ...before,
      "human: So?",
    ]);
    const model2 = new SlowModel(["Twice ", "never"], 1);
    const again = createAgent({ model: asModel(model2), tools: [], middleware: [plugin] });
    for await (const _ of await again.stream(hello("2"), {
      ...plugin.config,
      streamMode: "messages",
    }))
      break;
    await plugin.settled();
    assert.deepEqual((await ask([], "Twice upon a time.")).at(-1), "ai: Twice ");
    assert.deepEqual((await ask([], "No more.")).slice(-2), ["human: 2", "ai: Twice upon a time."]);
  },
};
