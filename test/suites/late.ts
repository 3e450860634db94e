import assert from "node:assert/strict";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import type { Storage } from "@threadkeep/core";
import { StorageSaver } from "@threadkeep/core";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";

const LONG = "x".repeat(5000);

/** LangGraph's reducer gives an id to the live message after its write was stored. */
async function chat(db: Database, turns: number): Promise<void> {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("answer", () => ({ messages: [new AIMessage(`${LONG} answer`)] }))
    .addEdge(START, "answer")
    .compile({ checkpointer: db.saver() });
  for (let i = 0; i < turns; i += 1) {
    await graph.invoke({ messages: [new HumanMessage(`${LONG} ${i}`)] }, place("t"));
  }
}

async function characters(storage: Storage): Promise<number> {
  const guard = await storage.guard("t");
  assert.ok(guard !== undefined);
  const items = await storage.items("t", [[1, guard.nextItem]], guard);
  return items.reduce((sum, { body }) => sum + body.length, 0);
}

/** A storage that does something while items are read, once: before they are, or when they are. */
function interrupted(
  storage: Storage,
  between: () => Promise<void>,
  when: "before" | "after" = "before",
): Storage {
  let isDone = false;
  return new Proxy(storage, {
    get: (target, method: keyof Storage) => {
      const call = (target[method] as (...args: unknown[]) => unknown).bind(target);
      if (method !== "items" || isDone) return call;
      return async (...args: unknown[]) => {
        isDone = true;
        if (when === "before") await between();
        const items = await call(...args);
        if (when === "after") await between();
        return items;
      };
    },
  });
}

export const lateChecks: Checks = {
  "messages that get their ids after their writes are stored once": async (db) => {
    await chat(db, 10);
    const messages = (await latest(db.saver(), "t"))?.messages as HumanMessage[];
    assert.equal(messages.length, 20);
    assert.ok(messages.every(({ id }) => typeof id === "string"));
    assert.equal(messages[3]?.content, `${LONG} answer`);
    const own = JSON.stringify(messages).length;
    const stored = await characters(db.storage);
    assert.ok(stored < own * 1.2, `${stored} characters for ${own} of messages`);
  },

  "they read the same after a prune, and in a copy": async (db) => {
    await chat(db, 5);
    const before = await latest(db.saver(), "t");
    await db.saver().prune(["t"]);
    assertSame(await latest(db.saver(), "t"), before);
    await db.saver().copyThread("t", "copy");
    assertSame(await latest(db.saver(), "copy"), before);
  },

  "a thread that is deleted between two statements of a reading is not there": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1", { list: [new HumanMessage("x")] }));
    const storage = interrupted(db.storage, () => db.saver().deleteThread("t"));
    assert.equal(await new StorageSaver(storage).getTuple(place("t")), undefined);
  },

  "a thread that is replaced between two statements is read as the new one": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1", { list: [new HumanMessage("old")] }));
    const storage = interrupted(db.storage, async () => {
      await db.saver().deleteThread("t");
      await put(db.saver(), place("t"), checkpoint("2", { list: [new HumanMessage("new")] }));
    });
    const tuple = await new StorageSaver(storage).getTuple(place("t"));
    assertSame(tuple?.checkpoint.channel_values.list, [new HumanMessage("new")]);
  },

  "a prune between two statements of a listing loses nothing that stays": async (db) => {
    const saver = db.saver();
    let config = place("t");
    for (let i = 1; i < 6; i += 1) {
      const values = { list: [new HumanMessage({ id: `m${i}`, content: LONG })] };
      config = await put(saver, config, checkpoint(String(i), values, { list: i }));
    }
    const storage = interrupted(db.storage, async () => {
      await db.saver().prune(["t"]);
    });
    const found: string[] = [];
    for await (const { checkpoint } of new StorageSaver(storage).list(place("t"))) {
      found.push(checkpoint.id);
    }
    assert.deepEqual(found, ["5"]);
  },

  "items that a prune removed while they were read are not taken to be stored": async (db) => {
    const message = (i: number) => new HumanMessage({ id: `m${i}`, content: `${LONG} ${i}` });
    const first = await put(db.saver(), place("t"), checkpoint("1", { list: [message(1)] }));
    await put(db.saver(), first, checkpoint("2", { list: [message(2)] }, { list: 2 }));
    const storage = interrupted(
      db.storage,
      async () => {
        await db.saver().prune(["t"]);
        await saver.getTuple(place("t"));
      },
      "after",
    );
    const saver = new StorageSaver(storage);
    assert.equal(await saver.getTuple(first), undefined, "it was pruned meanwhile");
    const values = { list: [message(1), message(2)] };
    await put(saver, place("t", "2"), checkpoint("3", values, { list: 3 }));
    assertSame(await latest(db.saver(), "t"), values);
  },
};
