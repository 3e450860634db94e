import assert from "node:assert/strict";
import { Persistence, type Storage } from "@threadkeep/core";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";
import { line, stateOf, type TrailState } from "./rollback-world.js";
import { after, checkpoints, gate } from "./undo-world.js";

const config = threadConfig("t");
const INPUT = { note: "n" };
const ALL = ["one", "two", "three", "four"];

/** The storage, but before the nth call of a method something happens. */
function before(
  storage: Storage,
  method: keyof Storage,
  happen: () => Promise<unknown>,
): { storage: Storage; count(): number } {
  let count = 0;
  const proxy = new Proxy(storage, {
    get: (target, key) => {
      const own = Reflect.get(target, key);
      if (typeof own !== "function") return own;
      return async (...given: unknown[]) => {
        if (key === method) {
          count += 1;
          if (count === 1) await happen();
        }
        return own.apply(target, given);
      };
    },
  });
  return { storage: proxy, count: () => count };
}

/** A run that waits in `two` until it is let go, the first time. */
async function held(storage: Storage, id: string, durability: (typeof DURABILITIES)[number]) {
  const log: string[] = [];
  const [entered, release] = [gate(), gate()];
  const persistence = new Persistence(storage);
  let isFirst = true;
  const graph = line(persistence.checkpointer, log, {
    two: async () => {
      if (!isFirst) return;
      isFirst = false;
      entered.open();
      await release.opened;
    },
  });
  const place = { ...threadConfig(id), durability };
  await graph.invoke(INPUT, { ...place, interruptBefore: ["two"] as never });
  return { log, entered, release, persistence, graph, place };
}

