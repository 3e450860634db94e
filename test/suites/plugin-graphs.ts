import assert from "node:assert/strict";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import {
  Command,
  END,
  interrupt,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { type Storage, StorageError } from "@threadkeep/core";
import { createAgent } from "langchain";
import type { Checks } from "../src/harness.js";
import { Gate } from "../src/persistence.js";
import {
  asModel,
  failing,
  hello,
  memory,
  pluginOf,
  recorded,
  rows,
  SlowModel,
  saying,
  texts,
  toolOf,
} from "./plugin-world.js";

interface Model {
  invoke(messages: BaseMessage[], config?: object): Promise<BaseMessage>;
}

const note = toolOf("note", (name) => `noted ${name}`);

/** A model and its tools, as one writes it by hand. */
function loop(model: unknown, tools = [note]) {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }, config) => {
      const said = await (model as Model).invoke(messages, config);
      return { messages: [said] };
    })
    .addNode("tools", new ToolNode(tools))
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }) =>
      (messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : END,
    )
    .addEdge("tools", "model");
}

async function statuses(storage: Storage, sessionId: string): Promise<string[]> {
  return (await storage.modelCalls(sessionId)).map(({ status }) => status);
}

export const pluginGraphChecks: Checks = {
  "a plain graph: input, answers, results, usage, each message once": async (db) => {
    const checkpointer = memory();
    for (const turn of ["one", "two"]) {
      const plugin = pluginOf(db.storage, { sessionId: "s", userId: "u" });
      const model = saying([["note", turn]], `end ${turn}`);
      const graph = plugin.wrap(loop(model).compile({ checkpointer }));
      const { messages } = await graph.invoke(hello(turn));
      const told: string[] = texts(messages);
      assert.deepEqual(await recorded(db.storage, "s"), told);
      assert.equal(told.length, turn === "one" ? 4 : 8);
      const ids = (await rows(db.storage, "s")).map(({ id }) => id);
      assert.deepEqual(
        ids,
        messages.map(({ id }) => id),
      );
    }
    assert.deepEqual(await statuses(db.storage, "s"), ["ok", "ok", "ok", "ok"]);
    const [call] = (await db.storage.modelCalls("s")).filter(
      ({ totalTokens }) => totalTokens === 8,
    );
    assert.equal(call?.model, "fake-1");
    assert.equal((await db.storage.guard("s"))?.owner.userId, "u");
  },

  "the input is recorded before the graph runs, a node's messages before the next node": async (
    db,
  ) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const seen: string[][] = [];
    const look = async () => {
      seen.push(await recorded(db.storage, "s"));
      return { messages: [new AIMessage(`look ${seen.length}`)] };
    };
    const builder = new StateGraph(MessagesAnnotation).addNode("a", look).addNode("b", look);
    const graph = builder.addEdge(START, "a").addEdge("a", "b").compile();
    await plugin.wrap(graph).invoke(hello());
    assert.deepEqual(seen, [["human: hello"], ["human: hello", "ai: look 1"]]);
  },

  "messages in every shape that LangGraph takes": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("a", () => ({ messages: { role: "assistant", content: "a dictionary" } as never }))
      .addNode("b", () => ({ messages: [["human", "a pair"] as never] }))
      .addNode(
        "c",
        () => new Command({ update: { messages: new AIMessage("of a command") }, goto: "d" }),
        {
          ends: ["d"],
        },
      )
      .addNode("d", () => ({ messages: "text" as never }))
      .addEdge(START, "a")
      .addEdge("a", "b")
      .addEdge("b", "c")
      .compile();
    const { messages } = await plugin.wrap(graph).invoke({ messages: "just text" as never });
    assert.deepEqual(await recorded(db.storage, "s"), texts(messages));
    assert.equal(messages.length, 5);
    const ids = (await rows(db.storage, "s")).map(({ id }) => id);
    assert.deepEqual(
      ids,
      messages.map(({ id }) => id),
    );
  },

  "without a checkpointer the stored conversation is put before the input": async (db) => {
    const model = saying("first", "second");
    const graph = pluginOf(db.storage, { sessionId: "s" }).wrap(loop(model).compile());
    await graph.invoke(hello("one"));
    const { messages } = await graph.invoke(hello("two"));
    const all = ["human: one", "ai: first", "human: two", "ai: second"];
    assert.deepEqual(texts(messages), all);
    assert.deepEqual(texts(model.calls[1]?.messages ?? []), all.slice(0, 3));
    assert.deepEqual(await recorded(db.storage, "s"), all);
  },

  "subgraphs: what the outer node returns; agents inside tools keep to themselves": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const inner = createAgent({ model: asModel(saying("from inside")), tools: [] });
    const expert = createAgent({ model: asModel(saying("the expert's")), tools: [] });
    const ask = toolOf("ask", async (name) => {
      const { messages } = await expert.invoke(hello(`research ${name}`));
      return messages.at(-1)?.text;
    });
    const model = saying([["ask", "1"]], "done");
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("inner", inner.graph as never)
      .addNode("outer", loop(model, [ask]).compile())
      .addEdge(START, "inner")
      .addEdge("inner", "outer")
      .compile();
    const { messages } = await plugin.wrap(graph).invoke(hello());
    assert.deepEqual(await recorded(db.storage, "s"), texts(messages));
    assert.equal(texts(messages)[3], "tool: the expert's");
    assert.equal((await statuses(db.storage, "s")).length, 4);
  },

  "a human is asked in a graph, and the run resumed": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const ask = toolOf("ask", (name) => `said ${interrupt(name)}`);
    const compiled = loop(
      saying(
        [
          ["note", "1"],
          ["ask", "2"],
        ],
        "done",
      ),
      [note, ask],
    );
    const graph = plugin.wrap(compiled.compile({ checkpointer: memory() }));
    await graph.invoke(hello());
    assert.deepEqual(await recorded(db.storage, "s"), ["human: hello", "ai: "]);
    const { messages } = await graph.invoke(new Command({ resume: "yes" }));
    assert.deepEqual(await recorded(db.storage, "s"), texts(messages));
    assert.equal(messages.length, 5);
  },

  "stream and streamEvents work as before, and keep what arrived": async (db) => {
    for (const how of ["stream", "v2", "v3"] as const) {
      const plugin = pluginOf(db.storage, { sessionId: how });
      const graph = plugin.wrap(loop(new SlowModel(["Once ", "upon ", "a time"])).compile());
      const events =
        how === "stream"
          ? await graph.stream(hello(), { streamMode: "messages" })
          : await graph.streamEvents(hello(), { version: how } as never);
      let count = 0;
      for await (const _ of events as AsyncIterable<unknown>) count += 1;
      assert.ok(count > 2, how);
      assert.deepEqual(
        await recorded(db.storage, how),
        ["human: hello", "ai: Once upon a time"],
        how,
      );
      assert.deepEqual(await statuses(db.storage, how), ["ok"]);
    }
  },

  "a stream of a graph that breaks off keeps what arrived": async (db) => {
    for (const how of ["break", "signal", "error"] as const) {
      const plugin = pluginOf(db.storage, { sessionId: how });
      const last = how === "error" ? new TypeError("broken") : "never";
      const model = new SlowModel(["Once ", "upon ", last], how === "error" ? 9 : 2);
      const graph = plugin.wrap(loop(model).compile());
      const { signal, abort } = abortable();
      const stream = await graph.stream(hello(), { streamMode: "messages", signal });
      const reading = (async () => {
        for await (const [message] of stream as AsyncIterable<[BaseMessage]>) {
          if (message.text !== "upon ") continue;
          if (how === "break") return;
          if (how === "signal") abort();
        }
      })();
      await (how === "break" ? reading : failing(reading));
      const found = (await rows(db.storage, how)).map(({ said, status }) => [said, status]);
      const status = how === "error" ? "error" : "aborted";
      assert.deepEqual(
        found,
        [
          ["human: hello", undefined],
          ["ai: Once upon ", status],
        ],
        how,
      );
      assert.deepEqual(await statuses(db.storage, how), [status]);
    }
  },

  "batch: runs beside each other, each in its session": async (db) => {
    const plugin = pluginOf(db.storage);
    const echo = new StateGraph(MessagesAnnotation)
      .addNode("echo", ({ messages }) => ({
        messages: [new AIMessage(`re ${messages.at(-1)?.text}`)],
      }))
      .addEdge(START, "echo")
      .compile();
    const names = ["a", "b", "c"];
    const configs = names.map((thread_id) => ({ configurable: { thread_id } }));
    await plugin.wrap(echo).batch(
      names.map((name) => hello(name)),
      configs,
    );
    for (const name of names) {
      assert.deepEqual(await recorded(db.storage, name), [`human: ${name}`, `ai: re ${name}`]);
    }
  },

  "a switch in mid-run leaves the run of a graph where it began": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "a" });
    await pluginOf(db.storage, { sessionId: "b" }).wrap(saying("made")).invoke("make b");
    const gate = new Gate();
    const entered = new Gate();
    const graph = plugin.wrap(
      new StateGraph(MessagesAnnotation)
        .addNode("wait", async () => {
          entered.open();
          await gate.opened;
          return { messages: [new AIMessage("waited")] };
        })
        .addEdge(START, "wait")
        .compile(),
    );
    const first = graph.invoke(hello("to a"));
    await entered.opened;
    await plugin.switch("b");
    gate.open();
    await first;
    await graph.invoke(hello("to b"));
    assert.deepEqual(await recorded(db.storage, "a"), ["human: to a", "ai: waited"]);
    const b = ["human: make b", "ai: made", "human: to b", "ai: waited"];
    assert.deepEqual(await recorded(db.storage, "b"), b);
  },

  "a session that is erased during the run of a graph stays erased": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const model = saying("late");
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("erase", async ({ messages }, config) => {
        const said = await model.invoke(messages, config);
        await db.storage.deleteSession("s");
        return { messages: [said] };
      })
      .addEdge(START, "erase")
      .compile();
    const error = await failing(plugin.wrap(graph).invoke(hello()));
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.code, "THREAD_DELETED");
    assert.equal(await db.storage.session("s"), undefined);
  },

  "a wrapped agent": async (db) => {
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const model = asModel(saying([["note", "1"]], "done"));
    const { messages } = await plugin.wrap(createAgent({ model, tools: [note] })).invoke(hello());
    assert.deepEqual(await recorded(db.storage, "s"), texts(messages));
    assert.equal(messages.length, 4);
  },
};

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
