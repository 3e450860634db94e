import assert from "node:assert/strict";
import { Command, END, interrupt, START, StateGraph } from "@langchain/langgraph";
import type { StorageSaver } from "@threadkeep/core";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Check, Checks } from "../src/harness.js";
import { assertLines, assertSeen, outcomes, Witness } from "../src/node-witness.js";
import { leaf, Trail } from "./node-runs-graphs.js";

/** Calls a graph, each time as in a process that has just started. */
type Call = (input: unknown, more?: object) => Promise<unknown>;
interface Invocable {
  invoke(input: never, config: object): Promise<unknown>;
}

/**
 * A check that drives a graph in all durabilities before a witness.
 * @param expected `path status` of every run where every step is stored, in any order
 */
export function seen(
  expected: readonly string[],
  make: (checkpointer: StorageSaver) => Invocable,
  drive: (call: Call, thread: string, saver: () => StorageSaver) => Promise<unknown>,
  unwraps = true,
): Check {
  return async (db) => {
    for (const durability of DURABILITIES) {
      const witness = new Witness({ unwraps });
      const config = { ...threadConfig(durability), durability, callbacks: [witness] };
      const call: Call = (input, more) =>
        make(db.saver()).invoke(input as never, { ...config, ...more });
      await drive(call, durability, () => db.saver());
      const runs = await assertSeen(db.saver(), durability, witness);
      // Under exit durability LangGraph itself repeats what it did not store.
      if (durability !== "exit") assertLines(outcomes(runs), expected, durability);
    }
  };
}

/** What asks, asks each time with the words of its turn. */
const asking = (name: string) => () => ({ trail: [`${name}: ${interrupt(name)}`] });

const child = (options: object = {}) =>
  new StateGraph(Trail)
    .addNode("one", leaf("one"))
    .addNode("two", asking("two"))
    .addEdge(START, "one")
    .addEdge("one", "two")
    .compile(options);

const parentOf = (inner: ReturnType<typeof child>) => (checkpointer: StorageSaver) =>
  new StateGraph(Trail)
    .addNode("sub", inner)
    .addNode("last", leaf("last"))
    .addEdge(START, "sub")
    .addEdge("sub", "last")
    .compile({ checkpointer });

const answered = async (call: Call) => {
  await call({ note: "n" });
  await call(new Command({ resume: "yes" }));
};

const resumed = (path: string) => [`${path} interrupted`, `${path} ok`];

