import assert from "node:assert/strict";
import { Annotation, END, Send, START, StateGraph } from "@langchain/langgraph";
import { Persistence } from "@threadkeep/core";
import { assertSame, deepCopy } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { line, type TrailGraph } from "../src/persistence.js";
import { inner } from "./nested-world.js";
import { stateOf, step, Trail, upTo, versions, type Work } from "./rollback-world.js";
import { checkpoints, gate, Process, World } from "./undo-world.js";

const config = threadConfig("t");
const INPUT = { note: "n" };
const ORDER = ["a", "b", "i1", "i2", "d1", "d2", "i3", "z"];

/** a, b, sub(i1, i2, deep(d1, d2), i3), z */
function nested(persistence: Persistence, log: string[], work: Readonly<Record<string, Work>>) {
  const node = (name: string) => step(name, log, work[name]);
  const nodes = { a: node("a"), b: node("b"), sub: inner(node), z: node("z") };
  return line(nodes).compile({ checkpointer: persistence.checkpointer });
}

/** Saves in one node, and rolls back once in another. */
function savesAndGoesBack(db: Database, saveAt: string, backAt: string, passGraph: boolean) {
  const persistence = new Persistence(db.storage);
  const log: string[] = [];
  let isSaved = false;
  let isBack = false;
  const graph: TrailGraph = nested(persistence, log, {
    [saveAt]: async (given) => {
      if (isSaved) return;
      isSaved = true;
      await persistence.createCheckpoint(given, { checkpointId: "cp" });
    },
    [backAt]: async (given) => {
      if (isBack) return;
      isBack = true;
      await persistence.rollbackToCheckpoint(given, "cp", passGraph ? { graph } : {});
    },
  });
  return { persistence, log, graph };
}

const PAIRS = ["b", "i2", "d1"].flatMap((saveAt) =>
  ["z", "i3", "d2"].map((backAt) => [saveAt, backAt] as const),
);

const Own = Annotation.Root({ note: Annotation<string>(), count: Annotation<number>() });

/** A subgraph that keeps its own state from call to call. */
function counter(log: string[], name: string) {
  return new StateGraph(Own)
    .addNode(name, ({ count = 0 }) => {
      log.push(`${name} ${count}`);
      return { count: count + 1 };
    })
    .addEdge(START, name)
    .compile({ checkpointer: true });
}

