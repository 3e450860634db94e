import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import {
  DeltaValue,
  END,
  MessagesDeltaValue,
  Send,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph";
import type { StorageSaver } from "@threadkeep/core";
import { z } from "zod";
import { idsOf, place } from "../src/checkpoints.js";
import { assertSame, deepCopy } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";

const append = (state: string[], writes: string[][]) => [...state, ...writes.flat()];

function schema(snapshotFrequency: number) {
  const list = z.array(z.string()).default(() => []);
  return new StateSchema({
    log: new DeltaValue(list, { reducer: append as never, snapshotFrequency }),
    messages: MessagesDeltaValue,
    turn: z.number().default(0),
  });
}

/** a, then four nodes at once, then three sends: each appends its name. */
function fanOut(checkpointer: StorageSaver, snapshotFrequency: number) {
  // biome-ignore lint/suspicious/noExplicitAny: the graph's type grows with every node
  let graph: any = new StateGraph(schema(snapshotFrequency))
    .addNode("a", ({ turn }) => ({
      log: [`a${turn}`],
      messages: [new HumanMessage({ id: `a${turn}`, content: "a" })],
      turn: turn + 1,
    }))
    .addNode("sent", ({ at }: { at: number }) => ({ log: [`sent${at}`] }))
    .addNode("last", ({ log }) => ({ log: [`last of ${log.length}`] }))
    .addEdge(START, "a")
    .addEdge("sent", "last")
    .addEdge("last", END);
  for (const name of ["p1", "p2", "p3", "p4"]) {
    graph = graph.addNode(name, async () => {
      for (let i = 0; i < Math.random() * 5; i += 1)
        await new Promise((resolve) => setImmediate(resolve));
      return { log: [name, `${name}!`], messages: [{ role: "user", content: name, id: name }] };
    });
    graph = graph.addEdge("a", name);
  }
  return graph
    .addConditionalEdges("p4", () => [3, 1, 2].map((at) => new Send("sent", { at })))
    .compile({ checkpointer });
}

type Values = { log: string[]; messages: unknown[]; turn: number };

export const deltaChecks: Checks = {
  "a fan-out into an append DeltaChannel reloads in live order, 20 of 20": async (db) => {
    for (let i = 0; i < 20; i += 1) {
      const config = threadConfig(`t${i}`);
      const live = (await fanOut(db.saver(), 100).invoke({}, config)) as Values;
      assert.equal(live.log.length, 1 + 8 + 3 + 1);
      const read = await fanOut(db.saver(), 100).getState(config);
      assertSame(read.values.log, live.log, `run ${i}`);
      assertSame(read.values.messages, live.messages, `run ${i}`);
    }
  },

  "DeltaChannels with any snapshot frequency and durability reload in another process": async (
    db,
  ) => {
    for (const durability of DURABILITIES) {
      for (const frequency of [1, 2, 3, 7]) {
        const config = { ...threadConfig(`${durability} ${frequency}`), durability };
        let live: Values | undefined;
        const turns: Values[] = [];
        for (let turn = 0; turn < 6; turn += 1) {
          live = (await fanOut(db.saver(), frequency).invoke({}, config)) as Values;
          turns.push(deepCopy(live));
        }
        assert.equal(live?.log.length, 6 * 13);
        const reader = fanOut(db.saver(), frequency);
        assertSame((await reader.getState(config)).values, live, `${durability} ${frequency}`);
        const ends: Values[] = [];
        for await (const { values, next, metadata } of reader.getStateHistory(config)) {
          if (next.length === 0 && metadata.step > 0) ends.unshift(values as Values);
        }
        assertSame(
          ends.map(({ log }) => log),
          turns.map(({ log }) => log),
          `${durability} ${frequency} history`,
        );
      }
    }
  },

  "a fork from any old checkpoint of a DeltaChannel thread goes its own way": async (db) => {
    const graph = fanOut(db.saver(), 3);
    for (let turn = 0; turn < 3; turn += 1) await graph.invoke({}, threadConfig("t"));
    const before: [object, unknown][] = [];
    for await (const { config, values } of graph.getStateHistory(threadConfig("t")))
      before.push([config, deepCopy(values)]);
    for (const [config, values] of before.slice(0, 12)) {
      const forked = await fanOut(db.saver(), 3).updateState(config, { log: ["forked"] }, "last");
      const state = await fanOut(db.saver(), 3).getState(forked);
      assertSame(state.values.log, [...((values as Values).log ?? []), "forked"]);
    }
    for (const [config, values] of before) {
      assertSame((await fanOut(db.saver(), 3).getState(config)).values, values);
    }
  },

  "prune, copyThread: what is left of a DeltaChannel thread reads as before": async (db) => {
    for (const frequency of [2, 100]) {
      const thread = `t${frequency}`;
      const config = threadConfig(thread);
      for (let turn = 0; turn < 4; turn += 1)
        await fanOut(db.saver(), frequency).invoke({}, config);
      const live = (await fanOut(db.saver(), frequency).getState(config)).values;
      const many = (await idsOf(db.saver(), place(thread))).length;
      await db.saver().copyThread(thread, `copy of ${thread}`);
      await db.saver().prune([thread]);
      const left = (await idsOf(db.saver(), place(thread))).length;
      if (frequency === 2) assert.ok(left < many, `${left} of ${many} are left`);
      for (const where of [config, threadConfig(`copy of ${thread}`)]) {
        assertSame((await fanOut(db.saver(), frequency).getState(where)).values, live);
      }
      const next = (await fanOut(db.saver(), frequency).invoke({}, config)) as Values;
      assertSame(next.log.slice(0, live.log.length), live.log);
      assertSame((await fanOut(db.saver(), frequency).getState(config)).values.log, next.log);
    }
  },
};