export const shapeChecks: Checks = {
  "attempts go on counting over a question, errors and processes": async (db) => {
    for (const durability of DURABILITIES) {
      let failures = 0;
      const make = () =>
        new StateGraph(Trail)
          .addNode("ask", () => {
            const answer = interrupt("go?");
            failures += 1;
            if (failures < 3) throw new Error(`failure ${failures}`);
            return { trail: [String(answer)] };
          })
          .addNode("beside", leaf("beside"))
          .addEdge(START, "ask")
          .addEdge(START, "beside")
          .compile({ checkpointer: db.saver() });
      const witness = new Witness();
      const config = { ...threadConfig(durability), durability, callbacks: [witness] };
      await make().invoke({ note: "n" }, config);
      await assert.rejects(make().invoke(new Command({ resume: "go" }), config), /failure 1/);
      await assert.rejects(make().invoke(null, config), /failure 2/);
      await make().invoke(null, config);
      const runs = await assertSeen(db.saver(), durability, witness);
      const attempts = runs
        .filter(({ nodePath }) => nodePath === "ask")
        .map(({ attempt, status }) => `${attempt} ${status}`);
      const expected = ["1 interrupted", "2 error", "3 error", "4 ok"];
      assertLines(attempts, expected, durability);
    }
  },

  "three turns, and a loop by Command.goto": seen(
    ["again ok", "again ok", "again ok", "again ok", "again ok", "again ok"],
    (checkpointer) =>
      new StateGraph(Trail)
        .addNode(
          "again",
          ({ trail }) =>
            new Command({
              update: { trail: ["again"] },
              goto: trail.length % 2 === 0 ? "again" : END,
            }),
          { ends: ["again", END] },
        )
        .addEdge(START, "again")
        .compile({ checkpointer }),
    async (call) => {
      for (const note of ["1", "2", "3"]) await call({ note });
    },
  ),

  "time travel: what is executed again is another attempt or another task": async (db) => {
    const make = () =>
      new StateGraph(Trail)
        .addNode("a", leaf("a"))
        .addNode("b", leaf("b"))
        .addEdge(START, "a")
        .addEdge("a", "b")
        .compile({ checkpointer: db.saver() });
    const witness = new Witness();
    const config = { ...threadConfig("t"), callbacks: [witness] };
    await make().invoke({ note: "n" }, config);
    const history = [];
    for await (const state of make().getStateHistory(threadConfig("t"))) history.push(state);
    const beforeB = history.find(({ next }) => next[0] === "b");
    const beforeA = history.find(({ next }) => next[0] === "a");
    for (const from of [beforeB, beforeB, beforeA]) {
      await make().invoke(null, { ...from?.config, callbacks: [witness] });
    }
    await make().invoke({ note: "fork" }, { ...beforeA?.config, callbacks: [witness] });
    const runs = await assertSeen(db.saver(), "t", witness);
    assertLines(outcomes(runs), ["a ok", "a ok", "a ok", ...Array(5).fill("b ok")], "t");
  },

  "a Command to the graph around a subgraph": seen(
    ["after ok", "sub ok", "sub/deep ok", "sub/deep/leaves ok", "sub/end ok"],
    (checkpointer) => {
      const deep = new StateGraph(Trail)
        .addNode(
          "leaves",
          () => new Command({ graph: Command.PARENT, update: { trail: ["left"] }, goto: "end" }),
          { ends: [] },
        )
        .addEdge(START, "leaves")
        .compile();
      const sub = new StateGraph(Trail)
        .addNode("deep", deep, { ends: ["end"] })
        .addNode("end", () => new Command({ graph: Command.PARENT, goto: "after" }), { ends: [] })
        .addEdge(START, "deep")
        .compile();
      return new StateGraph(Trail)
        .addNode("sub", sub, { ends: ["after"] })
        .addNode("after", leaf("after"))
        .addEdge(START, "sub")
        .compile({ checkpointer });
    },
    (call) => call({ note: "n" }),
  ),

  "a subgraph called twice inside a node, with questions in both": seen(
    [
      ...[...resumed("caller"), "caller interrupted"],
      ...["caller/one ok", "caller/one ok", ...resumed("caller/two"), ...resumed("caller/two")],
    ],
    (checkpointer) =>
      new StateGraph(Trail)
        .addNode("caller", async (state) => {
          const first = await child().invoke({ note: "first", trail: [] });
          const second = await child().invoke({ note: "second", trail: [] });
          return { trail: [...state.trail, ...first.trail, ...second.trail] };
        })
        .addEdge(START, "caller")
        .compile({ checkpointer }),
    async (call) => {
      await answered(call);
      await call(new Command({ resume: "and yes" }));
    },
  ),

  "a subgraph with state of its own, over two turns": seen(
    [
      "last ok",
      "last ok",
      ...["sub", "sub/two"].flatMap((p) => [...resumed(p), ...resumed(p)]),
    ].concat(["sub/one ok", "sub/one ok"]),
    parentOf(child({ checkpointer: true })),
    async (call) => {
      await answered(call);
      await answered(call);
    },
  ),

  "a subgraph without checkpoints": seen(
    ["call ok", "sub ok", "sub/a ok", "sub/b ok"],
    (checkpointer) => {
      const inner = new StateGraph(Trail)
        .addNode("a", leaf("a"))
        .addNode("b", ({ trail }) => ({ trail: [`b after ${trail.length}`] }))
        .addEdge(START, "a")
        .addEdge("a", "b")
        .compile({ checkpointer: false });
      return new StateGraph(Trail)
        .addNode("sub", inner)
        .addNode("call", leaf("call"))
        .addEdge(START, "sub")
        .addEdge("sub", "call")
        .compile({ checkpointer });
    },
    (call) => call({ note: "n" }),
  ),

  "a stop before a node inside a subgraph, and one behind it": seen(
    [...resumed("sub"), "sub interrupted", "sub/one ok", ...resumed("sub/two"), "last ok"],
    parentOf(child({ interruptBefore: ["two"] })),
    async (call) => {
      await call({ note: "n" });
      await call(null);
      await call(new Command({ resume: "yes" }));
    },
  ),

  "one step with what is done, asks and fails: only the rest runs again": seen(
    [
      ...["done ok", "asks interrupted", "asks interrupted", "asks ok", "end ok"],
      ...["asks too interrupted", "asks too interrupted", "asks too ok", "fails error", "fails ok"],
    ],
    (checkpointer) =>
      new StateGraph(Trail)
        .addNode("done", leaf("done"))
        .addNode("asks", asking("asks"))
        .addNode("asks too", asking("asks too"))
        .addNode("fails", async (_, { configurable }) => {
          // The others are done by then.
          await new Promise((resolve) => setImmediate(resolve));
          if (configurable?.fails) throw new Error("not yet");
          return { trail: ["failed no more"] };
        })
        .addNode("end", leaf("end"))
        .addEdge(START, "done")
        .addEdge(START, "asks")
        .addEdge(START, "asks too")
        .addEdge(START, "fails")
        .addEdge(["done", "fails", "asks", "asks too"], "end")
        .compile({ checkpointer }),
    async (call, thread) => {
      const failing = { configurable: { thread_id: thread, fails: true } };
      await assert.rejects(call({ note: "n" }, failing), /not yet/);
      const asked = (await call(null)) as { __interrupt__: { id: string }[] };
      const answers = asked.__interrupt__.map(({ id }) => [id, `to ${id}`]);
      await call(new Command({ resume: Object.fromEntries(answers) }));
    },
  ),
};
