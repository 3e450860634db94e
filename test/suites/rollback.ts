import assert from "node:assert/strict";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { isGraphDrained, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { Persistence, StorageError } from "@threadkeep/core";
import { assertSame, deepCopy } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";
import { line, stateOf, step, Trail, type TrailState, upTo, versions } from "./rollback-world.js";
import { after, checkpoints, Named } from "./undo-world.js";

const config = threadConfig("t");
const START_INPUT = { note: "n", messages: [new HumanMessage({ id: "in", content: "go" })] };
const ALL = ["one", "two", "three", "four"];

function assertStopped(error: unknown): true {
  const isRefused = error instanceof StorageError && error.code === "ROLLED_BACK";
  assert.ok(isRefused || isGraphDrained(error), String(error));
  return true;
}

/** `one`, `two`, then a node or a tool that rolls back to "cp" the first time, then `four`. */
function goesBack(persistence: Persistence, log: string[], how: "node" | "tool") {
  let isDone = false;
  const back = async (given: object) => {
    if (isDone) return;
    isDone = true;
    const { checkpoint, dryRun } = await persistence.rollbackToCheckpoint(given, "cp");
    assert.deepEqual([checkpoint.nodePath, dryRun], ["one", false]);
  };
  if (how === "node") return line(persistence.checkpointer, log, { three: back });
  const goBack = tool(
    async (_args, given) => {
      log.push("three");
      await back(given);
      return "back";
    },
    { name: "go_back", description: "goes back", schema: Named },
  );
  const call = { id: "c", name: "go_back", args: { name: "cp" } };
  return new StateGraph(Trail)
    .addNode("one", step("one", log))
    .addNode("two", async (state, given) => ({
      ...(await step("two", log)(state as TrailState, given)),
      messages: [new AIMessage({ id: "ai", content: "", tool_calls: [call] })],
    }))
    .addNode("tools", new ToolNode([goBack]))
    .addNode("four", step("four", log))
    .addEdge(START, "one")
    .addEdge("one", "two")
    .addEdge("two", "tools")
    .addEdge("tools", "four")
    .compile({ checkpointer: persistence.checkpointer });
}

export const rollbackChecks: Checks = {
  "from outside, to each checkpoint: the state and what is next are as they were": async (db) => {
    const log: string[] = [];
    const persistence = new Persistence(db.storage);
    const graph = line(persistence.checkpointer, log);
    const end = await persistence.run(graph, START_INPUT, config);
    const known = await checkpoints(persistence);
    assert.equal(known.length, 6);
    for (const { checkpointId, config: place, version } of known) {
      const then = await graph.getState(place);
      const other = new Persistence(await db.connect());
      const { checkpoint } = await other.rollbackToCheckpoint("t", checkpointId, { graph });
      const now = await graph.getState(config);
      assertSame(now.values, then.values, `${version}`);
      assert.deepEqual(now.next, then.next);
      assert.equal(now.config.configurable?.checkpoint_id, checkpoint.checkpointId);
      log.length = 0;
      if (now.next.length > 0) {
        assertSame(await persistence.run(graph, null, config), end, `${version}`);
        assert.deepEqual(log, ALL.slice(Math.max(0, known.length === 6 ? version - 2 : 0)));
      }
    }
    const count = (await checkpoints(persistence)).length;
    assert.deepEqual(await versions(persistence), upTo(count));
  },

  "inside a node and inside a tool: persistence.run goes along, in every durability": async (
    db,
  ) => {
    for (const how of ["node", "tool"] as const) {
      for (const durability of DURABILITIES) {
        const place = { ...threadConfig(`${how} ${durability}`), durability };
        const log: string[] = [];
        const persistence = new Persistence(db.storage);
        const graph = goesBack(persistence, log, how);
        await graph.invoke(START_INPUT, { ...place, interruptBefore: ["two"] as never });
        await persistence.createCheckpoint(place, { checkpointId: "cp" });
        const end = (await persistence.run(graph, null, place)) as TrailState;
        const twice = ["one", "two", "three", "two", "three", "four"];
        assert.deepEqual(log, twice, `${how} ${durability}`);
        const trail = how === "node" ? ALL : ALL.filter((name) => name !== "three");
        assert.deepEqual(end.trail, trail);
        assert.deepEqual((await graph.getState(place)).next, []);
      }
    }
  },

  "the same through graph.invoke: it stops, and invoke(null) goes on": async (db) => {
    for (const how of ["node", "tool"] as const) {
      for (const durability of DURABILITIES) {
        const id = `${how} ${durability}`;
        const place = { ...threadConfig(id), durability };
        const log: string[] = [];
        const persistence = new Persistence(db.storage);
        const graph = goesBack(persistence, log, how);
        await graph.invoke(START_INPUT, { ...place, interruptBefore: ["two"] as never });
        await persistence.createCheckpoint(place, { checkpointId: "cp" });
        await assert.rejects(async () => graph.invoke(null, place), assertStopped);
        assert.deepEqual(log, ["one", "two", "three"], id);
        const { next, values } = await graph.getState(place);
        assert.deepEqual([next, values.trail], [["two"], ["one"]], id);
        await graph.invoke(null, place);
        assert.deepEqual(log.slice(3), ["two", "three", "four"], id);
        assert.deepEqual((await graph.getState(place)).next, []);
      }
    }
  },

  "a run that is rolled back to the thread's end ends with that state": async (db) => {
    const log: string[] = [];
    const persistence = new Persistence(db.storage);
    const first = line(persistence.checkpointer, log);
    const end = deepCopy(await persistence.run(first, START_INPUT, config));
    await persistence.createCheckpoint("t", { checkpointId: "end" });
    const second = line(persistence.checkpointer, log, {
      two: (given) => persistence.rollbackToCheckpoint(given, "end"),
    });
    assertSame(await persistence.run(second, { note: "again" }, config), end);
    assert.deepEqual(log, [...ALL, "one", "two"]);
    assertSame((await second.getState(config)).values, end);
  },

  "run again and rolled back again, five times: versions without gaps, every branch readable":
    async (db) => {
      const log: string[] = [];
      const persistence = new Persistence(db.storage);
      const graph = line(persistence.checkpointer, log);
      const end = deepCopy(await persistence.run(graph, START_INPUT, config));
      const history = async () => {
        const found = new Map<string, unknown>();
        for await (const { config: at, values, next } of graph.getStateHistory(config))
          found.set(String(at.configurable?.checkpoint_id), deepCopy([values, next]));
        return found;
      };
      let known = await history();
      const two = await after(persistence, "two");
      for (let round = 1; round <= 5; round += 1) {
        const before = await checkpoints(persistence);
        await persistence.rollbackToCheckpoint("t", two);
        log.length = 0;
        assertSame(await persistence.run(graph, null, config), end, `${round}`);
        assert.deepEqual(log, ["three", "four"]);
        assert.deepEqual(await versions(persistence), upTo(6 + 3 * round));
        const now = await history();
        assert.equal(now.size, 6 + 3 * round);
        for (const [id, state] of known) assertSame(now.get(id), state, id);
        const listed = (await checkpoints(persistence)).slice(0, before.length);
        assertSame(listed, before, "the checkpoints of before are listed as they were");
        known = now;
      }
    },

  "rollbacks at once, of several processes: each is done, the last one counts": async (db) => {
    const log: string[] = [];
    const persistence = new Persistence(db.storage);
    const graph = line(persistence.checkpointer, log);
    await persistence.run(graph, START_INPUT, config);
    const targets = (await checkpoints(persistence)).slice(1, 5);
    const others = await Promise.all(targets.map(async () => new Persistence(await db.connect())));
    const done = await Promise.all(
      others.flatMap((other, i) =>
        [0, 1].map(() => other.rollbackToCheckpoint("t", targets[i]!.checkpointId)),
      ),
    );
    assert.deepEqual(await versions(persistence), upTo(6 + 8));
    const last = done.map(({ checkpoint }) => checkpoint).sort((a, b) => b.version - a.version)[0]!;
    const { values, config: at } = await graph.getState(config);
    assert.equal(at.configurable?.checkpoint_id, last.checkpointId);
    const left = ALL.slice(values.trail.length);
    log.length = 0;
    const end = await persistence.run(graph, null, config);
    assert.deepEqual([end.trail, log], [ALL, left]);
  },

  "messageHistoryOnly: the messages of then, and the run begins at the first node": async (db) => {
    const log: string[] = [];
    const strategy = "messageHistoryOnly";
    const persistence = new Persistence(db.storage, { rollbackStrategy: strategy });
    const graph = line(persistence.checkpointer, log);
    await persistence.run(graph, START_INPUT, config);
    const target = (await checkpoints(persistence, "two"))[0]!;
    const { checkpoint } = await persistence.rollbackToCheckpoint("t", target.checkpointId);
    assertSame(checkpoint.messageHistory, target.messageHistory);
    const { values, next } = await graph.getState(config);
    assert.deepEqual([next, values.trail ?? [], values.note], [[], [], undefined]);
    log.length = 0;
    const end = await persistence.run(graph, { note: "new" }, config);
    assert.deepEqual([end.trail, end.note, log], [ALL, "new", ALL]);
    assert.equal(end.messages.length, target.messageHistory.length + 4);

    let isDone = false;
    const place = threadConfig("inside");
    const inside = line(persistence.checkpointer, log, {
      one: (given) => isDone || persistence.createCheckpoint(given, { checkpointId: "cp" }),
      three: async (given) => {
        if (isDone) return;
        isDone = true;
        await persistence.rollbackToCheckpoint(given, "cp", { strategy });
      },
    });
    log.length = 0;
    const out = await persistence.run(inside, { note: "in" }, place);
    assert.deepEqual(log, ["one", "two", "three", ...ALL]);
    assert.deepEqual([out.trail, out.note, out.messages.length], [ALL, "in", 4]);
  },

  "a node that always rolls back stops at maxRollbacks": async (db) => {
    for (const [i, maxRollbacks] of [0, 1, 3, undefined].entries()) {
      const id = `t${i}`;
      const log: string[] = [];
      const persistence = new Persistence(db.storage);
      const graph = line(persistence.checkpointer, log, {
        two: async (given) =>
          persistence.rollbackToCheckpoint(given, await after(persistence, "one", 0, id)),
      });
      const options = maxRollbacks === undefined ? {} : { maxRollbacks };
      const run = persistence.run(graph, START_INPUT, threadConfig(id), options);
      await assert.rejects(async () => run, assertStopped);
      assert.equal(log.filter((name) => name === "two").length, 1 + (maxRollbacks ?? 25));
      assert.deepEqual((await graph.getState(threadConfig(id))).next, ["two"]);
    }
  },

  "a rollback to nothing, to a tombstone or of another graph is refused, and changes nothing":
    async (db) => {
      const persistence = new Persistence(db.storage);
      const graph = line(persistence.checkpointer, []);
      await persistence.run(graph, START_INPUT, config);
      const two = await after(persistence, "two");
      const stone = await persistence.createTombstoneCheckpoint("t");
      const before = await stateOf(db.storage);
      const roll = (id: string, options = {}) => persistence.rollbackToCheckpoint("t", id, options);
      const name = "rollbackToCheckpoint";
      await assertRefused(() => roll("nothing"), "NOT_FOUND", name, /"nothing"/);
      await assertRefused(() => roll(stone.checkpointId), "FINISHED", name, /tombstone/);
      const other = line(persistence.checkpointer, [], {}, ["one", "two"]);
      await assertRefused(() => roll(two, { graph: other }), "GRAPH_MISMATCH", name, /"three"/);
      await assertRefused(() => roll(two, { strategy: "all" }), "INVALID_ARGUMENT", name);
      await assertRefused(
        () => persistence.rollbackToCheckpoint("nobody", two),
        ...(["NOT_FOUND", name, /nobody/] as const),
      );
      assert.equal(await persistence.rollbackToLatestCheckpoint("t"), undefined);
      assert.deepEqual(await stateOf(db.storage), before);
      await roll(two);
      assert.deepEqual((await graph.getState(config)).next, ["three"]);
    },
};
