import assert from "node:assert/strict";
import { AIMessage } from "@langchain/core/messages";
import type { Persistence } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import {
  all,
  human,
  Log,
  latestSaid,
  line,
  of,
  once,
  said,
  started,
  type TrailGraph,
  type Work,
} from "../src/persistence.js";

const AT = threadConfig("t");

/** Fails as long as it is told to. */
function flaky(log: Log) {
  const state = { fails: true };
  const node: Work = log.node(() => {
    if (state.fails) throw new TypeError("crashed");
    return undefined;
  });
  return { state, node };
}

/** one -> two -> three, the last of which fails at first. */
function failing(db: Database) {
  const log = new Log();
  const { state, node } = flaky(log);
  const make = (options?: ConstructorParameters<typeof Persistence>[1]) => {
    const persistence = started(db.storage, options);
    const graph = line({ ...log.nodes("one", "two"), three: node });
    return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
  };
  return { log, state, make };
}

const chain = (db: Database, log: Log) => {
  const persistence = started(db.storage);
  const nodes = line(log.nodes("one", "two", "three"));
  return { persistence, graph: nodes.compile({ checkpointer: persistence.checkpointer }) };
};

const seed = (
  persistence: Persistence,
  graph: TrailGraph,
  checkpointId: string,
  nodePath: string,
) =>
  persistence.saveCheckpoint(
    "t",
    { checkpointId, nodePath, messageHistory: [human(checkpointId)] },
    { graph },
  );

/** A tool-calling loop of three calls; after the third something goes wrong. */
function agent(db: Database) {
  const log = new Log();
  const state = { fails: true, called: [] as number[] };
  const make = () => {
    const persistence = started(db.storage);
    const step = (n: number): Record<string, Work> => ({
      [`ask${n}`]: log.node(() => {
        const call = { id: `c${n}`, name: "tool", args: { n } };
        return { messages: [new AIMessage({ id: `ai${n}`, content: "", tool_calls: [call] })] };
      }),
      [`execute${n}`]: log.node(() => {
        state.called.push(n);
        return { note: `result ${n}` };
      }),
    });
    const graph = line({
      ...step(1),
      ...step(2),
      ...step(3),
      send: log.node(() => {
        if (state.fails) throw new TypeError("crashed");
        return { messages: [new AIMessage({ id: "end", content: "done" })] };
      }),
    });
    return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
  };
  return { log, state, make };
}

