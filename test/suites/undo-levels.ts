import assert from "node:assert/strict";
import { Annotation, END, Send, START, StateGraph } from "@langchain/langgraph";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { inner } from "./nested-world.js";
import { Trail } from "./rollback-world.js";
import { checkpoints, linesOf, Process, World } from "./undo-world.js";

const INPUT = { note: "n" };

/** What was done and not taken back. */
function standing(log: readonly string[]): string[] {
  const left: string[] = [];
  for (const line of log) {
    const undone = /^undo (.*):/.exec(line)?.[1];
    if (undone === undefined) left.push(line);
    else {
      const i = left.lastIndexOf(undone);
      assert.ok(i >= 0, `${line}, which was not done, or undone before`);
      left.splice(i, 1);
    }
  }
  return left.sort();
}

type Work = (name: string) => Promise<unknown>;

/** a, sub(i1, i2, deep(d1, d2), i3), three sends, z: each node calls a tool. */
function levels({ persistence, write, pay }: Process) {
  const node = (name: string) => async () => {
    await write.invoke({ name });
    return { trail: [name] };
  };
  return new StateGraph(Trail)
    .addNode("a", node("a"))
    .addNode("sub", inner(node).compile() as never)
    .addNode("sent", async ({ note }) => {
      await pay.invoke({ name: note });
      return { trail: ["sent"] };
    })
    .addNode("z", node("z"))
    .addEdge(START, "a")
    .addEdge("a", "sub")
    .addConditionalEdges("sub", () => ["x", "y", "w"].map((note) => new Send("sent", { note })), [
      "sent",
    ])
    .addEdge("sent", "z")
    .addEdge("z", END)
    .compile({ checkpointer: persistence.checkpointer });
}

/** One branch is a subgraph of two nodes; the other one makes its call between them. */
function beside({ persistence, write }: Process, world: World) {
  const call: Work = (name) => write.invoke({ name });
  const inner = new StateGraph(Trail)
    .addNode("i1", async () => {
      await call("i1");
      return {};
    })
    .addNode("i2", async () => {
      await world.when("write b");
      await call("i2");
      return {};
    })
    .addNode("i3", async () => {
      await call("i3");
      return {};
    })
    .addEdge(START, "i1")
    .addEdge("i1", "i2")
    .addEdge("i2", "i3")
    .compile();
  return new StateGraph(Trail)
    .addNode("sub", inner)
    .addNode("b", async () => {
      await world.when("write i1");
      await call("b");
      return {};
    })
    .addEdge(START, "sub")
    .addEdge(START, "b")
    .compile({ checkpointer: persistence.checkpointer });
}

export const undoLevelChecks: Checks = {
  "rolled back to any checkpoint of any level and run on, each effect stands exactly once": async (
    db,
  ) => {
    for (const durability of DURABILITIES) {
      const place = { ...threadConfig(durability), durability };
      const world = new World();
      const process = new Process(db.storage, world);
      const { persistence } = process;
      const graph = levels(process);
      await graph.invoke(INPUT, place);
      const all = standing(world.log);
      assert.equal(all.length, 10);
      const known = await checkpoints(persistence, undefined, durability);
      assert.ok(durability === "exit" || known.length >= 14, `${known.length} checkpoints`);
      // The newest first: of an abandoned branch, calls have been undone for good.
      for (const { checkpointId, nodePath, config } of known.reverse()) {
        const ns = String(config.configurable?.checkpoint_ns);
        const what = `${durability}: ${ns}: ${nodePath}`;
        await persistence.rollbackToCheckpoint(durability, checkpointId, { graph });
        const left = standing(world.log);
        assert.ok(left.length <= all.length, what);
        await persistence.run(graph, null, place);
        assert.deepEqual(standing(world.log), all, what);
      }
    }
  },

  "an inner checkpoint beside a parallel branch: the branch's effect stands once too": async (
    db,
  ) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const graph = beside(process, world);
    await persistence.run(graph, INPUT, threadConfig("t"));
    const lines = linesOf(await persistence.toolCalls("t"));
    assert.deepEqual(lines, ["write i1", "write b", "write i2", "write i3"]);
    const all = standing(world.log);
    const known = await checkpoints(persistence);
    for (const { checkpointId, nodePath, config } of known.reverse()) {
      const what = `${String(config.configurable?.checkpoint_ns)} ${nodePath}`;
      await persistence.rollbackToCheckpoint("t", checkpointId, { graph });
      await persistence.run(graph, null, threadConfig("t"));
      assert.deepEqual(standing(world.log), all, what);
    }
  },

  "the same for sends to subgraphs, whose steps and calls are mixed": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const node = (at: string) => async (state: { note: string }) => {
      await process.pay.invoke({ name: `${state.note}${at}` });
      return { note: state.note };
    };
    const inner = new StateGraph(Annotation.Root({ note: Annotation<string>() }))
      .addNode("i1", node("1"))
      .addNode("i2", node("2"))
      .addEdge(START, "i1")
      .addEdge("i1", "i2")
      .compile();
    const Notes = Annotation.Root({
      note: Annotation<string>({ reducer: (a, b) => `${a}${b}`, default: () => "" }),
    });
    const graph = new StateGraph(Notes)
      .addNode("plan", () => ({}))
      .addNode("sub", inner)
      .addNode("end", node("end"))
      .addEdge(START, "plan")
      .addConditionalEdges("plan", () => ["x", "y"].map((note) => new Send("sub", { note })), [
        "sub",
      ])
      .addEdge("sub", "end")
      .compile({ checkpointer: persistence.checkpointer });
    for (const durability of ["sync", "async"] as const) {
      let count = 1;
      // A thread each: a rollback into one branch undoes the calls of the other one.
      for (let nth = 0; nth < count; nth += 1) {
        const id = `${durability} ${nth}`;
        const place = { ...threadConfig(id), durability };
        world.take();
        await graph.invoke({ note: "" }, place);
        const all = standing(world.log);
        assert.equal(all.length, 5);
        const known = await checkpoints(persistence, undefined, id);
        count = known.length;
        const { checkpointId, nodePath } = known[nth]!;
        await persistence.rollbackToCheckpoint(id, checkpointId, { graph });
        await persistence.run(graph, null, place);
        assert.deepEqual(standing(world.log), all, `${id} ${nodePath}`);
      }
      assert.ok(count >= 10, `${count} checkpoints`);
    }
  },
};
