import assert from "node:assert/strict";
import { AIMessage, type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { RunnableLambda, RunnableWithMessageHistory } from "@langchain/core/runnables";
import fc from "fast-check";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { assertSame, deepCopy } from "../src/equal.js";
import type { Checks } from "../src/harness.js";
import { messages } from "../src/messages.js";
import { runs } from "../src/params.js";
import { assertRefused } from "../src/refusal.js";

const numbered = (from: number, to: number) =>
  Array.from(
    { length: to - from + 1 },
    (_, i) => new HumanMessage({ content: `${from + i}`, id: `m${from + i}` }),
  );
const texts = (list: readonly BaseMessage[]) => list.map(({ content }) => content);
const range = (from: number, to: number) => texts(numbered(from, to));

export const historyChecks: Checks = {
  "64 writers x 50 appends: none lost, none doubled, each writer's order kept": async (db) => {
    const storages = [db.storage, await db.connect(), await db.connect()];
    const write = async (writer: number) => {
      const history = db.history("s", {}, storages[writer % storages.length]);
      for (let i = 0; i < 50; i += 1) await history.addMessage(new HumanMessage(`${writer}:${i}`));
    };
    await Promise.all(Array.from({ length: 64 }, (_, writer) => write(writer)));
    const found = texts(await db.history("s").getMessages()) as string[];
    assert.equal(found.length, 64 * 50);
    assert.equal(new Set(found).size, 64 * 50);
    for (let writer = 0; writer < 64; writer += 1) {
      const own = found.filter((text) => text.startsWith(`${writer}:`));
      assertSame(
        own,
        Array.from({ length: 50 }, (_, i) => `${writer}:${i}`),
      );
    }
  },

  "a batch of addMessages stays together beside other writers": async (db) => {
    const write = (writer: number) =>
      db
        .history("s")
        .addMessages(Array.from({ length: 20 }, (_, i) => new HumanMessage(`${writer}:${i}`)));
    await Promise.all(Array.from({ length: 20 }, (_, writer) => write(writer)));
    const found = texts(await db.history("s").getMessages()) as string[];
    for (let at = 0; at < found.length; at += 20) {
      const writer = (found[at] as string).split(":")[0];
      assertSame(
        found.slice(at, at + 20),
        Array.from({ length: 20 }, (_, i) => `${writer}:${i}`),
      );
    }
  },

  "getMessages({ last, before }) and getPage walk back through the history": async (db) => {
    const history = db.history("s");
    assertSame(await history.getMessages(), []);
    assertSame(await history.getPage({ last: 3 }), { messages: [], before: undefined });
    await history.addMessages(numbered(1, 4));
    await history.addMessages(numbered(5, 10));
    await history.addMessages([]);
    assertSame(texts(await history.getMessages()), range(1, 10));
    assertSame(texts(await history.getMessages({ last: 3 })), range(8, 10));
    assertSame(await history.getMessages({ last: 0 }), []);
    assertSame(texts(await history.getMessages({ last: 99 })), range(1, 10));
    const first = await history.getPage({ last: 4 });
    assertSame(texts(first.messages), range(7, 10));
    await db.history("s").addMessages(numbered(11, 12));
    const second = await history.getPage({ last: 4, before: first.before! });
    assertSame(texts(second.messages), range(3, 6));
    const third = await history.getPage({ last: 4, before: second.before! });
    assertSame(texts(third.messages), range(1, 2));
    assert.equal(third.before, undefined);
    assertSame(texts(await history.getMessages({ before: second.before! })), range(1, 2));
    assertSame(await history.getMessages({ before: 1 }), []);
    assertSame(await history.getMessages({ before: 0 }), []);
    for (const bad of [-1, 1.5, Number.NaN, "1", null, Infinity]) {
      await assertRefused(
        () => history.getMessages({ last: bad as never }),
        "INVALID_ARGUMENT",
        "getMessages",
      );
      await assertRefused(
        () => history.getMessages({ before: bad as never }),
        "INVALID_ARGUMENT",
        "getMessages",
      );
    }
  },

  "clear removes the messages, not the checkpoints, and positions go on": async (db) => {
    await put(db.saver(), place("s"), checkpoint("1", { a: 1 }));
    const history = db.history("s");
    await history.addMessages(numbered(1, 5));
    const page = await history.getPage({ last: 2 });
    await history.clear();
    assertSame(await db.history("s").getMessages(), []);
    await history.clear();
    await history.addMessages(numbered(6, 7));
    assertSame(texts(await history.getMessages()), range(6, 7));
    assertSame(await history.getMessages({ before: page.before! }), [], "an old page has gone");
    assertSame(await latest(db.saver(), "s"), { a: 1 });
    await db.history("other").clear();
  },

  "messages of every class come back exactly, content blocks too": async (db) => {
    let n = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(messages, { maxLength: 6 }), async (list) => {
        const id = `s${n++}`;
        const expected = list.map((message) => deepCopy(message));
        const saving = db.history(id).addMessages(list);
        for (const message of list) message.content = "later";
        await saving;
        const found = await db.history(id).getMessages();
        assert.equal(found.length, expected.length);
        for (const [i, message] of expected.entries())
          assertSame(found[i], message, `message ${i}`);
      }),
      runs(150),
    );
  },

  "what is no message, or cannot be stored, is refused and nothing of it is written": async (
    db,
  ) => {
    const history = db.history("s");
    await history.addMessages(numbered(1, 1));
    for (const bad of [
      {},
      "text",
      undefined,
      null,
      1,
      { type: "human", content: "x" },
      [new HumanMessage("x")],
    ]) {
      await assertRefused(
        () => history.addMessages([new HumanMessage("good"), bad as never]),
        "INVALID_ARGUMENT",
        "addMessages",
        /messages\[1\]/,
      );
    }
    const broken = new HumanMessage({ content: "x", additional_kwargs: { f: () => 1 } });
    await assertRefused(
      () => history.addMessages([new HumanMessage("good"), broken]),
      "NOT_SERIALIZABLE",
      "addMessages",
      /messages\[1\]\.additional_kwargs\.f/,
    );
    assertSame(texts(await history.getMessages()), range(1, 1));
  },

  "the conveniences of LangChain's base class work": async (db) => {
    const history = db.history("s");
    await history.addUserMessage("question");
    await history.addAIMessage("answer");
    await history.addMessage(new SystemMessage("rule"));
    const found = await db.history("s").getMessages();
    assertSame(
      found.map((m) => [m.getType(), m.content]),
      [
        ["human", "question"],
        ["ai", "answer"],
        ["system", "rule"],
      ],
    );
  },

  "works in RunnableWithMessageHistory": async (db) => {
    const runnable = RunnableLambda.from(
      ({ question, past }: { question: string; past: BaseMessage[] }) =>
        new AIMessage(`${question} after ${past.length}`),
    );
    const chain = new RunnableWithMessageHistory({
      runnable: runnable as never,
      getMessageHistory: (sessionId) => db.history(sessionId),
      inputMessagesKey: "question",
      historyMessagesKey: "past",
    });
    const ask = (question: string, sessionId: string) =>
      chain.invoke({ question }, { configurable: { sessionId } });
    assert.equal(((await ask("one", "s")) as AIMessage).content, "one after 0");
    assert.equal(((await ask("two", "s")) as AIMessage).content, "two after 2");
    assert.equal(((await ask("three", "other")) as AIMessage).content, "three after 0");
    assertSame(texts(await db.history("s").getMessages()), [
      "one",
      "one after 0",
      "two",
      "two after 2",
    ]);
  },
};
