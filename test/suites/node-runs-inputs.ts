import assert from "node:assert/strict";
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  MessagesAnnotation,
  MessagesDeltaValue,
  Send,
  START,
  StateGraph,
  StateSchema,
  task,
  UntrackedValue,
} from "@langchain/langgraph";
import { InMemoryCache } from "@langchain/langgraph-checkpoint";
import { z } from "zod";
import { assertSame } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { assertLines, assertSeen, nodeRuns, outcomes, Witness } from "../src/node-witness.js";
import { leaf, Trail } from "./node-runs-graphs.js";

const Doc = Annotation.Root({
  messages: MessagesAnnotation.spec.messages,
  doc: Annotation<{ deep: { n: number; tags: string[] } }>(),
  note: Annotation<string>(),
});

const square = task("square", async (given: { n: number }) => {
  given.n *= given.n;
  return { squared: given.n };
});

/** Every node changes what it was handed, and what an earlier one returned. */
function editing(db: Database, last: () => void = () => {}) {
  const edit = (state: typeof Doc.State) => {
    state.doc.deep.n += 1;
    state.doc.deep.tags.push("edited");
    (state.messages[0] as BaseMessage).content += " edited";
    state.messages.push(new HumanMessage({ id: "pushed", content: "pushed" }));
    state.note = "edited";
  };
  const shared = { at: 1, list: ["a"] };
  return new StateGraph(Doc)
    .addNode("first", (state) => {
      edit(state);
      return { doc: { deep: { n: 10, tags: ["returned"] } } };
    })
    .addNode("second", (state) => {
      edit(state);
      return { note: "second", messages: [new HumanMessage({ id: "2", content: "2" })] };
    })
    .addNode("sent", (given: { at: number; list: string[] }) => {
      given.at += 1;
      given.list.push("edited");
      return { note: `sent ${given.at}` };
    })
    .addNode("calls", async (state) => {
      edit(state);
      await square(state.doc.deep);
      last();
      return {};
    })
    .addEdge(START, "first")
    .addEdge("first", "second")
    .addConditionalEdges("second", () => new Send("sent", shared), ["sent"])
    .addEdge("sent", "calls")
    .compile({ checkpointer: db.saver() });
}

const question = () => ({
  messages: [new HumanMessage({ id: "1", content: "1" })],
  doc: { deep: { n: 1, tags: ["given"] } },
  note: "n",
});

const Schema = new StateSchema({
  messages: MessagesDeltaValue,
  turn: z.number().default(0),
});

/** A loop of so many steps over a long conversation. */
const talk = (db: Database, state: typeof MessagesAnnotation | typeof Schema, steps: number) =>
  new StateGraph(state as typeof MessagesAnnotation)
    .addNode(
      "say",
      ({ messages }) =>
        new Command({
          update: { messages: [new HumanMessage({ id: `s${messages.length}`, content: "said" })] },
          goto: messages.length < 500 + steps - 1 ? "say" : "__end__",
        }),
      { ends: ["say", "__end__"] },
    )
    .addEdge(START, "say")
    .compile({ checkpointer: db.saver() });

const long = (count: number) =>
  Array.from({ length: count }, (_, i) => new HumanMessage({ id: `m${i}`, content: `text ${i}` }));

