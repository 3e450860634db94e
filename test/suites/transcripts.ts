import assert from "node:assert/strict";
import { type BaseMessage, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { DeltaSnapshot } from "@langchain/langgraph-checkpoint";
import type { Persistence, TranscriptPage, TranscriptQuery } from "@threadkeep/core";
import { checkpoint, idOf, METADATA, place } from "../src/checkpoints.js";
import { texts, turns } from "../src/conversations.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { line, started } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";

const said = ({ messages }: TranscriptPage) => texts(messages.map(({ message }) => message));
const positions = ({ messages }: TranscriptPage) => messages.map(({ position }) => position);
const upTo = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Stores growing conversations, as a thread does: so the list is one of many pieces. */
export async function grown(
  db: Database,
  all: readonly BaseMessage[],
  step: number,
  others: (n: number) => Record<string, unknown> = () => ({}),
): Promise<void> {
  const saver = db.saver();
  for (let n = step, id = 1; n - step < all.length; n += step, id += 1) {
    const values = { messages: all.slice(0, n), ...others(id) };
    const versions = Object.fromEntries(Object.keys(values).map((name) => [name, id]));
    const saved = checkpoint(idOf(id), values, versions);
    const parent = id === 1 ? place("t") : place("t", idOf(id - 1));
    await saver.put(parent, saved, METADATA, versions);
  }
}

/** Walks back to the first message, a page at a time. */
async function walked(persistence: Persistence, query: TranscriptQuery): Promise<TranscriptPage[]> {
  const pages: TranscriptPage[] = [];
  let before: number | undefined;
  do {
    const from: TranscriptQuery = before === undefined ? query : { ...query, before };
    pages.unshift(await persistence.messages("t", from));
    before = pages[0]?.before;
  } while (before !== undefined);
  return pages;
}

const withText = (n: number) => ({ note: `${n} `.repeat(200), last: { n, text: "x".repeat(300) } });

export const transcriptChecks: Checks = {
  "a page from the checkpoint: its end, its positions, and where the one before ends": async (
    db,
  ) => {
    const all = turns(25);
    await grown(db, all, 4);
    const page = await started(db.storage).messages("t");
    assert.equal(page.source, "checkpoint");
    assertSame(positions(page), upTo(81, 100));
    assertSame(
      page.messages.map(({ message }) => message),
      all.slice(80),
    );
    assertSame(
      page.messages.map(({ role }) => role),
      all.slice(80).map((message) => message.getType()),
    );
    assert.ok(page.messages.every((one) => !("createdAt" in one) && !("metadata" in one)));
    assert.equal(page.before, 81);
    const older = await started(db.storage).messages("t", { last: 3, before: 81 });
    assertSame([positions(older), older.before], [[78, 79, 80], 78]);
    const first = await started(db.storage).messages("t", { last: 3, before: 4 });
    assertSame([positions(first), first.before], [[1, 2, 3], undefined]);
    for (const before of [0, 1]) {
      const none = await started(db.storage).messages("t", { before });
      assertSame(none, { source: "checkpoint", messages: [], before: undefined });
    }
  },

  "pages of any size, of lists in one piece, in many, and in pages of pages": async (db) => {
    const all = turns(150);
    for (const [step, others] of [
      [600, () => ({})],
      [2, withText],
      [7, withText],
    ] as const) {
      await db.saver().deleteThread("t");
      await grown(db, all, step, others);
      for (const last of [1, 33, 200]) {
        const pages = await walked(started(db.storage), { last });
        assertSame(pages.flatMap(said), texts(all), `${step} at once, pages of ${last}`);
        assertSame(pages.flatMap(positions), upTo(1, 600));
      }
    }
  },

  "messages that were edited, removed and taken over from other places stand where they are":
    async (db) => {
      const all = turns(60);
      await grown(db, all, 6, withText);
      const edited = all.filter((_, i) => i % 7 !== 3);
      for (const at of [0, 50, 99])
        edited[at] = new HumanMessage({ id: `edited ${at}`, content: `edited ${at}` });
      const values = { messages: edited };
      const saved = checkpoint(idOf(500), values, { messages: 500 });
      await db.saver().put(place("t", idOf(40)), saved, METADATA, { messages: 500 });
      const pages = await walked(started(db.storage), { last: 11 });
      assertSame(
        pages.flatMap(({ messages }) => messages.map(({ message }) => message)),
        edited,
      );
    },

  "roles: only these, searched for backwards, until the page is full": async (db) => {
    const all = [new SystemMessage({ id: "rule", content: "a rule" }), ...turns(100)];
    await grown(db, all, 401);
    await db.history("h").addMessages(all);
    const persistence = started(db.storage);
    for (const id of ["t", "h"]) {
      const ask = (query: TranscriptQuery) => persistence.messages(id, query);
      const humans = await ask({ roles: ["human"], last: 3 });
      assertSame(said(humans), ["question 98", "question 99", "question 100"]);
      assertSame([positions(humans), humans.before], [[390, 394, 398], 390]);
      const older = await ask({ roles: ["human"], last: 3, before: 390 });
      assertSame(said(older), ["question 95", "question 96", "question 97"]);
      const both = await ask({ roles: ["human", "tool"], last: 2 });
      assertSame(said(both), ["question 100", "result of call 100"]);
      const rule = await ask({ roles: ["system"] });
      assertSame([said(rule), rule.before], [["a rule"], undefined]);
      const first = await ask({ roles: ["human"], last: 1, before: 3 });
      assertSame([said(first), first.before], [["question 1"], undefined]);
      for (const roles of [[], ["nobody"]])
        assertSame((await ask({ roles })).messages, [], JSON.stringify(roles));
    }
  },

  "of a session with a chat history, that is read: with times and notes": async (db) => {
    const persistence = started(db.storage);
    await grown(db, turns(2), 8);
    const since = Date.now();
    await db.history("t").addMessages(turns(30, 100));
    const page = await persistence.messages("t", { last: 2 });
    assert.equal(page.source, "messages");
    assertSame(said(page), ["result of call 129", "answer 129"]);
    assertSame([positions(page), page.before], [[119, 120], 119]);
    for (const { createdAt } of page.messages) {
      assert.ok(createdAt instanceof Date && createdAt.getTime() >= since - 1);
    }
    const own = await persistence.messages("t", { source: "checkpoint", last: 1 });
    assertSame([own.source, said(own)], ["checkpoint", ["answer 2"]]);
    const pages = await walked(persistence, { last: 50 });
    assertSame(pages.flatMap(said), texts(turns(30, 100)));
    await db.history("t").clear();
    assert.equal((await persistence.messages("t")).source, "checkpoint");
    await db.history("t").addMessages(turns(1, 500));
    const after = await persistence.messages("t", { last: 4 });
    assertSame([positions(after), after.before], [upTo(121, 124), undefined]);
  },

  "what a recorder noted beside a message comes back": async (db) => {
    const guard = { incarnation: 1, now: 5, token: "x" };
    const [message] = turns(1);
    await db.history("t").addMessages([message as BaseMessage]);
    const [row] = await db.storage.messages("t", {});
    const { position: _, ...record } = row!;
    const noted = { ...record, key: null, metadata: JSON.stringify({ model: "m", tokens: 3 }) };
    await db.storage.appendMessages("t", {}, { messages: [noted] }, guard);
    const { messages } = await started(db.storage).messages("t");
    assertSame(
      messages.map(({ metadata }) => metadata),
      [undefined, { model: "m", tokens: 3 }],
    );
  },

  "windows by turns and tokens, from either source": async (db) => {
    const all = turns(50);
    await grown(db, all, 10);
    await db.history("h").addMessages(all);
    for (const id of ["t", "h"]) {
      const ask = (query: TranscriptQuery) => started(db.storage).messages(id, query);
      const two = await ask({ lastTurns: 2 });
      assertSame([positions(two), two.before], [upTo(193, 200), 193]);
      const older = await ask({ lastTurns: 1, before: 193 });
      assertSame(positions(older), upTo(189, 192));
      const every = await ask({ lastTurns: 99 });
      assertSame([positions(every), every.before], [upTo(1, 200), undefined]);
      const tokenCounter = (messages: BaseMessage[]) => messages.length;
      // A third message would part the result from its call.
      const few = await ask({ maxTokens: 2, tokenCounter });
      assertSame(positions(few), [200]);
      assertSame(positions(await ask({ maxTokens: 3, tokenCounter })), upTo(198, 200));
      const both = await ask({ lastTurns: 1, maxTokens: 100, tokenCounter });
      assertSame(positions(both), upTo(197, 200));
      assertSame(positions(await ask({ last: 2, lastTurns: 3 })), upTo(198, 200));
    }
  },

  "no conversation: an unknown session, a thread without messages, one that has ended": async (
    db,
  ) => {
    const persistence = started(db.storage);
    const none = { messages: [], before: undefined };
    assertSame(await persistence.messages("t"), { source: "messages", ...none });
    for (const source of ["messages", "checkpoint"] as const)
      assertSame(await persistence.messages("t", { source }), { source, ...none });
    assert.equal(await db.storage.guard("t"), undefined, "a session was made");
    await db.saver().put(place("t"), checkpoint(idOf(1), { x: 1 }), METADATA, { x: 1 });
    assertSame(await persistence.messages("t"), { source: "checkpoint", ...none });
    const graph = line({ one: () => ({}) }).compile({ checkpointer: persistence.checkpointer });
    await graph.invoke({ messages: [new HumanMessage("hello")] }, threadConfig("ended"));
    assertSame(said(await persistence.messages("ended")), ["hello"]);
    await persistence.createTombstoneCheckpoint("ended");
    assertSame(await persistence.messages("ended"), { source: "checkpoint", ...none });
    const [, last] = await persistence.listCheckpoints("ended", { limit: 2 });
    assertSame(texts(last!.messageHistory), ["hello"]);
  },

  "whatever stands in the channel: a snapshot of a DeltaChannel, other values, no list": async (
    db,
  ) => {
    const all = turns(30);
    const of = async (messages: unknown) => {
      const id = `t${Math.random()}`;
      const saved = checkpoint(idOf(1), { messages });
      await db.saver().put(place(id), saved, METADATA, { messages: 1 });
      return started(db.storage).messages(id, { last: 5 });
    };
    assertSame(said(await of(all)), texts(all.slice(-5)));
    assertSame(said(await of(new DeltaSnapshot(all))), texts(all.slice(-5)));
    assertSame(said(await of([])), []);
    assertSame(said(await of("no list")), []);
    const shared = { text: "shared" };
    const mixed = await of([...all.slice(0, 3), "text", shared, shared, null, all[3]]);
    assertSame([said(mixed), positions(mixed)], [texts(all.slice(0, 4)), [1, 2, 3, 8]]);
  },

  "bad input is refused": async (db) => {
    const persistence = started(db.storage);
    await db.history("t").addMessages(turns(1));
    const refused = (query: unknown, pattern: RegExp, id: unknown = "t") =>
      assertRefused(
        () => persistence.messages(id as string, query as TranscriptQuery),
        "INVALID_ARGUMENT",
        "messages",
        pattern,
      );
    for (const name of ["last", "before", "lastTurns", "maxTokens"]) {
      for (const bad of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1", null])
        await refused({ [name]: bad }, new RegExp(name));
    }
    for (const source of ["table", 1, null]) await refused({ source }, /source/);
    for (const roles of ["human", {}, [1], [null], ["\0"]]) await refused({ roles }, /roles/);
    await refused({ roles: ["human"], lastTurns: 1 }, /roles/);
    await refused({ maxTokens: 1, tokenCounter: 3 }, /tokenCounter/);
    await refused({ maxTokens: 1, tokenCounter: () => Number.NaN }, /tokenCounter/);
    await refused(null, /query/);
    await refused({}, /sessionId/, "");
    await refused({}, /sessionId/, "\ud800");
  },
};
