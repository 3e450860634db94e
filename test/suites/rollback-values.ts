import assert from "node:assert/strict";
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  DeltaValue,
  interrupt,
  MessagesDeltaValue,
  messagesStateReducer,
  Send,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph";
import { Persistence } from "@threadkeep/core";
import { z } from "zod";
import { assertSame, deepCopy } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { checkpoints } from "./undo-world.js";

const config = threadConfig("t");

const Rich = Annotation.Root({
  at: Annotation<Date>(),
  map: Annotation<Map<string, unknown>>(),
  sum: Annotation<number>({ reducer: (a, b) => a + b, default: () => 0 }),
  seen: Annotation<Set<string>>({
    reducer: (a, b) => new Set([...a, ...b]),
    default: () => new Set(),
  }),
  messages: Annotation<BaseMessage[], BaseMessage[]>({
    reducer: messagesStateReducer,
    default: () => [],
  }),
  item: Annotation<{ n: number; when: Date }>(),
});

/** Edits its messages in place, fans out with rich values, asks a human, and ends. */
function rich(persistence: Persistence, runs: string[]) {
  return new StateGraph(Rich)
    .addNode("first", () => {
      runs.push("first");
      const text = new HumanMessage({ id: "m", content: "draft", additional_kwargs: { n: 0 } });
      const map = new Map<string, unknown>([
        ["date", new Date(1)],
        ["deep", new Map([["x", 1n]])],
      ]);
      return { at: new Date(5), map, sum: 1, seen: new Set(["first"]), messages: [text] };
    })
    .addNode("edit", ({ messages, map }) => {
      runs.push("edit");
      const [message] = messages as [BaseMessage];
      message.content = "edited in place";
      message.additional_kwargs.n = 1;
      map.set("edited", new Date(2));
      return { sum: 2, at: new Date(6) };
    })
    .addNode("sent", ({ item }) => {
      runs.push(`sent ${item.n} ${item.when.getTime()}`);
      return { sum: item.n, seen: new Set([`sent ${item.n}`]) };
    })
    .addNode("ask", ({ map }) => {
      runs.push("ask");
      const answer = interrupt({ question: "sure?", since: new Date(9) });
      return { map: new Map([...map, ["answer", answer]]), seen: new Set(["ask"]) };
    })
    .addNode("end", ({ messages }) => {
      runs.push("end");
      return { messages: [new HumanMessage({ id: "m", content: `${messages[0]?.content}, end` })] };
    })
    .addEdge(START, "first")
    .addEdge("first", "edit")
    .addConditionalEdges(
      "edit",
      () => [1, 2, 3].map((n) => new Send("sent", { item: { n, when: new Date(n) } })),
      ["sent"],
    )
    .addEdge("sent", "ask")
    .addEdge("ask", "end")
    .compile({ checkpointer: persistence.checkpointer });
}

const append = (state: string[], writes: string[][]) => [...state, ...writes.flat()];

function delta(persistence: Persistence, snapshotFrequency: number) {
  const list = z.array(z.string()).default(() => []);
  const schema = new StateSchema({
    log: new DeltaValue(list, { reducer: append as never, snapshotFrequency }),
    messages: MessagesDeltaValue,
  });
  const node = (name: string) => (state: { log: string[] }) => ({
    log: [`${name} of ${state.log.length}`],
    messages: [new HumanMessage({ id: `${name} ${state.log.length}`, content: name })],
  });
  return new StateGraph(schema)
    .addNode("a", node("a") as never)
    .addNode("p", node("p") as never)
    .addNode("q", node("q") as never)
    .addNode("z", node("z") as never)
    .addEdge(START, "a")
    .addEdge("a", "p")
    .addEdge("a", "q")
    .addEdge(["p", "q"], "z")
    .compile({ checkpointer: persistence.checkpointer });
}

type Delta = { log: string[]; messages: BaseMessage[] };

