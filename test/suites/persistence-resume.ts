import assert from "node:assert/strict";
import { Annotation, Command, END, interrupt, START, StateGraph } from "@langchain/langgraph";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import {
  all,
  type Builder,
  Gate,
  human,
  Log,
  line,
  of,
  once,
  pathOf,
  State,
  said,
  started,
  ticking,
  type Update,
  type Work,
} from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";

const AT = threadConfig("t");

/** one -> two -> three; two fails at first. */
function failing(db: Database) {
  const log = new Log();
  const state = { fails: true };
  const make = () => {
    const persistence = started(db.storage);
    const two = log.node(() => {
      if (state.fails) throw new TypeError("crashed");
      return undefined;
    });
    const graph = line({ ...log.nodes("one"), two, ...log.nodes("three") });
    return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
  };
  return { log, state, make };
}

function asking(db: Database, log: Log) {
  const persistence = started(db.storage);
  const graph = line({
    ...log.nodes("one"),
    ask: log.node(({ note }) => ({ note: `${note}: ${interrupt({ question: note })}` })),
    ...log.nodes("end"),
  });
  return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
}

const questionsOf = (output: unknown) =>
  ((output as { __interrupt__?: { value: unknown }[] }).__interrupt__ ?? []).map((i) => i.value);

/** left, right and middle side by side, then last. */
function wide(db: Database, work: Readonly<Record<string, Work>>, log = new Log()) {
  const persistence = started(db.storage, { clock: ticking() });
  const builder = (new StateGraph(State) as unknown as Builder)
    .addNode("left", log.node(work.left))
    .addNode("middle", log.node(work.middle))
    .addNode("right", log.node(work.right))
    .addNode("last", log.node(work.last))
    .addEdge(START, "left")
    .addEdge(START, "middle")
    .addEdge(START, "right")
    .addEdge(["left", "middle", "right"], "last")
    .addEdge("last", END);
  return { persistence, log, graph: builder.compile({ checkpointer: persistence.checkpointer }) };
}

const leaving: Work = (_, config) => ({ trail: [pathOf(config)] });

