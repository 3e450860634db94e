import assert from "node:assert/strict";
import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  type ToolMessage,
} from "@langchain/core/messages";
import type { MessageWindow } from "@threadkeep/core";
import { answers, asks, texts, turns } from "../src/conversations.js";
import { assertSame } from "../src/equal.js";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";

const tokenCounter = (messages: BaseMessage[]) => messages.length;

/** What windows of a chat history promise on every backend. */
export const historyWindowChecks: Checks = {
  "the last so many messages, and no result without its call": async (db) => {
    const history = db.history("s");
    await history.addMessages(turns(3));
    assertSame(texts(await history.getMessages({ last: 1 })), ["answer 3"]);
    const page = await history.getPage({ last: 2 });
    assertSame(texts(page.messages), ["calls call 3", "result of call 3", "answer 3"]);
    assert.equal(page.before, 10);
    const before = await history.getPage({ last: 3, before: 10 });
    assertSame(
      texts(before.messages),
      ["calls call 2", "result of call 2", "answer 2", "question 3"].slice(-4),
    );
    assert.equal(before.before, 6);
  },

  "parallel calls with a person between them and their results stay together": async (db) => {
    const history = db.history("s");
    await history.addMessages([
      ...turns(1),
      new HumanMessage("both"),
      asks("a", "b"),
      answers("a"),
      new HumanMessage("well?"),
      answers("b"),
      new AIMessage("done"),
    ]);
    const all = ["calls a b", "result of a", "well?", "result of b", "done"];
    for (const last of [2, 3, 4, 5]) assertSame(texts(await history.getMessages({ last })), all);
    assertSame(texts(await history.getMessages({ lastTurns: 1 })), all);
    assertSame(texts(await history.getMessages({ maxTokens: 4, tokenCounter })), ["done"]);
    assertSame(texts(await history.getMessages({ maxTokens: 5, tokenCounter })), all);
  },

  "the same call id in every turn: a result belongs to the nearest call before it": async (db) => {
    const history = db.history("s");
    const turn = [new HumanMessage("go"), asks("call_0"), answers("call_0"), new AIMessage("done")];
    await history.addMessages([...turn, ...turn, ...turn]);
    assert.equal((await history.getMessages({ last: 2 })).length, 3);
    assert.equal((await history.getMessages({ lastTurns: 2 })).length, 8);
  },

  "turns: what stands before the first human message belongs to the first one": async (db) => {
    const history = db.history("s");
    await history.addMessages([new AIMessage("welcome"), ...turns(2)]);
    assert.equal((await history.getMessages({ lastTurns: 1 })).length, 4);
    for (const lastTurns of [2, 3])
      assert.equal((await history.getMessages({ lastTurns })).length, 9);
    assertSame(await history.getMessages({ lastTurns: 0 }), []);
    assertSame(await history.getMessages({ maxTokens: 0 }), []);
    assertSame(await db.history("none").getPage({ lastTurns: 2 }), {
      messages: [],
      before: undefined,
    });
  },

  "for a model, calls that something follows are answered; those at the end are left": async (
    db,
  ) => {
    const history = db.history("s");
    const all = [
      asks("a", "b"),
      answers("a"),
      new HumanMessage("hello?"),
      asks("c", "d"),
      answers("c"),
    ];
    await history.addMessages(all);
    const fit = await history.getMessages({ lastTurns: 5 });
    assertSame(
      fit.map((message) => (message as ToolMessage).tool_call_id ?? message.content),
      ["calls a b", "a", "b", "hello?", "calls c d", "c"],
    );
    const answered = fit[2] as ToolMessage;
    assertSame([answered.status, answered.name], ["error", "tool b"]);
    assert.match(String(answered.content), /interrupted/);
    assertSame(await history.getMessages(), await history.getMessages({ last: 99 }));
    assert.equal((await history.getMessages()).length, 5);
    // It counts along.
    assert.equal((await history.getMessages({ maxTokens: 5, tokenCounter })).length, 3);
    assert.equal((await history.getMessages({ maxTokens: 6, tokenCounter })).length, 6);
  },

  "for a model, results whose calls are gone are left out": async (db) => {
    const history = db.history("s");
    await history.addMessages([answers("gone"), ...turns(1)]);
    assert.equal((await history.getMessages({ lastTurns: 1 })).length, 4);
    assert.equal((await history.getMessages({ maxTokens: 99, tokenCounter })).length, 4);
    assert.equal((await history.getMessages()).length, 5);
    assert.equal((await history.getMessages({ last: 5 })).length, 5);
  },

  "a counter may take its time; without one, about 4 characters are a token": async (db) => {
    const history = db.history("s");
    await history.addMessages(["a", "b", "c"].map((c) => new HumanMessage(c.repeat(400))));
    const slow = async (messages: BaseMessage[]) => messages.length;
    assert.equal((await history.getMessages({ maxTokens: 2, tokenCounter: slow })).length, 2);
    for (const [maxTokens, count] of [
      [102, 0],
      [103, 1],
      [206, 2],
      [1000, 3],
    ] as const)
      assert.equal((await history.getMessages({ maxTokens })).length, count, `${maxTokens}`);
  },

  "a tenant's history shows nothing of another tenant's session, and clears nothing": async (
    db,
  ) => {
    await db.history("s", { tenantId: "one" }).addMessages(turns(1));
    const other = db.history("s", { tenantId: "two" });
    assertSame(await other.getMessages(), []);
    assertSame(await other.getPage({ last: 2 }), { messages: [], before: undefined });
    await other.clear();
    assert.equal((await db.history("s", { tenantId: "one" }).getMessages()).length, 4);
    assert.equal((await db.history("s").getMessages({ lastTurns: 1 })).length, 4);
  },

  "bad windows are refused": async (db) => {
    const refused = (window: unknown, pattern: RegExp) =>
      assertRefused(
        () => db.history("s").getMessages(window as MessageWindow),
        "INVALID_ARGUMENT",
        "getMessages",
        pattern,
      );
    await db.history("s").addMessages(turns(1));
    for (const name of ["lastTurns", "maxTokens"])
      for (const bad of [-1, 0.5, Number.NaN, "1", null])
        await refused({ [name]: bad }, new RegExp(name));
    await refused({ maxTokens: 1, tokenCounter: "count" }, /tokenCounter/);
    for (const tokens of [-1, Number.NaN, "3", undefined])
      await refused({ maxTokens: 1, tokenCounter: () => tokens }, /tokenCounter/);
  },
};
