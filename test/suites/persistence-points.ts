import assert from "node:assert/strict";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Check, Checks, Database } from "../src/harness.js";
import {
  all,
  human,
  Log,
  line,
  type Nodes,
  of,
  once,
  said,
  started,
  type Update,
  type Work,
} from "../src/persistence.js";

const AT = threadConfig("t");

type Scene = ReturnType<typeof scene>;

/** A process with a log, and nodes that save and go back. */
function scene(db: Database, log = new Log()) {
  const persistence = started(db.storage);
  const isFirst = once();
  const save = log.node(async (_, config) => {
    await persistence.createCheckpoint(config, { checkpointId: "cp" });
    return undefined;
  });
  const back = log.node(async (_, config) => {
    if (isFirst()) await persistence.rollbackToCheckpoint(config, "cp");
    return undefined;
  });
  /** Jumps once. */
  const jump = (nodePath: string, more: object = {}): Work =>
    log.node(async (_, config) => {
      if (isFirst()) await persistence.setExecutionPoint(config, { nodePath, ...more });
      return undefined;
    });
  const compile = (nodes: Nodes) => line(nodes).compile({ checkpointer: persistence.checkpointer });
  return { persistence, log, save, back, jump, compile };
}

/** A graph of which a node jumps once, and what then runs. */
const jumping =
  (nodes: (scene: Scene) => Nodes, trace: string): Check =>
  async (db) => {
    const { persistence, log, compile, ...rest } = scene(db);
    const graph = compile(nodes({ persistence, log, compile, ...rest }));
    const output = await persistence.run(graph, { note: "n" }, AT);
    assert.equal(log.take(), trace);
    assert.equal(output.note, "n");
    assertSame((await graph.getState(AT)).next, []);
  };

/** One subgraph, from whose nodes it jumps. */
const flat =
  (inner: (scene: Scene) => Nodes) =>
  (own: Scene): Nodes => ({
    ...own.log.nodes("a"),
    sub: line(inner(own)),
    ...own.log.nodes("z"),
  });

/** A subgraph in a subgraph. */
const deep =
  (inner: (scene: Scene) => Nodes) =>
  (own: Scene): Nodes => ({
    ...own.log.nodes("a"),
    outer: line({
      ...own.log.nodes("o1"),
      inner: line(inner(own)),
      ...own.log.nodes("o2"),
    }),
    ...own.log.nodes("z"),
  });

/** Of a graph whose leaf saves, and one behind it rolls back, at each depth. */
const nestedRollback =
  (nest: (inner: (scene: Scene) => Nodes) => (scene: Scene) => Nodes, prefix: string): Check =>
  async (db) => {
    const own = scene(db);
    const leaves = ({ save, log, back }: Scene) => ({ save, ...log.nodes("then"), back });
    const graph = own.compile(nest(leaves)(own));
    await own.persistence.run(graph, { note: "n" }, AT);
    const leaf = ["save", "then", "back"].map((name) => `${prefix}/${name}`).join(" ");
    const [before, after] = prefix.includes("/") ? ["a outer/o1", "outer/o2 z"] : ["a", "z"];
    assert.equal(own.log.take(), `${before} ${leaf} ${leaf} ${after}`);
    const saved = await started(db.storage).getCheckpointById("t", "cp");
    assert.equal(saved?.nodePath, `${prefix}/save`);
    assertSame((await graph.getState(AT)).next, []);
  };

const nestedCreate =
  (nest: (inner: (scene: Scene) => Nodes) => (scene: Scene) => Nodes, prefix: string): Check =>
  async (db) => {
    const own = scene(db);
    const graph = own.compile(nest(({ save, log }) => ({ save, ...log.nodes("then") }))(own));
    await own.persistence.run(graph, { note: "n" }, AT);
    const saved = await started(db.storage).getCheckpointById("t", "cp");
    assert.equal(saved?.nodePath, `${prefix}/save`);
    assert.equal((saved?.lastInput as Update | undefined)?.note, "n");
    const leaves = `${prefix}/save ${prefix}/then`;
    own.log.take();
    // From outside, in a process that was just started, to a leaf of a finished run.
    const later = scene(db, own.log);
    const again = later.compile(nest(({ save, log }) => ({ save, ...log.nodes("then") }))(later));
    await later.persistence.rollbackToCheckpoint("t", "cp", { graph: again });
    await later.persistence.run(again, null, AT);
    const after = prefix.includes("/") ? "outer/o2 z" : "z";
    assert.equal(own.log.take(), `${leaves} ${after}`);
  };