export const resumeChecks: Checks = {
  "resume auto goes on where the run stopped, and leaves the input aside": async (db) => {
    const { log, state, make } = failing(db);
    const [first, second] = [make(), make()];
    await assert.rejects(first.persistence.run(first.graph, { note: "1" }, AT), /crashed/);
    state.fails = false;
    log.take();
    const output = await second.persistence.run(second.graph, { note: "2" }, AT);
    assertSame([log.take(), output.note], ["two three", "1"]);
    const third = await second.persistence.run(second.graph, { note: "3" }, AT);
    assertSame([log.take(), third.note], ["one two three", "3"], "a finished thread starts anew");
  },

  "resume never begins with the input, as LangGraph does": async (db) => {
    const { log, state, make } = failing(db);
    const [first, second] = [make(), make()];
    await assert.rejects(first.persistence.run(first.graph, { note: "1" }, AT), /crashed/);
    state.fails = false;
    log.take();
    const { persistence, graph } = second;
    const output = await persistence.run(graph, { note: "2" }, AT, { resume: "never" });
    assertSame([log.take(), output.note], ["one two three", "2"]);
    assertSame(output.trail, ["one", "one", "two", "three"]);
  },

  "resume required goes on, but never begins": async (db) => {
    const { log, state, make } = failing(db);
    const { persistence, graph } = make();
    const required = { resume: "required" } as const;
    const run = () => persistence.run(graph, { note: "1" }, AT, required);
    await assertRefused(run, "FINISHED", "run", /"t"/);
    assertSame(await all(persistence), []);
    await assert.rejects(persistence.run(graph, { note: "1" }, AT), /crashed/);
    state.fails = false;
    log.take();
    await run();
    assert.equal(log.take(), "two three");
    const before = await all(persistence);
    await assertRefused(run, "FINISHED", "run", /"t"/);
    await persistence.createTombstoneCheckpoint("t");
    await assertRefused(run, "FINISHED", "run", /"t"/);
    assert.equal((await all(persistence)).length, before.length + 1);
    assert.equal(log.take(), "");
  },

  "with a question pending auto asks it again, and a Command answers it": async (db) => {
    const log = new Log();
    const first = asking(db, log);
    const asked = await first.persistence.run(first.graph, { note: "ok?" }, AT);
    assertSame([log.take(), questionsOf(asked)], ["one ask", [{ question: "ok?" }]]);
    const second = asking(db, log);
    const again = await second.persistence.run(second.graph, { note: "other" }, AT);
    assertSame([log.take(), questionsOf(again)], ["ask", [{ question: "ok?" }]]);
    const third = asking(db, log);
    const answer = new Command({ resume: "yes" });
    const output = await third.persistence.run(third.graph, answer, AT);
    assertSame([log.take(), output.note], ["ask end", "ok?: yes"]);
    assertSame(questionsOf(output), []);
  },

  "a question is no end of the thread: tombstones wait for the answer": async (db) => {
    const log = new Log();
    const { persistence, graph } = asking(db, log);
    await persistence.run(graph, { note: "ok?" }, AT, { tombstone: true });
    assertSame(await persistence.listCheckpoints("t", { tombstone: true }), []);
    const answer = new Command({ resume: "yes" });
    await persistence.run(graph, answer, AT, { tombstone: true });
    assert.equal((await persistence.listCheckpoints("t", { tombstone: true })).length, 1);
  },

  "rolled back to before a question, it is asked again": async (db) => {
    const log = new Log();
    const { persistence, graph } = asking(db, log);
    await persistence.run(graph, { note: "ok?" }, AT);
    await persistence.run(graph, new Command({ resume: "no" }), AT);
    log.take();
    const [before] = await of(persistence, "one");
    await persistence.rollbackToCheckpoint("t", before!.checkpointId, { graph });
    const asked = await persistence.run(graph, null, AT);
    assertSame([log.take(), questionsOf(asked)], ["ask", [{ question: "ok?" }]]);
    const output = await persistence.run(graph, new Command({ resume: "yes" }), AT);
    assertSame([log.take(), output.note], ["ask end", "ok?: yes"]);
  },

  "of nodes side by side all are named, and the one that ended last is the checkpoint's": async (
    db,
  ) => {
    const right = new Gate();
    const { persistence, graph } = wide(db, {
      left: async (state, config) => {
        await right.opened;
        return leaving(state, config);
      },
      right: async (state, config) => {
        right.open();
        return leaving(state, config);
      },
      middle: leaving,
    });
    const output = await persistence.run(graph, { note: "n" }, AT);
    assertSame(output.trail, ["left", "middle", "right", "last"]);
    const [step] = await of(started(db.storage), "left");
    assertSame([...(step?.nodePaths ?? [])].sort(), ["left", "middle", "right"]);
    for (const path of ["left", "middle", "right"])
      assertSame(await of(started(db.storage), path), [step], `found as ${path}`);
    assert.equal(step?.nodePath, "left");
    assertSame((step?.lastOutput as Update | undefined)?.trail, ["left"]);
  },

  "of nodes side by side only the one that failed runs again": async (db) => {
    const isFirst = once();
    const right: Work = async (state, config) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (isFirst()) throw new TypeError("crashed");
      return leaving(state, config);
    };
    const log = new Log();
    const [first, second] = [wide(db, { right }, log), wide(db, { right }, log)];
    await assert.rejects(first.persistence.run(first.graph, { note: "n" }, AT), /crashed/);
    assert.equal(log.take(), "left middle right");
    const output = await second.persistence.run(second.graph, { note: "other" }, AT);
    assert.equal(log.take(), "right last");
    assertSame(output.trail, ["left", "middle", "right", "last"]);
  },

  "checkpoints made in nodes side by side are the same state, each named by its node": async (
    db,
  ) => {
    const saving: Work = async (_, config) => {
      await persistence.createCheckpoint(config, { checkpointId: `cp ${pathOf(config)}` });
      return undefined;
    };
    const { persistence, graph, log } = wide(db, { left: saving, middle: saving, right: saving });
    await persistence.run(graph, { note: "n" }, AT);
    log.take();
    const other = started(db.storage);
    const versions = new Set<number>();
    for (const path of ["left", "middle", "right"]) {
      const saved = await other.getCheckpointById("t", `cp ${path}`);
      assertSame([saved?.nodePath, (saved?.lastInput as Update)?.note], [path, "n"]);
      versions.add(saved!.version);
    }
    assert.equal(versions.size, 3);
    await other.rollbackToCheckpoint("t", "cp middle", { graph });
    await persistence.run(graph, null, AT);
    assert.equal(log.take(), "left middle right last", "the step is run again as a whole");
  },

  "a rollback in one of several nodes side by side abandons what the others wrote": async (db) => {
    const isFirst = once();
    const log = new Log();
    let pass = 0;
    const { persistence, graph } = wide(
      db,
      {
        left: (state, config) => {
          pass += 1;
          return { messages: [human(`pass ${pass}`)], ...leaving(state, config) };
        },
        right: async (state, config) => {
          if (isFirst()) {
            const named = await persistence.createCheckpoint(config, { checkpointId: "cp" });
            await persistence.rollbackToCheckpoint(config, named.checkpointId);
          }
          return leaving(state, config);
        },
      },
      log,
    );
    const output = await persistence.run(graph, { note: "n" }, AT);
    assert.equal(log.take(), "left middle right left middle right last");
    assertSame(said(output.messages), ["human: pass 2"]);
    assertSame(output.trail, ["left", "middle", "right", "last"]);
  },

  // CheckpointsTests: testContextDataIsSavedInCheckpoint
  "21: a rollback restores every other channel exactly": async (db) => {
    const Rich = Annotation.Root({
      count: Annotation<bigint>(),
      seen: Annotation<Map<string, Date>>(),
      tags: Annotation<Set<string>>({
        reducer: (a, b) => new Set([...a, ...b]),
        default: () => new Set(),
      }),
      plan: Annotation<{ steps: string[]; model: string | undefined }>(),
      bytes: Annotation<Uint8Array>(),
    });
    const persistence = started(db.storage);
    const rich = (n: number) => ({
      count: 2n ** 70n + BigInt(n),
      seen: new Map([[`key ${n}`, new Date(n)]]),
      tags: new Set([`tag ${n}`]),
      plan: { steps: [`step ${n}`], model: undefined },
      bytes: Uint8Array.of(n, 255),
    });
    const graph = new StateGraph(Rich)
      .addNode("one", () => rich(1))
      .addNode("two", () => rich(2))
      .addEdge(START, "one")
      .addEdge("one", "two")
      .compile({ checkpointer: persistence.checkpointer });
    const end = await persistence.run(graph, rich(0), AT);
    const [at] = await of(persistence, "one");
    const other = started(db.storage);
    const { checkpoint } = await other.rollbackToCheckpoint("t", at!.checkpointId);
    const tuple = await started(db.storage).checkpointer.getTuple(checkpoint.config);
    const channels = Object.entries(tuple!.checkpoint.channel_values);
    const values = Object.fromEntries(channels.filter(([name]) => !/^(branch:|__)/.test(name)));
    assertSame(values, { ...rich(1), tags: new Set(["tag 0", "tag 1"]) });
    assertSame(await persistence.run(graph, null, AT), end);
  },
};