export const rollbackNestedChecks: Checks = {
  "from any level to any level of nested subgraphs: persistence.run goes along": async (db) => {
    const straight = new Persistence(db.storage);
    const control = deepCopy(
      await straight.run(nested(straight, [], {}), INPUT, threadConfig("control")),
    );
    for (const [i, [saveAt, backAt]] of PAIRS.entries()) {
      const durability = i % 2 === 0 ? "sync" : "async";
      const id = `${saveAt} ${backAt} ${durability}`;
      const { persistence, log, graph } = savesAndGoesBack(db, saveAt, backAt, false);
      const out = await persistence.run(graph, INPUT, { ...threadConfig(id), durability });
      const first = ORDER.slice(0, ORDER.indexOf(backAt) + 1);
      assert.deepEqual(log, [...first, ...ORDER.slice(ORDER.indexOf(saveAt))], id);
      assertSame(out, control, id);
      assertSame((await graph.getState(threadConfig(id))).values, control, id);
      const all = await versions(persistence, id);
      assert.deepEqual(all, upTo(all.length), id);
    }
  },

  "the same through graph.invoke: it stops, and invoke(null) goes on at the inner node": async (
    db,
  ) => {
    for (const [saveAt, backAt] of PAIRS) {
      const id = `${saveAt} ${backAt}`;
      const { log, graph } = savesAndGoesBack(db, saveAt, backAt, true);
      await assert.rejects(async () => graph.invoke(INPUT, threadConfig(id)));
      assert.deepEqual(log, ORDER.slice(0, ORDER.indexOf(backAt) + 1), id);
      log.length = 0;
      await graph.invoke(null, threadConfig(id));
      assert.deepEqual(log, ORDER.slice(ORDER.indexOf(saveAt)), id);
    }
  },

  "from outside to every inner checkpoint that was made at a step": async (db) => {
    const persistence = new Persistence(db.storage);
    const log: string[] = [];
    const graph = nested(persistence, log, {});
    const end = deepCopy(await persistence.run(graph, INPUT, config));
    const known = (await checkpoints(persistence)).filter(
      (one) => one.config.configurable?.checkpoint_ns !== "",
    );
    const targets = known.filter(({ nodePath }) =>
      ["sub/i1", "sub/i2", "sub/deep/d1"].includes(nodePath),
    );
    assert.equal(targets.length, 3);
    for (const { checkpointId, nodePath } of targets) {
      const other = new Persistence(await db.connect());
      const again = nested(other, log, {});
      const { checkpoint } = await other.rollbackToCheckpoint("t", checkpointId, { graph: again });
      assert.equal(checkpoint.nodePath, nodePath);
      log.length = 0;
      assertSame(await other.run(again, null, config), end, nodePath);
      const last = nodePath.split("/").at(-1) as string;
      assert.deepEqual(log, ORDER.slice(ORDER.indexOf(last) + 1), nodePath);
    }
    const [target] = targets;
    await assert.rejects(
      persistence.rollbackToCheckpoint("t", target!.checkpointId),
      { code: "INVALID_ARGUMENT" },
      "without the graph",
    );
  },

  "subgraphs that keep their state are rolled back too": async (db) => {
    const log: string[] = [];
    const build = (persistence: Persistence) =>
      new StateGraph(Trail)
        .addNode("early", counter(log, "e"))
        .addNode("late", counter(log, "l"))
        .addConditionalEdges(START, ({ note }) => (note === "late" ? "late" : "early"))
        .addEdge("early", END)
        .addEdge("late", END)
        .compile({ checkpointer: persistence.checkpointer });
    const persistence = new Persistence(db.storage);
    const graph = build(persistence);
    const turn = async (note: string, by = graph) => {
      await by.invoke({ note }, config);
      return log.splice(0);
    };
    assert.deepEqual(await turn("early"), ["e 0"]);
    await persistence.createCheckpoint("t", { checkpointId: "after 1" });
    assert.deepEqual(await turn("early"), ["e 1"]);
    assert.deepEqual(await turn("late"), ["l 0"]);
    await persistence.createCheckpoint("t", { checkpointId: "after 3" });
    assert.deepEqual(await turn("early"), ["e 2"]);
    assert.deepEqual(await turn("late"), ["l 1"]);
    const other = new Persistence(await db.connect());
    const again = build(other);
    for (let round = 0; round < 2; round += 1) {
      await other.rollbackToCheckpoint("t", "after 1");
      assert.deepEqual(await turn("early", again), ["e 1"]);
      assert.deepEqual(await turn("late", again), ["l 0"]);
      await other.rollbackToCheckpoint("t", "after 3");
      assert.deepEqual(await turn("late", again), ["l 1"]);
      assert.deepEqual(await turn("early", again), ["e 2"]);
    }
  },

  "a checkpoint that is named afterwards is as old as the state it names": async (db) => {
    const log: string[] = [];
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const graph = new StateGraph(Trail)
      .addNode("early", counter(log, "e"))
      .addNode("pay", async () => {
        await process.pay.invoke({ name: `p${world.log.length}` });
        return {};
      })
      .addEdge(START, "early")
      .addEdge("early", "pay")
      .compile({ checkpointer: persistence.checkpointer });
    await graph.invoke(INPUT, config);
    const old = (await graph.getState(config)).config;
    await graph.invoke(INPUT, config);
    assert.deepEqual(log.splice(0), ["e 0", "e 1"]);
    assert.deepEqual(world.take(), ["pay p0", "pay p1"]);
    await persistence.createCheckpoint(old, { checkpointId: "named" });
    await persistence.rollbackToCheckpoint("t", "named");
    assert.deepEqual(world.take(), ["undo pay p1: pay p1 is done"], "calls after the old state");
    await graph.invoke(INPUT, config);
    assert.deepEqual(log, ["e 1"], "the subgraph of then");
  },

  "a branch rolls back while others are under way: nothing of them arrives any more": async (
    db,
  ) => {
    for (const how of ["sync", "async", "run"] as const) {
      const durability: "sync" | "async" = how === "async" ? how : "sync";
      const place = { ...threadConfig(how), durability };
      const world = new World();
      const process = new Process(db.storage, world);
      const { persistence } = process;
      const [entered, release] = [gate(), gate()];
      const ends = upTo(3).map(() => gate());
      let inside = 0;
      let state: unknown;
      const graph = new StateGraph(Trail)
        .addNode("plan", async (_state, given) => {
          if (state === undefined) {
            await persistence.createCheckpoint(given, { checkpointId: "cp" });
          }
          return { trail: ["plan"] };
        })
        .addNode("branch", async ({ note }, given) => {
          if (state !== undefined) return { trail: [note] };
          if (note === "0") {
            await entered.opened;
            await persistence.rollbackToCheckpoint(given, "cp");
            state = await stateOf(db.storage, how);
            release.open();
            return { trail: ["0"] };
          }
          inside += 1;
          if (inside === 3) entered.open();
          await release.opened;
          const late = await process.pay.invoke({ name: note }).catch((error) => error.code);
          assert.equal(late, "ROLLED_BACK", "no call is made any more");
          ends[Number(note) - 1]?.open();
          return { trail: [note] };
        })
        .addEdge(START, "plan")
        .addConditionalEdges(
          "plan",
          () => ["0", "1", "2", "3"].map((note) => new Send("branch", { note })),
          ["branch"],
        )
        .compile({ checkpointer: persistence.checkpointer });
      if (how === "run") {
        const { trail } = await persistence.run(graph, INPUT, place);
        assert.deepEqual(trail, ["plan", "0", "1", "2", "3"]);
        assert.deepEqual(world.take(), []);
        continue;
      }
      await assert.rejects(async () => graph.invoke(INPUT, place));
      await Promise.all(ends.map(({ opened }) => opened));
      assert.ok(state !== undefined, "it was rolled back");
      // Whatever waits in this process's queue is written, or refused, before this is.
      const last = await persistence.createCheckpoint(how, { checkpointId: "last" });
      const { checkpoints: rows, ...rest } = await stateOf(db.storage, how);
      const old = rows.filter((row) => row.id !== last.config.configurable?.checkpoint_id);
      assert.deepEqual({ ...rest, checkpoints: old }, state, how);
      assert.deepEqual(world.take(), []);
      assert.deepEqual((await graph.getState(threadConfig(how))).next, ["plan"]);
    }
  },
};
