import assert from "node:assert/strict";
import { Annotation, Command, END, interrupt, START, StateGraph } from "@langchain/langgraph";
import type { Storage, StorageSaver } from "@threadkeep/core";
import { checkpoint, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import { deltaChat, LONG, tuples, turns } from "./retention-world.js";

const State = Annotation.Root({
  said: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});

/** A subgraph within a subgraph, which asks before it goes on where it is told to. */
function nested(checkpointer: StorageSaver, asks = () => false, begins = () => {}) {
  const deep = new StateGraph(State)
    .addNode("begin", ({ said }) => {
      begins();
      return { said: [`begun after ${said.length} ${LONG}`] };
    })
    .addNode("ask", () => ({ said: [asks() ? String(interrupt("go on?")) : "not asked"] }))
    .addEdge(START, "begin")
    .addEdge("begin", "ask")
    .addEdge("ask", END)
    .compile();
  const inner = new StateGraph(State).addNode("deep", deep).addEdge(START, "deep").compile();
  return new StateGraph(State)
    .addNode("sub", inner)
    .addNode("last", () => ({ said: ["last"] }))
    .addEdge(START, "sub")
    .addEdge("sub", "last")
    .compile({ checkpointer });
}

const DURABILITIES = ["sync", "async", "exit"] as const;

/** Namespaces of what is left. */
async function namespaces(db: Database, id: string): Promise<string[]> {
  const found = [...(await tuples(db, id)).keys()].map((key) => JSON.parse(key)[0] as string);
  return [...new Set(found)].sort();
}

/** Something else happens once, before a method of the storage is called. */
function before(storage: Storage, method: keyof Storage, happens: () => Promise<unknown>): Storage {
  let isFirst = true;
  return new Proxy(storage, {
    get: (target, key: keyof Storage) => {
      const own = (target[key] as (...args: unknown[]) => unknown).bind(target);
      if (key !== method) return own;
      return async (...args: unknown[]) => {
        if (isFirst) await happens();
        isFirst = false;
        return own(...args);
      };
    },
  });
}

export const retentionSubgraphChecks: Checks = {
  "subgraphs of past steps go with the root checkpoints that they belong to": async (db) => {
    for (const durability of DURABILITIES) {
      const graph = nested(db.saver());
      const at = { ...threadConfig(durability), durability };
      for (let i = 0; i < 6; i += 1) await graph.invoke({ said: [`${LONG} ${i}`] }, at);
      const live = (await graph.getState(at)).values;
      const persistence = started(db.storage);
      const report = await persistence.prune(durability, { olderThan: new Date(8.64e15) });
      assertSame(await namespaces(db, durability), [""], durability);
      assertSame((await tuples(db, durability)).size, 1);
      assertSame((await nested(db.saver()).getState(at)).values, live);
      assert.ok(report.items > 0, "what only they named is gone");
    }
  },

  "of the steps whose root checkpoint stays, the subgraphs' checkpoints stay": async (db) => {
    const graph = nested(db.saver());
    for (let i = 0; i < 3; i += 1) await graph.invoke({ said: ["more"] }, threadConfig("t"));
    const before = await namespaces(db, "t");
    assertSame(before.length, 1 + 3 * 2);
    await started(db.storage).prune("t", { keepLast: 4 });
    const left = await namespaces(db, "t");
    assertSame(left.length, 1 + 2, "a turn has four: input, before `sub`, before `last`, end");
    for (const ns of left) assert.ok(before.includes(ns));
  },

  "a step that waits inside a subgraph is whole after a prune": async (db) => {
    for (const durability of DURABILITIES) {
      const at = { ...threadConfig(durability), durability };
      let isAsked = false;
      const asked = () => isAsked;
      let begun = 0;
      const begins = () => {
        begun += 1;
      };
      const graph = nested(db.saver(), asked, begins);
      for (let i = 0; i < 3; i += 1) await graph.invoke({ said: ["more"] }, at);
      isAsked = true;
      await graph.invoke({ said: ["question"] }, at);
      await started(db.storage).prune(durability, { olderThan: 0, batchSize: 2 });
      assertSame((await namespaces(db, durability)).length, 1 + 2, durability);
      const { said } = await nested(db.saver(), asked, begins).invoke(
        new Command({ resume: "yes" }),
        at,
      );
      assertSame(said.slice(-2), ["yes", "last"], durability);
      assertSame(begun, 4, "what was done before the question is not done again");
      await started(db.storage).prune(durability);
      assertSame(await namespaces(db, durability), [""]);
    }
  },

  "a subgraph's checkpoint that came before its root's waits for it": async (db) => {
    const saver = db.saver();
    const sub = place("t", undefined, "sub:task");
    const step = { ...METADATA, parents: { "": "two" } };
    const left = async () => {
      await started(db.storage).prune("t");
      return [...(await tuples(db, "t")).keys()];
    };
    const kept = (...at: [string, string][]) => at.map((one) => JSON.stringify(one));
    await put(saver, place("t"), checkpoint("one", { doc: LONG }));
    await put(saver, sub, checkpoint("in", { doc: LONG }), step);
    assertSame(await left(), kept(["sub:task", "in"], ["", "one"]));
    await put(saver, place("t", "one"), checkpoint("two", { doc: LONG }));
    assertSame(await left(), kept(["", "two"], ["sub:task", "in"]));
    await put(saver, place("t", "two"), checkpoint("three", { doc: LONG }));
    assertSame(await left(), kept(["", "three"]));
  },

  "a copy up to a checkpoint that goes meanwhile is none": async (db) => {
    await turns(deltaChat(db.saver(), 3), "t", 3);
    const persistence = started(db.storage);
    const made = await persistence.listCheckpoints("t", { limit: 9 });
    const upTo = made[3]?.checkpointId as string;
    const other = started(before(db.storage, "copySession", () => persistence.prune("t")));
    const copy = () => other.copy("t", { upTo, as: "c" });
    await assertRefused(copy, "CONFLICT", "copy", /"t" was pruned meanwhile/);
    assert.equal(await db.storage.guard("c"), undefined);
    await assertRefused(copy, "NOT_FOUND", "copy");
  },

  "a copy of a session in whose place another one comes meanwhile is none": async (db) => {
    await turns(deltaChat(db.saver(), 3), "t", 1);
    const persistence = started(db.storage);
    const [head] = await persistence.listCheckpoints("t");
    const replace = async () => {
      await persistence.sessions.delete("t");
      await turns(deltaChat(db.saver(), 3), "t", 2);
    };
    const other = started(before(db.storage, "copySession", replace));
    const copy = () => other.copy("t", { upTo: head?.checkpointId as string, as: "c" });
    await assertRefused(copy, "CONFLICT", "copy", /deleted meanwhile/);
    assert.equal(await db.storage.guard("c"), undefined);
  },
};
