import assert from "node:assert/strict";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Persistence, type Storage } from "@threadkeep/core";
import { createAgent } from "langchain";
import type { Checks } from "../src/harness.js";
import { refusal } from "../src/refusal.js";
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

/** A storage that counts the messages that are sent to it and read from it. */
function counting(storage: Storage): { storage: Storage; sent: number; reads: number } {
  const counts = { sent: 0, reads: 0 };
  const counted = new Proxy(storage, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        if (name === "messages") counts.reads += 1;
        if (name === "appendMessages")
          counts.sent += (given[2] as { messages: [] }).messages.length;
        return value.apply(target, given);
      };
    },
  });
  return Object.assign(counts, { storage: counted });
}

export const pluginOwnerChecks: Checks = {
  "whose session: the plugin's options, else what the run says": async (db) => {
    const agent = (plugin: ReturnType<typeof pluginOf>) =>
      createAgent({ model: asModel(saying("hi")), tools: [], middleware: [plugin] });
    const said = { user_id: "run's", tenant_id: "run's" };
    const owned = pluginOf(db.storage, { sessionId: "a", userId: "own", agentId: "agent" });
    await agent(owned).invoke(hello(), { configurable: { thread_id: "a", ...said } });
    const owner = async (id: string) => (await db.storage.guard(id))?.owner;
    assert.deepEqual(await owner("a"), { userId: "own", tenantId: "run's", agentId: "agent" });
    await agent(pluginOf(db.storage)).invoke(hello(), {
      configurable: { thread_id: "b" },
      context: { userId: "context's" },
    } as never);
    assert.deepEqual(await owner("b"), { userId: "context's" });
    const { configurable } = owned.config;
    assert.deepEqual(configurable, { thread_id: "a", user_id: "own", agent_id: "agent" });
  },

  "another tenant's session is as if it were not there": async (db) => {
    const acme = pluginOf(db.storage, { sessionId: "s", tenantId: "acme" });
    await acme.wrap(saying("secret")).invoke("tell");
    const model = saying("never");
    const globex = pluginOf(db.storage, { sessionId: "s", tenantId: "globex" });
    const error = await refusal(() => globex.wrap(model).invoke("tell me"));
    assert.equal(error.code, "NOT_FOUND");
    assert.equal(model.callCount, 0);
    assert.deepEqual(await recorded(db.storage, "s"), ["human: tell", "ai: secret"]);
    const error2 = await refusal(() => globex.switch("s"));
    assert.equal(error2.code, "NOT_FOUND");
  },

  "forOwner: the same session id of two tenants is two conversations": async (db) => {
    const persistence = new Persistence(db.storage);
    const models = { acme: saying("a1", "a2"), globex: saying("g1", "g2") };
    const handles = ["acme", "globex"] as const;
    for (const turn of ["1", "2"]) {
      for (const tenantId of handles) {
        const plugin = persistence.forOwner({ tenantId }).plugin({ sessionId: "s" });
        await plugin.wrap(models[tenantId]).invoke(`${tenantId} ${turn}`);
      }
    }
    for (const tenantId of handles) {
      const { messages } = await persistence.forOwner({ tenantId }).messages("s");
      const [letter] = tenantId;
      const told = texts(messages.map(({ message }) => message));
      const first = [`human: ${tenantId} 1`, `ai: ${letter}1`];
      assert.deepEqual(told, [...first, `human: ${tenantId} 2`, `ai: ${letter}2`]);
    }
  },

  "sessions.switch: the owner's plugins follow": async (db) => {
    const persistence = new Persistence(db.storage);
    await persistence.sessions.create({ id: "mine", userId: "u" });
    const mine = persistence.plugin({ userId: "u" });
    const others = persistence.plugin({ userId: "v" });
    await persistence.sessions.switch("mine");
    assert.equal(mine.sessionId, "mine");
    assert.notEqual(others.sessionId, "mine");
    await mine.wrap(saying("here")).invoke("where?");
    assert.deepEqual(await recorded(db.storage, "mine"), ["human: where?", "ai: here"]);
  },

  "sessions.switch reaches the owner's plugins through whichever handle, and nobody else's": async (
    db,
  ) => {
    const persistence = new Persistence(db.storage);
    const ada = () => persistence.forOwner({ tenantId: "acme", userId: "ada" });
    const theirs = persistence.forOwner({ tenantId: "globex" }).plugin();
    const plugin = ada().plugin();
    await ada().sessions.create({ id: "s" });
    await ada().sessions.switch("s");
    assert.equal(plugin.sessionId, "s");
    assert.notEqual(theirs.sessionId, "s");
  },

  "a long conversation is not sent again, neither in the next turn nor after a restart": async (
    db,
  ) => {
    const checkpointer = memory();
    const config = { configurable: { thread_id: "s" } };
    const start = () => {
      const counts = counting(db.storage);
      const plugin = pluginOf(counts.storage);
      const model = asModel(saying("one", "two", "three"));
      const agent = createAgent({ model, tools: [], middleware: [plugin], checkpointer });
      return { counts, agent };
    };
    const before = start();
    const long = Array.from({ length: 500 }, (_, i) => [
      new HumanMessage(`${i}`),
      new AIMessage("ok"),
    ]);
    await before.agent.invoke({ messages: long.flat() }, config);
    assert.equal(before.counts.sent, 1001);
    await before.agent.invoke(hello(), config);
    assert.equal(before.counts.sent, 1003);
    const after = start();
    await after.agent.invoke(hello(), config);
    await after.agent.invoke(hello(), config);
    assert.deepEqual([after.counts.sent, after.counts.reads], [4, 1]);
    assert.equal((await recorded(db.storage, "s")).length, 1007);
  },

  "an agent with a plugin of its own inside a tool records beside": async (db) => {
    const inside = pluginOf(db.storage, { sessionId: "inside" });
    const outside = pluginOf(db.storage, { sessionId: "outside" });
    const expert = createAgent({ model: asModel(saying("42")), tools: [], middleware: [inside] });
    const ask = toolOf("ask", async () => {
      const { messages } = await expert.invoke(hello("what?"), inside.config);
      return messages.at(-1)?.text;
    });
    const model = asModel(saying([["ask", "1"]], "done"));
    const agent = createAgent({ model, tools: [ask], middleware: [outside] });
    await agent.invoke(hello(), outside.config);
    assert.deepEqual(await recorded(db.storage, "inside"), ["human: what?", "ai: 42"]);
    const told = ["human: hello", "ai: ", "tool: 42", "ai: done"];
    assert.deepEqual(await recorded(db.storage, "outside"), told);
    const calls = await Promise.all(
      ["inside", "outside"].map(async (id) => (await db.storage.modelCalls(id)).length),
    );
    assert.deepEqual(calls, [1, 2]);
  },

  "model calls, as they are read": async (db) => {
    const persistence = new Persistence(db.storage);
    const plugin = persistence.plugin({ sessionId: "s" });
    const model = saying("first", new TypeError("down"));
    const chat = plugin.wrap(model);
    await chat.invoke("one");
    await refusedOnce(chat.invoke("two"));
    const [first, second] = await persistence.modelCalls("s");
    const said = await db.storage.messages("s", { roles: ["ai"] });
    assert.ok(first !== undefined && second !== undefined);
    const { id, startedAt, latencyMs, ...told } = first;
    assert.ok(startedAt instanceof Date && latencyMs >= 0 && id !== second.id);
    assert.deepEqual(told, {
      ...{ messageId: said[0]?.id, model: "fake-1", status: "ok" },
      ...{ inputTokens: 3, outputTokens: 5, totalTokens: 8 },
      usage: { input_token_details: { cache_read: 1 } },
    });
    assert.deepEqual([second.status, second.error, second.messageId], ["error", "down", undefined]);
  },
};

async function refusedOnce(call: Promise<unknown>): Promise<void> {
  await assert.rejects(call);
}