export const rerunChecks: Checks = {
  // PersistencyRunsTwiceTest: agent runs to end and on second run starts from beginning again
  "11: with tombstones a finished thread starts fresh, with none of the old state": async (db) => {
    const log = new Log();
    const make = () => {
      const persistence = started(db.storage, { tombstones: true });
      const graph = line(log.nodes("one", "two"));
      return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
    };
    const first = make();
    await first.persistence.run(first.graph, { note: "1", messages: [human("first")] }, AT);
    assert.equal(log.take(), "one two");
    const end = await first.persistence.getLatestCheckpoint("t");
    assertSame([end?.tombstone, end?.nodePath], [true, "tombstone"]);
    assertSame([end?.messageHistory, end?.lastInput], [[], undefined]);
    const second = make();
    const { config } = await second.graph.getState(AT);
    assert.equal(config.configurable?.checkpoint_id, undefined, "LangGraph finds nothing either");
    const output = await second.persistence.run(second.graph, { messages: [human("second")] }, AT);
    assert.equal(log.take(), "one two");
    assertSame(said(output.messages), ["human: second"]);
    assertSame([output.trail, output.note], [["one", "two"], undefined]);
    const ends = (await all(started(db.storage))).filter(({ tombstone }) => tombstone);
    assert.equal(ends.length, 2);
    assert.notEqual(ends[0]?.checkpointId, ends[1]?.checkpointId);
    assert.equal((await make().persistence.getLatestCheckpoint("t"))?.tombstone, true);
  },

  // PersistencyRunsTwiceTest: agent fails on the first run and second run running successfully
  "12: after a failed run the second goes on, and no finished node runs twice": async (db) => {
    const { log, state, make } = failing(db);
    const first = make({ tombstones: true });
    await assert.rejects(first.persistence.run(first.graph, { note: "n" }, AT), /crashed/);
    assert.equal(log.take(), "one two three");
    assert.equal((await all(first.persistence)).filter(({ tombstone }) => tombstone).length, 0);
    state.fails = false;
    const second = make({ tombstones: true });
    const output = await second.persistence.run(second.graph, { note: "is left aside" }, AT);
    assert.equal(log.take(), "three");
    assertSame([output.trail, output.note], [["one", "two", "three"], "n"]);
    assert.equal((await second.persistence.getLatestCheckpoint("t"))?.tombstone, true);
  },

  // PersistencyRestoreStrategyTests: rollback Default resumes from checkpoint node
  "13: the default rollback goes on at the checkpoint's node, with its conversation": async (
    db,
  ) => {
    const log = new Log();
    const { persistence, graph } = chain(db, log);
    await persistence.run(graph, { note: "n", messages: [human("first")] }, AT);
    log.take();
    const [at] = await of(persistence, "one");
    const other = chain(db, log);
    const { checkpoint } = await other.persistence.rollbackToCheckpoint("t", at!.checkpointId);
    assertSame([checkpoint.nodePath, said(checkpoint.messageHistory)], ["one", ["human: first"]]);
    const next = chain(db, log);
    const output = await next.persistence.run(next.graph, { messages: [human("second")] }, AT);
    assert.equal(log.take(), "two three");
    assertSame(said(output.messages), ["human: first"]);
    assertSame([output.trail, output.note], [["one", "two", "three"], "n"]);
  },

  // PersistencyRestoreStrategyTests: rollback MessageHistoryOnly starts from beginning
  "13: messageHistoryOnly starts at the first node with the messages and the new input": async (
    db,
  ) => {
    const log = new Log();
    const make = () => {
      const persistence = started(db.storage, { rollbackStrategy: "messageHistoryOnly" });
      const saying = (name: string) =>
        log.node(({ messages, note }) => ({
          trail: [name],
          messages: [
            new AIMessage({ id: `${name}${messages.length}`, content: `${name} ${note}` }),
          ],
        }));
      const graph = line({ one: saying("one"), two: saying("two") });
      return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
    };
    const first = make();
    await first.persistence.run(first.graph, { note: "n", messages: [human("first")] }, AT);
    await first.persistence.rollbackToLatestCheckpoint("t");
    log.take();
    const second = make();
    assertSame(await latestSaid(second.persistence), ["human: first", "ai: one n", "ai: two n"]);
    const output = await second.persistence.run(second.graph, { messages: [human("second")] }, AT);
    assert.equal(log.take(), "one two");
    const expected = ["human: first", "ai: one n", "ai: two n"];
    expected.push("human: second", "ai: one undefined", "ai: two undefined");
    assertSame(said(output.messages), expected);
    assertSame([output.trail, output.note], [["one", "two"], undefined], "nothing else stays");
  },

  // PostgresPersistenceAgentRunTest
  "18: a chain that ends with a tombstone starts fresh": async (db) => {
    const log = new Log();
    const { persistence, graph } = chain(db, log);
    await seed(persistence, graph, "cp1", "one");
    await seed(persistence, graph, "cp2", "two");
    const end = { checkpointId: "end", nodePath: "tombstone", messageHistory: [], tombstone: true };
    const saved = await persistence.saveCheckpoint("t", end);
    assertSame([saved.tombstone, saved.version, saved.checkpointId], [true, 3, "end"]);
    const next = chain(db, log);
    assert.equal((await next.persistence.getLatestCheckpoint("t"))?.checkpointId, "end");
    const output = await next.persistence.run(next.graph, { note: "fresh" }, AT);
    assert.equal(log.take(), "one two three");
    assertSame(said(output.messages), []);
  },

  "18: a checkpoint above the tombstone is gone on from": async (db) => {
    const log = new Log();
    const { persistence, graph } = chain(db, log);
    await seed(persistence, graph, "cp1", "one");
    await seed(persistence, graph, "cp2", "two");
    await persistence.createTombstoneCheckpoint("t");
    await seed(persistence, graph, "cp3", "three");
    const next = chain(db, log);
    const output = await next.persistence.run(next.graph, { note: "is left aside" }, AT);
    assert.equal(log.take(), "three");
    assertSame([said(output.messages), output.note], [["human: cp3"], undefined]);
    assertSame(
      ["cp1", "cp2"],
      (await all(next.persistence)).slice(0, 2).map(({ checkpointId }) => checkpointId),
      "what lies below the tombstone stays readable",
    );
  },

  "18: a single checkpoint is gone on from": async (db) => {
    const log = new Log();
    const { persistence, graph } = chain(db, log);
    await seed(persistence, graph, "cp1", "two");
    const next = chain(db, log);
    await next.persistence.run(next.graph, { note: "is left aside" }, AT);
    assert.equal(log.take(), "two three");
  },

  "18: with enableAutomaticPersistence off no node run is recorded, and a run goes on": async (
    db,
  ) => {
    const { log, state, make } = failing(db);
    const off = { enableAutomaticPersistence: false };
    const first = make(off);
    await assert.rejects(first.persistence.run(first.graph, { note: "n" }, AT), /crashed/);
    assertSame(await db.storage.nodeRuns("t"), []);
    state.fails = false;
    log.take();
    const second = make(off);
    await second.persistence.run(second.graph, null, AT);
    assert.equal(log.take(), "three");
    assertSame(await db.storage.nodeRuns("t"), []);
    const on = make();
    await on.persistence.run(on.graph, { note: "n" }, threadConfig("on"));
    assert.equal((await db.storage.nodeRuns("on")).length, 3);
  },

  // CheckpointsTests: testLastSuccessfulNodeIsNotExecutedTwice
  "20: a tool call that ended before the crash is not made again": async (db) => {
    const { log, state, make } = agent(db);
    const first = make();
    const input = { messages: [human("go")] };
    await assert.rejects(first.persistence.run(first.graph, input, AT), /crashed/);
    assert.equal(log.take(), "ask1 execute1 ask2 execute2 ask3 execute3 send");
    const last = await started(db.storage).getLatestCheckpoint("t");
    assertSame([last?.nodePath, last?.lastOutput], ["execute3", { note: "result 3" }]);
    state.fails = false;
    const second = make();
    const output = await second.persistence.run(second.graph, input, AT);
    assert.equal(log.take(), "send");
    assertSame(state.called, [1, 2, 3]);
    assertSame(said(output.messages), ["human: go", "ai: ", "ai: ", "ai: ", "ai: done"]);
  },

  // PlannerPersistenceTests: failure at build, execute, evaluate
  "23: in whatever phase a plan failed, that phase alone is repeated": async (db) => {
    const phases = ["build", "execute", "evaluate"];
    for (const [i, failed] of phases.entries()) {
      const log = new Log();
      const isFirst = once();
      const make = () => {
        const persistence = started(db.storage);
        const phase = (name: string): Work =>
          log.node(({ note }) => {
            if (name === failed && isFirst()) throw new TypeError("crashed");
            return { note: `${note} ${name}` };
          });
        const graph = line(Object.fromEntries(phases.map((name) => [name, phase(name)])));
        return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
      };
      const config = threadConfig(failed);
      const [first, second] = [make(), make()];
      await assert.rejects(
        first.persistence.run(first.graph, { note: "plan:" }, config),
        /crashed/,
      );
      assert.equal(log.take(), phases.slice(0, i + 1).join(" "));
      const output = await second.persistence.run(second.graph, { note: "other" }, config);
      assert.equal(log.take(), phases.slice(i).join(" "));
      assert.equal(output.note, "plan: build execute evaluate");
    }
  },
};
