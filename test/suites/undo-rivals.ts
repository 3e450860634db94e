import assert from "node:assert/strict";
import { tool } from "@langchain/core/tools";
import { START, StateGraph } from "@langchain/langgraph";
import { Persistence, RollbackToolRegistry, type Storage, UndoError } from "@threadkeep/core";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { upTo } from "./rollback-world.js";
import {
  after,
  checkpoints,
  gate,
  journal,
  Named,
  Process,
  Talk,
  toStart,
  undosOf,
  World,
} from "./undo-world.js";

const config = threadConfig("t");
const SCRIPT = [["write a"], ["pay b"], ["write c"]];
const LINES = SCRIPT.flat();

export const undoRivalChecks: Checks = {
  "two processes that roll back at once undo each call once in sum": async (db) => {
    for (let round = 0; round < 5; round += 1) {
      const id = `t${round}`;
      const world = new World();
      const processes = [
        new Process(db.storage, world),
        new Process(await db.connect(), world),
      ] as const;
      const [one] = processes;
      await one.persistence.run(one.agent(SCRIPT), { messages: [] }, threadConfig(id));
      world.take();
      const target = await after(one.persistence, "agent", 0, id);
      const both = await Promise.allSettled(
        processes.map(({ persistence }) => persistence.rollbackToCheckpoint(id, target)),
      );
      const errors = both.filter((one) => one.status === "rejected").map(({ reason }) => reason);
      assert.ok(errors.length < 2, `both failed: ${errors.join()}`);
      for (const error of errors) assert.ok(error instanceof UndoError, String(error));
      assert.deepEqual(world.take(), undosOf(LINES));
      const { undone } = await one.persistence.rollbackToCheckpoint(id, target);
      assert.deepEqual([undone, world.take()], [[], []]);
    }
  },

  "a call that two processes start at once is two calls, and both are undone": async (db) => {
    const world = new World();
    const [one, other] = [new Process(db.storage, world), new Process(await db.connect(), world)];
    await one.node(async () => {}).invoke({ messages: [] }, config);
    const call = { id: "same", name: "write", args: { name: "a" }, type: "tool_call" as const };
    for (let attempt = 1; attempt <= 9; attempt += 2) {
      await Promise.all([one.write.invoke(call, config), other.write.invoke(call, config)]);
      assert.deepEqual(
        await journal(one.persistence),
        upTo(attempt + 1).map((nth) => `write a ${nth} done ${nth < attempt ? "undone" : "none"}`),
      );
      await toStart(one.persistence);
      const done = ["write a", "write a"];
      assert.deepEqual(world.take(), [...done, ...undosOf(done)]);
    }
  },

  "while calls are undone, a run under way makes no call any more": async (db) => {
    const world = new World();
    const [begun, undoing, go] = [gate(), gate(), gate()];
    const running = new Process(db.storage, world);
    const graph = running.node(async () => {
      await running.write.invoke({ name: "a" });
      begun.open();
      await go.opened;
      await running.write.invoke({ name: "late" });
    });
    const run = assert.rejects(graph.invoke({ messages: [] }, { ...config, durability: "sync" }), {
      code: "ROLLED_BACK",
    });
    await begun.opened;
    const held = gate();
    const other = new Process(await db.connect(), world, {
      undo: async () => {
        undoing.open();
        await held.opened;
      },
    });
    const [start] = await checkpoints(other.persistence);
    const rollback = other.persistence.rollbackToCheckpoint("t", start?.checkpointId as string);
    await undoing.opened;
    assert.deepEqual(world.take(), ["write a"]);
    go.open();
    await run;
    held.open();
    await rollback;
    assert.deepEqual(world.take(), undosOf(["write a"]));
  },

  "a call made while a rollback reads the journal is undone too": async (db) => {
    for (const calls of [1, 0]) {
      const id = `t${calls}`;
      const world = new World();
      const [begun, go, called, end] = [gate(), gate(), gate(), gate()];
      const running = new Process(db.storage, world);
      const graph = running.node(async () => {
        if (calls > 0) await running.write.invoke({ name: "a" });
        begun.open();
        await go.opened;
        await running.write.invoke({ name: "between" });
        called.open();
        await end.opened;
      });
      const run = graph
        .invoke({ messages: [] }, { ...threadConfig(id), durability: "sync" })
        .catch(() => {});
      await begun.opened;
      // The journal is read; before the reader has the answer, the run makes its next call.
      let happened = 0;
      const storage = await db.connect();
      const slow: Storage = new Proxy(storage, {
        get: (target, key) => {
          const own = Reflect.get(target, key);
          if (key !== "toolEvents") return typeof own === "function" ? own.bind(target) : own;
          return async (...given: [string, string?]) => {
            const events = await target.toolEvents(...given);
            if (given[1] === undefined && happened === 0) {
              happened = 1;
              go.open();
              await Promise.race([called.opened, run]);
            }
            return events;
          };
        },
      });
      const other = new Process(slow, world).persistence;
      const [start] = await checkpoints(other, undefined, id);
      await other.rollbackToCheckpoint(id, start?.checkpointId as string);
      assert.equal(happened, 1, "the journal was read while the run called");
      end.open();
      await run;
      const log = world.take();
      const made = log.filter((line) => line.startsWith("write"));
      assert.deepEqual(log.slice(made.length), undosOf(made), `${calls} calls before`);
    }
  },

  "an undo may use registered tools itself, inside a node as well": async (db) => {
    for (const inside of [false, true]) {
      const id = String(inside);
      const log: string[] = [];
      const registry = new RollbackToolRegistry();
      const erase = tool(({ name }) => void log.push(`erase ${name}`), {
        ...{ name: "erase", description: "erases", schema: Named },
      });
      const draw = tool(({ name }) => void log.push(`draw ${name}`), {
        ...{ name: "draw", description: "draws", schema: Named },
      });
      registry.register(draw, async ({ args }) => void (await erase.invoke(args as never)));
      registry.register(erase, draw);
      const persistence = new Persistence(db.storage, { rollbackToolRegistry: registry });
      const graph = new StateGraph(Talk)
        .addNode("draw", async () => {
          await draw.invoke({ name: "a" });
          return { turn: 1 };
        })
        .addNode("back", async ({ turn }, given) => {
          if (!inside || log.length > 1) return {};
          const [start] = await checkpoints(persistence, undefined, id);
          await persistence.rollbackToCheckpoint(given, start?.checkpointId as string);
          return { turn };
        })
        .addEdge(START, "draw")
        .addEdge("draw", "back")
        .compile({ checkpointer: persistence.checkpointer });
      await persistence.run(graph, { messages: [] }, threadConfig(id));
      if (!inside) {
        const [start] = await checkpoints(persistence, undefined, id);
        await persistence.rollbackToCheckpoint(id, start?.checkpointId as string);
      }
      const again = inside ? ["draw a"] : [];
      assert.deepEqual(log, ["draw a", "erase a", ...again], id);
    }
  },
};
