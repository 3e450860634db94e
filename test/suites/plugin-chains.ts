import assert from "node:assert/strict";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { RunnableLambda } from "@langchain/core/runnables";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";
import {
  failing,
  pluginOf,
  recorded,
  rows,
  SlowModel,
  saying,
  texts,
  toolOf,
} from "./plugin-world.js";

const prompt = ChatPromptTemplate.fromMessages([
  ["system", "You are {who}."],
  new MessagesPlaceholder("past"),
  ["human", "{question}"],
]);
const KEYS = { inputKey: "question", historyKey: "past" };
const turn = (question: string) => ({ question, who: "a bard", past: [] });

export const pluginChainChecks: Checks = {
  "a prompt with a place for the conversation": async (db) => {
    for (const [question, said] of [
      ["one", "first"],
      ["two", "second"],
    ] as const) {
      const model = saying(said);
      const chain = prompt.pipe(model).pipe(new StringOutputParser());
      const plugin = pluginOf(db.storage, { sessionId: "s" });
      const output: string = await plugin.wrap(chain, KEYS).invoke(turn(question));
      assert.equal(output, said);
      const before = question === "two" ? ["human: one", "ai: first"] : [];
      const given = texts(model.calls[0]?.messages ?? []);
      assert.deepEqual(given, ["system: You are a bard.", ...before, `human: ${question}`]);
    }
    const all = ["human: one", "system: You are a bard.", "ai: first", "human: two", "ai: second"];
    assert.deepEqual(await recorded(db.storage, "s"), all);
    const metadata = (await db.storage.messages("s", {})).at(-1)?.metadata;
    assert.equal(JSON.parse(metadata ?? "").totalTokens, 8);
    assert.equal((await db.storage.modelCalls("s")).length, 2);
  },

  "a chain of messages: the conversation stands before the input's": async (db) => {
    const model = saying("first", "second", "third");
    const chat = pluginOf(db.storage, { sessionId: "s", lastTurns: 1 }).wrap(model);
    await chat.invoke("one");
    await chat.invoke([new HumanMessage("two")]);
    await chat.invoke(new HumanMessage("three") as never);
    const told = ["human: two", "ai: second", "human: three"];
    assert.deepEqual(texts(model.calls[2]?.messages ?? []), told);
    const all = ["human: one", "ai: first", ...told, "ai: third"];
    assert.deepEqual(await recorded(db.storage, "s"), all);
  },

  "messages in a field, in and out": async (db) => {
    const chain = RunnableLambda.from(({ messages }: { messages: HumanMessage[] }) => ({
      answer: new AIMessage(`heard ${messages.map(({ text }) => text).join(", ")}`),
    }));
    const wrapped = pluginOf(db.storage, { sessionId: "s" }).wrap(chain, { outputKey: "answer" });
    await wrapped.invoke({ messages: [new HumanMessage("one")] });
    const { answer } = await wrapped.invoke({ messages: [new HumanMessage("two")] });
    assert.equal(answer.text, "heard one, heard one, two");
    assert.equal((await recorded(db.storage, "s")).length, 4);
  },

  "calls of tools and their results stand between": async (db) => {
    const note = toolOf("note", (name) => `noted ${name}`);
    const model = saying([["note", "1"]], "done");
    const chain = RunnableLambda.from(async (question: string, config) => {
      const asked = new HumanMessage(question);
      const first = (await model.invoke([asked], config)) as AIMessage;
      const result = await note.invoke({ ...(first.tool_calls?.[0] as object) } as never, config);
      return model.invoke([asked, first, result as never], config);
    });
    await pluginOf(db.storage, { sessionId: "s" }).wrap(chain).invoke("note it");
    const expected = ["human: note it", "ai: ", "tool: noted 1", "ai: done"];
    assert.deepEqual(await recorded(db.storage, "s"), expected);
  },

  "a model beside the answer is a call, but no message": async (db) => {
    const model = saying("a better question", "the answer");
    const chain = RunnableLambda.from(async (question: string, config) => {
      const better = await model.invoke(question, config);
      return (await model.invoke(better.text, config)).text;
    });
    await pluginOf(db.storage, { sessionId: "s" }).wrap(chain).invoke("question");
    assert.deepEqual(await recorded(db.storage, "s"), ["human: question", "ai: the answer"]);
    assert.equal((await db.storage.modelCalls("s")).length, 2);
  },

  "streams to their end, and streams that break off": async (db) => {
    const script = (waitsAfter?: number) => new SlowModel(["Once ", "upon ", "a time"], waitsAfter);
    const whole = pluginOf(db.storage, { sessionId: "whole" });
    const chain = prompt.pipe(script()).pipe(new StringOutputParser());
    const pieces: string[] = [];
    for await (const piece of await whole.wrap(chain, KEYS).stream(turn("q"))) pieces.push(piece);
    assert.deepEqual(pieces, ["Once ", "upon ", "a time"]);
    assert.deepEqual((await recorded(db.storage, "whole")).at(-1), "ai: Once upon a time");
    const broken = pluginOf(db.storage, { sessionId: "broken" });
    for await (const piece of await broken.wrap(prompt.pipe(script(2)), KEYS).stream(turn("q"))) {
      if (piece.text === "upon ") break;
    }
    const last = (await rows(db.storage, "broken")).at(-1);
    assert.deepEqual([last?.said, last?.status], ["ai: Once upon ", "aborted"]);
    assert.deepEqual(
      (await db.storage.modelCalls("broken")).map(({ status }) => status),
      ["aborted"],
    );
    const events = pluginOf(db.storage, { sessionId: "events" }).wrap(prompt.pipe(script()), KEYS);
    for await (const _ of events.streamEvents(turn("q"), { version: "v2" }));
    assert.deepEqual((await recorded(db.storage, "events")).at(-1), "ai: Once upon a time");
  },

  "a chain inside a node is recorded in the node's thread": async (db) => {
    const chat = pluginOf(db.storage, { sessionId: "own" }).wrap(saying("hi"));
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("chat", async () => ({ messages: [await chat.invoke("from the node")] }))
      .addEdge(START, "chat")
      .compile();
    await graph.invoke({ messages: [] }, { configurable: { thread_id: "t", user_id: "u" } });
    assert.deepEqual(await recorded(db.storage, "t"), ["human: from the node", "ai: hi"]);
    assert.equal((await db.storage.guard("t"))?.owner.userId, "u");
    assert.equal(await db.storage.guard("own"), undefined);
  },

  "a chain that fails leaves what was said": async (db) => {
    const wrapped = pluginOf(db.storage, { sessionId: "s" }).wrap(saying(new TypeError("down")));
    assert.match((await failing(wrapped.invoke("hello"))).message, /down/);
    assert.deepEqual(await recorded(db.storage, "s"), ["human: hello"]);
    assert.deepEqual(
      (await db.storage.modelCalls("s")).map(({ status }) => status),
      ["error"],
    );
  },

  "inputs that the conversation cannot be put into are refused, and nothing is recorded": async (
    db,
  ) => {
    const echo = RunnableLambda.from((given: unknown) => String(given));
    const plugin = pluginOf(db.storage, { sessionId: "s" });
    const bad: [object, unknown, RegExp][] = [
      [{}, 7, /text or messages/],
      [{ inputKey: "question" }, { other: "x" }, /question/],
      [{}, { a: "x", b: "y" }, /inputKey/],
      [{ historyKey: "past" }, "text", /historyKey/],
      [{}, { question: "text" }, /historyKey/],
    ];
    for (const [keys, input, pattern] of bad) {
      const run = () => plugin.wrap(echo, keys).invoke(input);
      await assertRefused(run, "INVALID_ARGUMENT", "wrap", pattern);
    }
    assert.deepEqual(await recorded(db.storage, "s"), []);
  },
};