export const rollbackRunChecks: Checks = {
  "rolled back by another process while a node runs: run goes on from there": async (db) => {
    for (const durability of DURABILITIES) {
      const run = await held(db.storage, durability, durability);
      const running = run.persistence.run(run.graph, null, run.place);
      await run.entered.opened;
      const other = new Persistence(await db.connect());
      const [start] = await checkpoints(other, undefined, durability);
      await other.rollbackToCheckpoint(durability, start?.checkpointId as string);
      const state = await stateOf(db.storage, durability);
      run.release.open();
      const end = (await running) as TrailState;
      // In the other durabilities LangGraph notices only at the run's end.
      const again = durability === "exit" ? ["two", "three", "four"] : ALL;
      assert.deepEqual(run.log.slice(-again.length), again, durability);
      if (durability === "sync") assert.deepEqual(run.log, ["one", "two", ...ALL]);
      assert.deepEqual(end.trail, ALL, durability);
      const now = await stateOf(db.storage, durability);
      assert.deepEqual(now.checkpoints.slice(-state.checkpoints.length), state.checkpoints);
    }
  },

  "the same through graph.invoke: ROLLED_BACK at its next write, and nothing arrives": async (
    db,
  ) => {
    for (const durability of DURABILITIES) {
      const run = await held(db.storage, durability, durability);
      const running = assert.rejects(async () => run.graph.invoke(null, run.place), {
        code: "ROLLED_BACK",
      });
      await run.entered.opened;
      const other = new Persistence(await db.connect());
      await other.rollbackToLatestCheckpoint(durability);
      const state = await stateOf(db.storage, durability);
      run.release.open();
      await running;
      const last = await run.persistence.createCheckpoint(durability, { checkpointId: "last" });
      const { checkpoints: rows, ...rest } = await stateOf(db.storage, durability);
      const own = rows.filter((row) => row.id !== last.config.configurable?.checkpoint_id);
      assert.deepEqual({ ...rest, checkpoints: own }, state, durability);
      if (durability === "sync") assert.deepEqual(run.log, ["one", "two"]);
      const end = (await run.graph.invoke(null, run.place)) as TrailState;
      assert.deepEqual(end.trail, ALL, durability);
    }
  },

  "a run that only read before the rollback cannot write after it": async (db) => {
    const persistence = new Persistence(db.storage);
    const log: string[] = [];
    const graph = line(persistence.checkpointer, log);
    await persistence.run(graph, INPUT, config);
    const two = await after(persistence, "two");
    const other = new Persistence(await db.connect());
    // The run has read the thread; its first write comes after the rollback.
    const late = before(db.storage, "commit", () => other.rollbackToCheckpoint("t", two));
    const slow = line(new Persistence(late.storage).checkpointer, log);
    log.length = 0;
    await assert.rejects(async () => slow.invoke(INPUT, { ...config, durability: "sync" }), {
      code: "ROLLED_BACK",
    });
    assert.ok(late.count() > 0, "the rollback came before its first write");
    assert.deepEqual((await graph.getState(config)).next, ["three"]);
  },

  "createCheckpoint with properties that cannot be stored does not spoil the run": async (db) => {
    for (const durability of ["sync", "async"] as const) {
      const persistence = new Persistence(db.storage);
      const log: string[] = [];
      let count = 0;
      const graph = line(persistence.checkpointer, log, {
        two: async (given) => {
          for (const bad of [() => 1, Symbol("s"), new WeakMap(), { deep: [{ fn: () => 1 }] }]) {
            const call = () => persistence.createCheckpoint(given, { properties: { bad } });
            await assertRefused(call, "NOT_SERIALIZABLE", "createCheckpoint", /bad/);
            count += 1;
          }
          await persistence.createCheckpoint(given, { checkpointId: "good", properties: { n: 1 } });
        },
      });
      const place = { ...threadConfig(durability), durability };
      const end = (await persistence.run(graph, INPUT, place)) as TrailState;
      assert.equal(count, 4, "the fault happened");
      assert.deepEqual([end.trail, log], [ALL, ALL]);
      await persistence.rollbackToCheckpoint(durability, "good");
      assert.deepEqual((await graph.getState(place)).next, ["two"]);
      assert.deepEqual((await checkpoints(persistence, undefined, durability)).length, 8);
    }
  },

  "a target that was pruned is not found; one that was kept is": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = line(persistence.checkpointer, []);
    await persistence.run(graph, INPUT, config);
    const ids = await Promise.all(["two", "three"].map((name) => after(persistence, name)));
    const other = new Persistence(await db.connect());
    const report = await other.checkpointer.prune(["t"], { keepLast: 2 });
    assert.equal(report.checkpoints, 4);
    const state = await stateOf(db.storage);
    const [two, three] = ids as [string, string];
    await assertRefused(
      () => persistence.rollbackToCheckpoint("t", two),
      ...(["NOT_FOUND", "rollbackToCheckpoint"] as const),
    );
    assert.deepEqual(await stateOf(db.storage), state);
    await persistence.rollbackToCheckpoint("t", three);
    assert.deepEqual((await graph.getState(config)).next, ["four"]);
  },

  "pruned between reading and storing: the target that is kept is rolled back to": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = line(persistence.checkpointer, []);
    const long = "x".repeat(400);
    await persistence.run(graph, { note: long }, config);
    const three = await after(persistence, "three");
    const pruner = new Persistence(await db.connect());
    const late = before(await db.connect(), "commit", () =>
      pruner.checkpointer.prune(["t"], { keepLast: 2 }),
    );
    const roller = new Persistence(late.storage);
    const { checkpoint } = await roller.rollbackToCheckpoint("t", three);
    assert.ok(late.count() > 1, "its first commit found the thread pruned");
    assert.equal(checkpoint.nodePath, "three");
    const { next, values } = await graph.getState(config);
    assert.deepEqual([next, values.trail, values.note], [["four"], ["one", "two", "three"], long]);
    const end = (await persistence.run(graph, null, config)) as TrailState;
    assert.deepEqual(end.trail, ALL);
  },

  "pruned between reading and storing: the target that is gone is not found": async (db) => {
    for (const method of ["commit", "guard"] as const) {
      const id = method;
      const persistence = new Persistence(db.storage);
      const graph = line(persistence.checkpointer, []);
      await persistence.run(graph, { note: "x".repeat(400) }, threadConfig(id));
      const one = await after(persistence, "one", 0, id);
      const pruner = new Persistence(await db.connect());
      const late = before(await db.connect(), method, () => pruner.checkpointer.prune([id]));
      const roller = new Persistence(late.storage);
      await assertRefused(
        () => roller.rollbackToCheckpoint(id, one),
        ...(["NOT_FOUND", "rollbackToCheckpoint"] as const),
      );
      assert.ok(late.count() > 0, "it was pruned meanwhile");
      const { next, values } = await graph.getState(threadConfig(id));
      assert.deepEqual([next, values.trail], [[], ALL], id);
      assert.equal((await checkpoints(persistence, undefined, id)).length, 1);
    }
  },

  "rollbacks beside a busy pruner: each is done or finds its target gone": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = line(persistence.checkpointer, []);
    const end = (await persistence.run(graph, { note: "y".repeat(400) }, config)) as TrailState;
    const pruner = new Persistence(await db.connect());
    let isOver = false;
    let pruned = 0;
    const prune = async () => {
      while (!isOver) {
        pruned += (await pruner.checkpointer.prune(["t"], { keepLast: 4 })).checkpoints;
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    let done = 0;
    const rollBack = async () => {
      for (let round = 0; round < 20; round += 1) {
        const known = await checkpoints(persistence);
        const { checkpointId } = known[round % known.length]!;
        await persistence.rollbackToCheckpoint("t", checkpointId).then(
          () => {
            done += 1;
          },
          (error) => assert.equal(error.code, "NOT_FOUND", String(error)),
        );
      }
    };
    const rolling = rollBack().finally(() => {
      isOver = true;
    });
    const [ended] = await Promise.allSettled([rolling, prune()]);
    if (ended.status === "rejected") throw ended.reason;
    assert.ok(pruned > 0, "something was pruned meanwhile");
    assert.ok(done > 0, `${done} rollbacks`);
    const state = await graph.getState(config);
    const out = state.next.length > 0 ? await persistence.run(graph, null, config) : state.values;
    assert.deepEqual([out.trail, out.note], [ALL, end.note]);
  },
};