export const inputChecks: Checks = {
  "nodes that edit in place what they were handed: an input is what it was at the start": async (
    db,
  ) => {
    for (const durability of DURABILITIES) {
      const witness = new Witness();
      const config = { ...threadConfig(durability), durability, callbacks: [witness] };
      await editing(db).invoke(question(), config);
      const runs = await assertSeen(db.saver(), durability, witness);
      const expected = ["first ok", "second ok", "sent ok", "calls ok", "calls/square ok"];
      assertLines(outcomes(runs), expected, durability);
    }
  },

  "the same, while no checkpoint can be stored before the last node is done": async (db) => {
    const { storage } = db;
    const commit = storage.commit.bind(storage);
    let open = () => {};
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    storage.commit = async (batch) => {
      await opened;
      return commit(batch);
    };
    const witness = new Witness();
    const config = { ...threadConfig("t"), callbacks: [witness] };
    await editing(db, open).invoke(question(), config);
    storage.commit = commit;
    assertLines(
      outcomes(await assertSeen(db.saver(), "t", witness)),
      ["first ok", "second ok", "sent ok", "calls ok", "calls/square ok"],
      "t",
    );
  },

  "what has no exact form stops no run, and the run says why its input is missing": async (db) => {
    const apply = task("apply", async (f: (n: number) => number) => f(1));
    const Handle = new StateSchema({
      handle: new UntrackedValue(z.any()),
      note: z.string().default(""),
    });
    const Hidden = Annotation.Root({
      handle: Annotation<() => string>(),
      note: Annotation<string>(),
    });
    const inner = new StateGraph(Hidden)
      .addNode("makes", () => ({ handle: () => "made" }))
      .addNode("uses", ({ handle }) => ({ note: handle() }))
      .addEdge(START, "makes")
      .addEdge("makes", "uses")
      .compile({ checkpointer: false });
    const graph = new StateGraph(Handle)
      .addNode("opens", () => ({ handle: () => 1 }))
      .addNode("calls", async () => ({ note: String(await apply((n) => n + 1)) }))
      .addNode("inside", async ({ note }) => ({ note: note + (await inner.invoke({ note })).note }))
      .addEdge(START, "opens")
      .addEdge("opens", "calls")
      .addEdge("calls", "inside")
      .compile({ checkpointer: db.saver() });
    const done = await graph.invoke({ note: "n" }, threadConfig("t"));
    assert.equal(done.note, "2made");
    const runs = await nodeRuns(db.saver(), "t");
    const missing = ["calls", "calls/apply", "inside", "inside/uses"];
    const stored = { opens: { handle: undefined, note: "n" }, "inside/makes": { note: "2" } };
    const paths = [...missing, ...Object.keys(stored)];
    assertLines(
      outcomes(runs),
      paths.map((path) => `${path} ok`),
      "t",
    );
    for (const { nodePath, input, output, inputMissing } of runs) {
      const expected = stored[nodePath as keyof typeof stored];
      assertSame(input, expected, nodePath);
      if (expected === undefined) assert.match(inputMissing ?? "", /function/, nodePath);
      else assertSame([output, inputMissing], [undefined, undefined], nodePath);
    }
  },

  "a cached node is known by what it wrote": async (db) => {
    const graph = new StateGraph(Trail)
      .addNode("costly", leaf("costly"), { cachePolicy: true })
      .addEdge(START, "costly")
      .compile({ checkpointer: db.saver(), cache: new InMemoryCache() as never });
    for (const thread of ["seen", "cached"])
      await graph.invoke({ note: "n" }, threadConfig(thread));
    const [[first], [second], ...others] = [
      await nodeRuns(db.saver(), "seen"),
      await nodeRuns(db.saver(), "cached"),
    ];
    assertSame([first?.learnt, second?.learnt, others], ["observed", "derived", []]);
    for (const key of ["nodePath", "step", "attempt", "kind", "status", "input"] as const) {
      assertSame(second?.[key], first?.[key], key);
    }
    assertSame([second?.startedAt, second?.output], [null, undefined]);
  },

  "a step over 500 messages adds no copy of them": async (db) => {
    for (const [name, state] of Object.entries({ MessagesAnnotation, Schema })) {
      for (const durability of DURABILITIES) {
        const thread = `${name} ${durability}`;
        const graph = talk(db, state, 20);
        const config = { ...threadConfig(thread), durability };
        await graph.invoke({ messages: long(500) } as never, config);
        const records = await db.storage.nodeRuns(thread);
        assert.equal(records.length, 20, thread);
        const size = (text: string | null) => text?.length ?? 0;
        const sizes = records.map((r) => size(r.input) + size(r.output) + size(r.error));
        const mean = sizes.reduce((sum, one) => sum + one, 0) / 20;
        assert.ok(mean < 600, `${thread}: ${mean} characters for each step`);
        const items = ((await db.storage.guard(thread))?.nextItem ?? 0) - 1;
        assert.ok(items < 700, `${thread}: ${items} items for 520 messages`);
      }
    }
  },
};