/** One compiled graph at two places. */
function siblings(db: Database, log: Log) {
  const persistence = started(db.storage);
  const builder = line(log.nodes("sgNode1", "sgNode2"));
  const graph = line({ ...log.nodes("first"), sg1: builder, sg2: builder, ...log.nodes("last") });
  return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
}

export const pointChecks: Checks = {
  // SimpleGraphCheckpointTest: agent jumps to execution point
  "6: a node lets the run go on at an earlier one once, with an exact trace": async (db) => {
    const { persistence, log, jump, compile } = scene(db);
    const graph = compile({
      ...log.nodes("one", "two"),
      teleport: jump("one"),
      ...log.nodes("end"),
    });
    const output = await persistence.run(graph, { note: "n" }, AT);
    assert.equal(log.take(), "one two teleport one two teleport end");
    assertSame(output.trail, ["one", "two", "one", "two", "teleport", "end"]);
  },

  "6: at an earlier one with a given input and conversation, it gets these": async (db) => {
    const { persistence, log, jump, compile } = scene(db);
    const got: unknown[] = [];
    const graph = compile({
      one: log.node(({ note, trail }) => {
        got.push([note, trail]);
        return undefined;
      }),
      teleport: jump("one", {
        input: { note: "given", trail: ["by hand"] },
        messageHistory: [human("new")],
      }),
      ...log.nodes("end"),
    });
    const output = await persistence.run(graph, { note: "n", messages: [human("old")] }, AT);
    assert.equal(log.take(), "one teleport one teleport end");
    assertSame(got, [
      ["n", []],
      ["given", ["by hand"]],
    ]);
    assertSame(said(output.messages), ["human: new"]);
    assert.equal(output.note, "n", "all other state stays");
  },

  // SimpleGraphCheckpointTest: agent creates and saves checkpoints
  "7: the path of a checkpoint leads through the subgraphs to the node": async (db) => {
    const own = scene(db);
    const graph = own.compile(deep(({ save, log }) => ({ ...log.nodes("i1"), save }))(own));
    await own.persistence.run(graph, { note: "n" }, AT);
    const other = started(db.storage);
    const paths = new Set((await all(other)).map(({ nodePath }) => nodePath));
    for (const path of ["a", "outer/o1", "outer/inner/i1", "outer/inner", "outer", "z"])
      assert.ok(paths.has(path), path);
    const named = await other.getCheckpointById("t", "cp");
    assert.equal(named?.nodePath, "outer/inner/save");
    const [leaf] = await of(other, "outer/inner/i1");
    assertSame((leaf?.lastOutput as Update | undefined)?.trail, ["outer/inner/i1"]);
  },

  // SimpleGraphCheckpointTest: test_checkpoint_persists_history
  "7: a checkpoint holds the conversation up to it, and no more": async (db) => {
    const { persistence, save, compile } = scene(db);
    const graph = compile({
      one: () => ({ messages: [human("one")] }),
      save: async (state, config) => {
        await save(state, config);
        return { messages: [human("save")] };
      },
      two: () => ({ messages: [human("two")] }),
    });
    await persistence.run(graph, { messages: [human("go")] }, AT);
    const saved = await started(db.storage).getCheckpointById("t", "cp");
    assertSame(said(saved?.messageHistory ?? []), ["human: go", "human: one"]);
    const [step] = await of(started(db.storage), "two");
    assertSame(
      said(step?.messageHistory ?? []),
      ["go", "one", "save", "two"].map((text) => `human: ${text}`),
    );
  },

  // SubgraphCheckpointsTest: test_singleSubgraph_*, test_nestedSubgraphs_*
  "8: a checkpoint made inside a subgraph is gone back to later": nestedCreate(flat, "sub"),
  "8: inside two of them": nestedCreate(deep, "outer/inner"),
  "8: a checkpoint made inside a subgraph is rolled back to in there": nestedRollback(flat, "sub"),
  "8: rolled back to inside two of them": nestedRollback(deep, "outer/inner"),

  // SubgraphCheckpointsTest: reusing subgraph, clean start
  "9: a subgraph used twice runs twice": async (db) => {
    const log = new Log();
    const { persistence, graph } = siblings(db, log);
    await persistence.run(graph, { note: "n" }, AT);
    assert.equal(log.take(), "first sg1/sgNode1 sg1/sgNode2 sg2/sgNode1 sg2/sgNode2 last");
    for (const path of ["sg1/sgNode1", "sg2/sgNode1", "sg1/sgNode2", "sg2/sgNode2"])
      assert.equal((await of(persistence, path)).length, 1, path);
  },

  // SubgraphCheckpointsTest: reusing subgraph, checkpoint start
  "9: of two sibling subgraphs with the same nodes, each is started at its own": async (db) => {
    const log = new Log();
    const starts = {
      "sg1/sgNode1": "sg1/sgNode1 sg1/sgNode2 sg2/sgNode1 sg2/sgNode2 last",
      "sg2/sgNode1": "sg2/sgNode1 sg2/sgNode2 last",
      "sg2/sgNode2": "sg2/sgNode2 last",
    };
    for (const [nodePath, trace] of Object.entries(starts)) {
      const { persistence, graph } = siblings(db, log);
      const data = { checkpointId: "cp", nodePath, messageHistory: [human(nodePath)] };
      await persistence.saveCheckpoint(nodePath, data, { graph });
      const next = siblings(db, log);
      const output = await next.persistence.run(next.graph, null, threadConfig(nodePath));
      assert.equal(log.take(), trace);
      assertSame(said(output.messages), [`human: ${nodePath}`]);
    }
    const { persistence, graph } = siblings(db, log);
    const after = { nodePath: "sg1/sgNode1", lastOutput: { note: "made elsewhere" } };
    const data = { checkpointId: "cp", ...after, messageHistory: [] };
    await persistence.saveCheckpoint("after", data, { graph });
    const output = await persistence.run(graph, null, threadConfig("after"));
    assert.equal(log.take(), "sg1/sgNode2 sg2/sgNode1 sg2/sgNode2 last");
    assert.equal(output.note, "made elsewhere");
  },

  // SubgraphSetExecutionPointTest, its six traces
  "10: jumps forward out of a subgraph": jumping(
    flat(({ jump, log }) => ({ ...log.nodes("s1"), s2: jump("z"), ...log.nodes("s3") })),
    "a sub/s1 sub/s2 z",
  ),
  "10: jumps backward out of a subgraph": jumping(
    flat(({ jump, log }) => ({ ...log.nodes("s1"), s2: jump("a"), ...log.nodes("s3") })),
    "a sub/s1 sub/s2 a sub/s1 sub/s2 sub/s3 z",
  ),
  "10: jumps forward within a subgraph": jumping(
    flat(({ jump, log }) => ({ s1: jump("sub/s3"), ...log.nodes("s2", "s3") })),
    "a sub/s1 sub/s3 z",
  ),
  "10: jumps backward within a subgraph": jumping(
    flat(({ jump, log }) => ({ ...log.nodes("s1", "s2"), s3: jump("sub/s1") })),
    "a sub/s1 sub/s2 sub/s3 sub/s1 sub/s2 sub/s3 z",
  ),
  "10: jumps forward from the inner to the outer subgraph": jumping(
    deep(({ jump, log }) => ({ i1: jump("outer/o2"), ...log.nodes("i2") })),
    "a outer/o1 outer/inner/i1 outer/o2 z",
  ),
  "10: jumps backward from the inner to the outer subgraph": jumping(
    deep(({ jump, log }) => ({ ...log.nodes("i1"), i2: jump("outer/o1") })),
    "a outer/o1 outer/inner/i1 outer/inner/i2 outer/o1 outer/inner/i1 outer/inner/i2 outer/o2 z",
  ),

  // NodeUniquenessCheckpointTest, without and with a checkpoint
  "14: nodes of one name at several levels disturb neither a run nor a checkpoint": async (db) => {
    const make = (log: Log, isSaving: boolean) => {
      const own = scene(db, log);
      const graph = own.compile({
        work: log.node(),
        sub: line({
          work: isSaving ? own.save : log.node(),
          sub: line({ work: log.node() }),
        }),
        last: isSaving ? own.back : log.node(),
      });
      return { ...own, graph };
    };
    const log = new Log();
    const plain = make(log, false);
    await plain.persistence.run(plain.graph, { note: "n" }, threadConfig("plain"));
    assert.equal(log.take(), "work sub/work sub/sub/work last");
    for (const path of ["work", "sub/work", "sub/sub/work"])
      assert.equal((await of(plain.persistence, path, "plain")).length, 1, path);
    const saving = make(log, true);
    await saving.persistence.run(saving.graph, { note: "n" }, AT);
    assert.equal(log.take(), "work sub/work sub/sub/work last sub/work sub/sub/work last");
  },
};
