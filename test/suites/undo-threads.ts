import assert from "node:assert/strict";
import { AIMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import {
  MemorySaver,
  MemoryStorage,
  Persistence,
  RollbackToolRegistry,
  type Storage,
} from "@threadkeep/core";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import {
  after,
  checkpoints,
  gate,
  journal,
  linesOf,
  Named,
  nameOf,
  Process,
  Talk,
  toStart,
  undosOf,
  World,
} from "./undo-world.js";

const config = threadConfig("t");

export const undoThreadChecks: Checks = {
  "run again after a rollback, calls of the same ids are new ones, and undone by the next": async (
    db,
  ) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const script = [["write a"], ["pay b"], ["write c"]];
    await persistence.run(process.agent(script), { messages: [] }, config);
    const target = await after(persistence, "agent");
    const lines = world.take();
    for (let round = 1; round <= 4; round += 1) {
      const { undone } = await persistence.rollbackToCheckpoint("t", target);
      assert.deepEqual(world.take(), undosOf(lines));
      assert.ok(undone.every(({ attempt }) => attempt === round));
      const fresh = new Process(await db.connect(), world);
      await fresh.persistence.run(fresh.agent(script), null, config);
      assert.deepEqual(world.take(), lines);
    }
    const calls = await persistence.toolCalls("t");
    assert.equal(calls.length, 5 * 3);
    assert.equal(calls.filter(({ undo }) => undo === "none").length, 3);
  },

  "rolled back to an abandoned branch, the calls of the living one are undone": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const graph = process.agent([["write a"], ["write b"], ["write c"]]);
    await persistence.run(graph, { messages: [] }, config);
    assert.deepEqual(world.take(), ["write a", "write b", "write c"]);
    const abandoned = await after(persistence, "tools", 1);
    await persistence.rollbackToCheckpoint("t", await after(persistence, "tools", 0));
    assert.deepEqual(world.take(), undosOf(["write b", "write c"]));
    const other = process.agent([[], ["pay x"], ["pay y"]]);
    await persistence.run(other, null, config);
    assert.deepEqual(world.take(), ["pay x", "pay y"]);
    const { undone, checkpoint } = await persistence.rollbackToCheckpoint("t", abandoned);
    assert.deepEqual(linesOf(undone), ["pay y", "pay x"]);
    assert.deepEqual(world.take(), undosOf(["pay x", "pay y"]));
    assert.deepEqual(
      checkpoint.messageHistory.map(({ id }) => id).filter((id) => id?.startsWith("ai")),
      ["ai 0", "ai 1"],
    );
  },

  "messageHistoryOnly: the calls are undone too, and the run begins at the first node": async (
    db,
  ) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const script = [["write a"], ["write b"]];
    await persistence.run(process.agent(script), { messages: [] }, config);
    world.take();
    const strategy = "messageHistoryOnly";
    await persistence.rollbackToCheckpoint("t", await after(persistence, "tools"), { strategy });
    assert.deepEqual(world.take(), undosOf(["write b"]));
    const graph = process.agent(script);
    const { values, next } = await graph.getState(config);
    assert.deepEqual([next, values.turn, values.messages.length], [[], undefined, 2]);
    const third = process.agent([[], [], ["pay n"]]);
    const end = await persistence.run(third, { messages: [], turn: 2 }, config);
    assert.deepEqual(world.take(), ["pay n"]);
    assert.deepEqual([end.turn, end.messages.length], [4, 5]);
  },

  "outside any thread a registered tool is simply called": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    assert.equal(await process.write.invoke({ name: "a" }), "write a is done");
    const graph = new StateGraph(Talk)
      .addNode("node", async () => ({ messages: [await process.pay.invoke({ name: "b" })] }))
      .addEdge(START, "node")
      .compile();
    await graph.invoke({ messages: [] });
    assert.deepEqual(world.take(), ["write a", "pay b"]);
    assert.deepEqual(await db.storage.list({ limit: 10 }), []);
    assert.deepEqual(await journal(process.persistence), []);
  },

  "the same tool call ids on two threads at once never mix": async (db) => {
    const worlds = new Map<string, string[]>();
    const threads = ["one", "two", "three"];
    const note = (given: RunnableConfig | undefined, line: string) => {
      const thread = String(given?.configurable?.thread_id);
      worlds.set(thread, [...(worlds.get(thread) ?? []), line]);
      return line;
    };
    const say = tool(({ name }, given) => note(given, name), {
      ...{ name: "say", description: "says", schema: Named },
    }) as unknown as StructuredToolInterface;
    const undone: string[] = [];
    const registry = new RollbackToolRegistry();
    registry.register(say, ({ result }) => undone.push((result as { content: string }).content));
    const persistence = new Persistence(db.storage, { rollbackToolRegistry: registry });
    const graph = new StateGraph(Talk)
      .addNode("agent", (_state, { configurable }) => {
        const call = (n: number) => ({
          ...{ id: `c${n}`, name: "say", args: { name: `${configurable?.thread_id} ${n}` } },
        });
        return { messages: [new AIMessage({ content: "", tool_calls: [1, 2].map(call) })] };
      })
      .addNode("tools", new ToolNode([say]))
      .addEdge(START, "agent")
      .addEdge("agent", "tools")
      .compile({ checkpointer: persistence.checkpointer });
    await Promise.all(
      threads.map((thread) => persistence.run(graph, { messages: [] }, threadConfig(thread))),
    );
    for (const thread of threads) {
      const own = [...(worlds.get(thread) as string[])].sort();
      assert.deepEqual(own, [`${thread} 1`, `${thread} 2`]);
      await toStart(persistence, thread);
      assert.deepEqual(undone.splice(0).sort(), own);
    }
  },

  "deleteThread removes the journal, copyThread does not copy it": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    await persistence.run(process.agent([["write a"]]), { messages: [] }, config);
    await persistence.checkpointer.copyThread("t", "copy");
    assert.equal((await checkpoints(persistence, undefined, "copy")).length, 5);
    assert.deepEqual(await journal(persistence, "copy"), []);
    assert.equal((await toStart(persistence, "copy")).undone.length, 0);
    await persistence.checkpointer.deleteThread("t");
    assert.deepEqual(await journal(persistence), []);
    assert.deepEqual(await db.storage.toolEvents("t"), []);
    assert.deepEqual(world.take(), ["write a"]);
    await persistence.run(process.agent([["write a"]]), { messages: [] }, config);
    assert.deepEqual(await journal(persistence), ["write a 1 done none"]);
  },

  "a tool that two registries share is journalled where its run keeps its state": async (db) => {
    const made: string[] = [];
    const share = tool(({ name }) => void made.push(name), {
      ...{ name: "share", description: "shares", schema: Named },
    });
    const undone: string[] = [];
    const open = (storage: Storage, who: string) => {
      const registry = new RollbackToolRegistry();
      registry.register(share, (call) => undone.push(`${who} ${nameOf(call)}`));
      return new Persistence(storage, { rollbackToolRegistry: registry });
    };
    const one = open(db.storage, "one");
    const two = open(new MemoryStorage(), "two");
    const build = (checkpointer: BaseCheckpointSaver, name: string) =>
      new StateGraph(Talk)
        .addNode("node", async () => {
          await share.invoke({ name });
          return { turn: 1 };
        })
        .addEdge(START, "node")
        .compile({ checkpointer });
    await build(one.checkpointer, "a").invoke({ messages: [] }, config);
    await build(two.checkpointer, "b").invoke({ messages: [] }, config);
    await build(new MemorySaver(), "c").invoke({ messages: [] }, config);
    assert.deepEqual(made, ["a", "b", "c"]);
    assert.deepEqual(await journal(one), ["share a 1 done none"]);
    assert.deepEqual(await journal(two), ["share b 1 done none"]);
    await toStart(one);
    assert.deepEqual(undone, ["one a"]);
    await toStart(two);
    assert.deepEqual(undone, ["one a", "two b"]);
  },

  "the order does not depend on the clocks of processes": async (db) => {
    const world = new World();
    const died = gate();
    const ahead = new Process(
      db.storage,
      world,
      {
        call: (name) => {
          if (name !== "late") return undefined;
          died.open();
          return new Promise(() => {});
        },
      },
      () => Date.now() + 3_600_000,
    );
    const work = (process: Process, names: readonly string[]) =>
      process.node(async () => {
        for (const name of names) await process.write.invoke({ name });
      });
    void ahead.persistence
      .run(work(ahead, ["a", "late"]), { messages: [] }, config)
      .catch(() => {});
    await died.opened;
    const other = new Process(await db.connect(), world);
    await other.persistence.run(work(other, ["b", "c"]), null, config);
    assert.deepEqual(world.take(), ["write a", "write b", "write c"]);
    await toStart(other.persistence);
    assert.deepEqual(world.take(), [
      ...undosOf(["write b", "write c"]),
      "undo write late: nothing",
      ...undosOf(["write a"]),
    ]);
  },
};