export const rollbackValueChecks: Checks = {
  "every channel comes back exactly, and pending sends run again": async (db) => {
    for (const durability of ["sync", "async"] as const) {
      const id = `t ${durability}`;
      const place = threadConfig(id);
      const runs: string[] = [];
      const persistence = new Persistence(db.storage);
      const graph = rich(persistence, runs);
      await graph.invoke({}, { ...place, durability });
      const end = deepCopy(await graph.invoke(new Command({ resume: "yes" }), place));
      assert.equal(end.sum, 9);
      const known = await checkpoints(persistence, undefined, id);
      const then = new Map<string, { values: unknown; next: unknown; runs: string[] }>();
      const first = runs.splice(0).filter((name, i, all) => all.indexOf(name) === i);
      for (const one of known) {
        const { values, next } = await graph.getState(one.config);
        const at =
          next.length === 0 ? first.length : first.findIndex((run) => run.startsWith(next[0]!));
        then.set(one.checkpointId, {
          values: deepCopy(values),
          next,
          runs: next[0] === START ? first : first.slice(at),
        });
      }
      for (const { checkpointId } of known) {
        const other = new Persistence(await db.connect());
        const again = rich(other, runs);
        await other.rollbackToCheckpoint(id, checkpointId, { graph: again });
        const expected = then.get(checkpointId)!;
        const now = await again.getState(place);
        assertSame(now.values, expected.values, checkpointId);
        assert.deepEqual(now.next, expected.next);
        if (now.next.length === 0) continue;
        runs.length = 0;
        if (expected.runs.includes("ask")) {
          const asked = await other.run(again, null, place);
          const [{ value }] = (asked as never as { __interrupt__: [{ value: unknown }] })
            .__interrupt__;
          assertSame(value, { question: "sure?", since: new Date(9) });
        }
        const out = await other.run(
          again,
          (expected.runs.includes("ask") ? new Command({ resume: "yes" }) : null) as never,
          place,
        );
        assertSame(out, end, `from ${now.next.join()}`);
        const once = runs.filter((name, i, all) => all.indexOf(name) === i);
        assert.deepEqual([...once].sort(), [...expected.runs].sort());
      }
    }
  },

  "a question that was pending at the checkpoint is asked again": async (db) => {
    const runs: string[] = [];
    const persistence = new Persistence(db.storage);
    const graph = rich(persistence, runs);
    await persistence.run(graph, {}, config);
    const before = await graph.getState(config);
    assert.deepEqual(before.next, ["ask"]);
    const pending = await persistence.createCheckpoint("t", { checkpointId: "pending" });
    await persistence.run(graph, new Command({ resume: "first" }) as never, config);
    for (const id of ["pending", String(before.config.configurable?.checkpoint_id)]) {
      const { checkpoint } = await persistence.rollbackToCheckpoint("t", id);
      assertSame(checkpoint.messageHistory, pending.messageHistory);
      const state = await graph.getState(config);
      assert.deepEqual(state.next, ["ask"]);
      assertSame(state.values, before.values);
      await persistence.run(graph, null, config);
      const [task] = (await graph.getState(config)).tasks;
      assertSame(task?.interrupts[0]?.value, { question: "sure?", since: new Date(9) });
      const out = await persistence.run(graph, new Command({ resume: id }) as never, config);
      assert.equal(out.map.get("answer"), id);
    }
  },

  "DeltaChannels come back at every checkpoint, and go on from it": async (db) => {
    for (const frequency of [1, 2, 100]) {
      for (const durability of frequency === 2 ? DURABILITIES : (["sync"] as const)) {
        const id = `${frequency} ${durability}`;
        const place = threadConfig(id);
        const persistence = new Persistence(db.storage);
        const graph = delta(persistence, frequency);
        const ends: Delta[] = [];
        for (let turn = 0; turn < 2; turn += 1) {
          ends.push(deepCopy((await graph.invoke({}, { ...place, durability })) as Delta));
        }
        const known = await checkpoints(persistence, undefined, id);
        const then = new Map<string, [Delta, readonly string[]]>();
        for (const { checkpointId, config: at } of known) {
          const { values, next } = await graph.getState(at);
          then.set(checkpointId, [deepCopy(values as Delta), next]);
        }
        for (const { checkpointId } of known) {
          const other = new Persistence(await db.connect());
          await other.rollbackToCheckpoint(id, checkpointId);
          const again = delta(other, frequency);
          const now = await again.getState(place);
          const [values, next] = then.get(checkpointId)!;
          assertSame((now.values as Delta).log, values.log, id);
          assertSame((now.values as Delta).messages, values.messages, id);
          assert.deepEqual(now.next, next);
          const out = (await other.run(again, next.length > 0 ? null : {}, place)) as Delta;
          const end = ends.find(({ log }) => log.length === out.log.length);
          if (end !== undefined) assertSame(out.log, end.log, id);
          else assert.equal(out.log.length, ends.at(-1)!.log.length + 4, id);
          assertSame((await delta(persistence, frequency).getState(place)).values.log, out.log);
        }
        for (const [checkpointId, [values]] of then) {
          const at = { configurable: { ...place.configurable, checkpoint_id: checkpointId } };
          assertSame((await graph.getState(at)).values.log, values.log, "the old branch");
        }
      }
    }
  },

  "messageHistoryOnly with messages in a DeltaChannel: the messages of then": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = delta(persistence, 100);
    for (let turn = 0; turn < 2; turn += 1) await graph.invoke({}, config);
    const known = await checkpoints(persistence);
    for (const { checkpointId, config: at } of known) {
      const then = deepCopy((await graph.getState(at)).values as Delta);
      const strategy = "messageHistoryOnly";
      const { checkpoint } = await persistence.rollbackToCheckpoint("t", checkpointId, {
        strategy,
      });
      const { values, next } = await graph.getState(config);
      assert.deepEqual(next, []);
      const idsOf = (messages: readonly BaseMessage[] = []) => messages.map(({ id }) => id);
      assert.deepEqual(idsOf((values as Delta).messages), idsOf(then.messages));
      assert.deepEqual(idsOf(checkpoint.messageHistory), idsOf(then.messages));
    }
  },

  "the checkpoints of a DeltaChannel thread list their messages": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = delta(persistence, 100);
    await graph.invoke({}, config);
    for (const { config: at, messageHistory, nodePath } of await checkpoints(persistence)) {
      const { values } = await graph.getState(at);
      assertSame(messageHistory, (values as Delta).messages ?? [], nodePath);
    }
  },
};
