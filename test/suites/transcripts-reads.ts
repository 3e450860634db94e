import assert from "node:assert/strict";
import type { BaseMessage } from "@langchain/core/messages";
import { texts, turns } from "../src/conversations.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { counting, type Reads } from "../src/reads.js";
import { grown } from "./transcripts.js";

const isMessage = (type: string) => type.endsWith("Message");
const others = (n: number) => ({ note: `${n} `.repeat(200), last: { n, text: "x".repeat(300) } });

/** What a process that has just started reads for a page. */
async function coldly(db: Database, ask: (db: Database["storage"]) => Promise<unknown>) {
  const counted = counting(db.storage);
  await ask(counted.storage);
  return counted.take();
}

const messagesIn = ({ items }: Reads) => items.filter(isMessage).length;

export const transcriptReadChecks: Checks = {
  "the last 20 of 10,000 messages in the state: these are read, and none of the others": async (
    db,
  ) => {
    const all = turns(2500);
    await grown(db, all, 500, others);
    let said: unknown;
    const reads = await coldly(db, async (storage) => {
      const page = await started(storage).messages("t", { last: 20 });
      said = texts(page.messages.map(({ message }) => message));
    });
    assertSame(said, texts(all.slice(-20)));
    assert.equal(messagesIn(reads), 20);
    assert.ok(reads.items.length <= 30, `${reads.items.length} items`);
  },

  "the same of a list in thousands of pieces: of the others, only its pages are read": async (
    db,
  ) => {
    const all = turns(500);
    // Every other message is another one now: the list names two thousand numbers one by one.
    await grown(db, all, 2000);
    const mixed = turns(500, 1000).map((other, i) =>
      i % 2 === 0 ? other : all[i],
    ) as BaseMessage[];
    await grownFrom(db, mixed);
    for (const [before, expected] of [
      [undefined, mixed.slice(-20)],
      [1001, mixed.slice(980, 1000)],
    ] as const) {
      let said: unknown;
      const reads = await coldly(db, async (storage) => {
        const query = before === undefined ? { last: 20 } : { last: 20, before };
        const page = await started(storage).messages("t", query);
        said = texts(page.messages.map(({ message }) => message));
      });
      assertSame(said, texts(expected));
      assert.equal(messagesIn(reads), 20);
      assert.ok(reads.items.length <= 150, `${reads.items.length} items`);
    }
  },

  "what was read stays in memory: the next page reads no pages of the list again": async (db) => {
    await grown(db, turns(100), 2, others);
    const counted = counting(db.storage);
    const persistence = started(counted.storage);
    await persistence.messages("t", { last: 20 });
    counted.take();
    await persistence.messages("t", { last: 20 });
    assertSame(counted.take().items, []);
    await persistence.messages("t", { last: 20, before: 381 });
    const { items } = counted.take();
    assert.ok(items.every(isMessage) && items.length === 20, items.join());
  },

  "windows and roles read on, but no further than they need": async (db) => {
    const all = turns(2500);
    await grown(db, all, 500, others);
    await db.history("h").addMessages(all);
    for (const [query, most] of [
      [{ lastTurns: 3 }, 32],
      [{ maxTokens: 200 }, 32],
      [{ lastTurns: 500, maxTokens: 200 }, 32],
      [{ roles: ["human"], last: 10 }, 2 * 64],
    ] as const) {
      const what = JSON.stringify(query);
      const ofState = await coldly(db, (storage) => started(storage).messages("t", query));
      assert.ok(messagesIn(ofState) <= most, `${what}: ${messagesIn(ofState)}`);
      const ofTable = await coldly(db, (storage) => started(storage).messages("h", query));
      assert.ok(ofTable.messages.length <= most + 2, `${what}: ${ofTable.messages.length}`);
    }
    const counted = counting(db.storage);
    const history = db.history("h", {}, counted.storage);
    for (const [window, most] of [
      [{ last: 20 }, 20],
      [{ lastTurns: 3 }, 32],
      [{ maxTokens: 200 }, 32],
    ] as const) {
      await history.getMessages(window);
      assert.ok(counted.take().messages.length <= most, JSON.stringify(window));
    }
  },
};

async function grownFrom(db: Database, messages: readonly BaseMessage[]): Promise<void> {
  const saver = db.saver();
  const newest = await saver.getTuple({ configurable: { thread_id: "t" } });
  const { checkpoint, metadata, config } = newest!;
  const versions = { messages: 900 };
  const next = {
    ...checkpoint,
    id: "id-900000",
    channel_values: { messages },
    channel_versions: versions,
  };
  await saver.put(config, next, metadata!, versions);
}
