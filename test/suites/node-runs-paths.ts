import assert from "node:assert/strict";
import { Command, interrupt, START, StateGraph } from "@langchain/langgraph";
import { all, checkpoint, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { assertLines, nodeRuns, Witness } from "../src/node-witness.js";
import { everything, leaf, runEverything, Trail } from "./node-runs-graphs.js";

/** Node paths of a checkpoint as its metadata shows them. */
const pathsIn = (metadata: unknown) =>
  (metadata as { nodePaths?: string[] } | undefined)?.nodePaths;

export const pathChecks: Checks = {
  "getStateHistory shows the paths of every step's nodes": async (db) => {
    for (const durability of DURABILITIES) {
      const witness = new Witness();
      const config = { ...threadConfig(durability), durability, callbacks: [witness] };
      await runEverything(() => db.saver(), config);
      const ended = witness.of(durability).filter(({ status }) => status === "ok");
      const shown: string[] = [];
      const graph = everything(db.saver());
      for await (const { metadata } of graph.getStateHistory(threadConfig(durability))) {
        const paths = pathsIn(metadata);
        const nodes = ended.filter(({ step, nodePath }) => {
          return step === metadata?.step && !nodePath.startsWith("sub/");
        });
        const expected = new Set(nodes.map(({ nodePath }) => nodePath));
        shown.push(...(paths ?? []));
        if (durability === "exit") continue;
        const step = `${durability} ${metadata?.step}`;
        if (expected.size === 0) assertSame(paths, undefined, step);
        else assertLines(paths ?? [], [...expected], step);
      }
      const outermost = ["plan", "sub", "fan", "work", "call", "call/double", "flaky"];
      assertLines(shown, outermost, durability);
      const inner = (await all(db.saver(), threadConfig(durability))).filter(({ config }) =>
        /\|/.test(config.configurable?.checkpoint_ns),
      );
      const deep = new Set(inner.flatMap(({ metadata }) => pathsIn(metadata) ?? []));
      if (durability !== "exit")
        assertLines([...deep], ["sub/inner/think", "sub/inner/ask"], durability);
    }
  },

  "a step that was finished by another process shows all its nodes": async (db) => {
    const make = () =>
      new StateGraph(Trail)
        .addNode("done", leaf("done"))
        .addNode("asks", () => ({ trail: [String(interrupt("?"))] }))
        .addEdge(START, "done")
        .addEdge(START, "asks")
        .compile({ checkpointer: db.saver() });
    await make().invoke({ note: "n" }, threadConfig("t"));
    await make().invoke(new Command({ resume: "yes" }), threadConfig("t"));
    const { metadata } = await make().getState(threadConfig("t"));
    assertLines(pathsIn(metadata) ?? [], ["done", "asks"], "t");
  },

  "a checkpoint that no node made shows no paths": async (db) => {
    const graph = new StateGraph(Trail)
      .addNode("a", leaf("a"))
      .addNode("b", leaf("b"))
      .addEdge(START, "a")
      .addEdge("a", "b")
      .compile({ checkpointer: db.saver() });
    const history = async () => {
      const states = [];
      for await (const state of graph.getStateHistory(threadConfig("t"))) states.push(state);
      return states;
    };
    await graph.invoke({ note: "n" }, threadConfig("t"));
    const middle = (await history()).find(({ next }) => next[0] === "b");
    await graph.invoke(null, middle?.config);
    await graph.invoke({ note: "fork" }, middle?.config);
    const made = (await history()).map(({ metadata }) => [metadata?.source, pathsIn(metadata)]);
    const madeByNone = made.filter(([source]) => source !== "loop");
    assert.ok(madeByNone.length >= 3, "the first input, and two forks");
    for (const [source, paths] of madeByNone) assertSame(paths, undefined, String(source));
  },

  "what is put outside a run has no node paths, and no runs": async (db) => {
    const saver = db.saver();
    const config = await put(saver, place("t"), checkpoint("1", { a: 1 }));
    await saver.putWrites(config, [["a", 2]], "task", "~__pregel_pull, node");
    await put(saver, config, checkpoint("2", { a: 2 }));
    const graph = everything(saver);
    await graph.updateState(threadConfig("by hand"), { note: "n" }, "plan");
    for (const thread of ["t", "by hand"]) {
      for (const { metadata } of await all(db.saver(), threadConfig(thread)))
        assert.ok(!("nodePaths" in (metadata ?? {})), thread);
      assertSame(await nodeRuns(db.saver(), thread), []);
    }
  },
};
