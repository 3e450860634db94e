import assert from "node:assert/strict";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { Command, interrupt, Send, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { Persistence, RollbackToolRegistry, type ToolCall } from "@threadkeep/core";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";
import { upTo } from "./rollback-world.js";
import {
  after,
  asking,
  gate,
  journal,
  Named,
  nameOf,
  Process,
  Talk,
  toStart,
  undosOf,
  World,
} from "./undo-world.js";

const config = threadConfig("t");

export const undoCallChecks: Checks = {
  "a call that threw is undone where its tool says so, and not otherwise": async (db) => {
    for (const undoFailedCalls of [undefined, false, true]) {
      const session = String(undoFailedCalls);
      const undone: ToolCall[] = [];
      const fails = tool(
        ({ name }) => {
          throw new Error(`no ${name}`);
        },
        { name: "fails", description: "fails", schema: Named },
      ) as unknown as StructuredToolInterface;
      const registry = new RollbackToolRegistry();
      const options = undoFailedCalls === undefined ? {} : { undoFailedCalls };
      registry.register(fails, (call) => undone.push(call), options);
      const persistence = new Persistence(db.storage, { rollbackToolRegistry: registry });
      const graph = new StateGraph(Talk)
        .addNode("agent", () => ({ messages: [asking("ai", ["fails a"])] }))
        .addNode("tools", new ToolNode([fails]))
        .addEdge(START, "agent")
        .addEdge("agent", "tools")
        .compile({ checkpointer: persistence.checkpointer });
      const state = await persistence.run(graph, { messages: [] }, threadConfig(session));
      assert.match(String(state.messages.at(-1)?.content), /no a/);
      assert.deepEqual(await journal(persistence, session), ["fails a 1 failed none"]);
      const [call] = await persistence.toolCalls(session);
      assert.match(String(call?.error), /no a/);
      const report = await toStart(persistence, session);
      assert.equal(report.undone.length, undoFailedCalls ? 1 : 0);
      assert.deepEqual(undone.map(nameOf), undoFailedCalls ? ["a"] : []);
      assert.equal(undone[0]?.result, undefined);
    }
  },

  "a call that asked a human, and was made again with the answer, counts once": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world, {
      call: (name) => assert.equal(interrupt(`may I ${name}?`), "yes"),
    });
    const { persistence } = process;
    const graph = process.agent([["write a"]]);
    await persistence.run(graph, { messages: [] }, config);
    assert.deepEqual(world.take(), []);
    assert.deepEqual(await journal(persistence), ["write a 1 interrupted none"]);
    const target = await after(persistence, "agent");
    const dry = await persistence.rollbackToCheckpoint("t", target, { dryRun: true });
    assert.deepEqual(dry.undone, []);
    await persistence.run(graph, new Command({ resume: "yes" }), config);
    assert.deepEqual(world.take(), ["write a"]);
    assert.deepEqual(await journal(persistence), [
      "write a 1 interrupted none",
      "write a 2 done none",
    ]);
    await persistence.rollbackToCheckpoint("t", target);
    assert.deepEqual(world.take(), undosOf(["write a"]));
    assert.deepEqual(
      (await persistence.getLatestCheckpoint("t"))?.config,
      (await graph.getState(config)).config,
    );
    const asked = await graph.invoke(null, config);
    assert.deepEqual(
      (asked as unknown as { __interrupt__: { value: string }[] }).__interrupt__.map(
        ({ value }) => value,
      ),
      ["may I a?"],
    );
  },

  "a call that never ended is undone, without a result": async (db) => {
    const world = new World();
    const begun = gate();
    const hangs = new Process(db.storage, world, {
      call: (name) => {
        if (name !== "b") return undefined;
        world.log.push("write b");
        begun.open();
        return new Promise(() => {});
      },
    });
    void hangs.persistence
      .run(hangs.agent([["write a"], ["write b"]]), { messages: [] }, config)
      .catch(() => {});
    await begun.opened;
    const other = new Process(await db.connect(), world);
    assert.deepEqual(await journal(other.persistence), [
      "write a 1 done none",
      "write b 1 started none",
    ]);
    assert.deepEqual(world.take(), ["write a", "write b"]);
    await toStart(other.persistence);
    assert.deepEqual(world.take(), ["undo write b: nothing", ...undosOf(["write a"])]);
  },

  "arguments that cannot be stored refuse the call before it is made": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const graph = process.node(async () => {
      await process.write.invoke({ name: "a", extra: () => 1 } as never);
    });
    const run = () => process.persistence.run(graph, { messages: [] }, config);
    await assertRefused(run, "NOT_SERIALIZABLE", "callTool", /extra/);
    assert.deepEqual(world.take(), []);
    assert.deepEqual(await journal(process.persistence), []);
  },

  "a result that cannot be stored does not fail the run; its call is undone without it": async (
    db,
  ) => {
    const undone: ToolCall[] = [];
    const odd = tool(() => (() => 1) as never, {
      ...{ name: "odd", description: "odd", schema: Named },
    }) as unknown as StructuredToolInterface;
    const registry = new RollbackToolRegistry();
    registry.register(odd, (call) => undone.push(call));
    const persistence = new Persistence(db.storage, { rollbackToolRegistry: registry });
    const graph = new StateGraph(Talk)
      .addNode("node", async () => {
        assert.equal(typeof (await odd.invoke({ name: "a" })), "function");
        return { turn: 1 };
      })
      .addEdge(START, "node")
      .compile({ checkpointer: persistence.checkpointer });
    assert.equal((await persistence.run(graph, { messages: [] }, config)).turn, 1);
    assert.deepEqual(await journal(persistence), ["odd a 1 done none"]);
    await toStart(persistence);
    assert.deepEqual(
      undone.map((call) => [nameOf(call), call.result]),
      [["a", undefined]],
    );
  },

  "calls of one id at once are calls of their own, and all are undone": async (db) => {
    const world = new World();
    const all = gate();
    let count = 0;
    const process = new Process(db.storage, world, {
      call: async () => {
        count += 1;
        if (count === 8) all.open();
        await all.opened;
      },
    });
    const { persistence } = process;
    const graph = new StateGraph(Talk)
      .addNode("branch", async ({ turn }) => {
        const call = { id: "same", name: "write", args: { name: String(turn) } };
        await process.write.invoke({ ...call, type: "tool_call" } as never);
        return {};
      })
      .addConditionalEdges(START, () => upTo(8).map((turn) => new Send("branch", { turn })))
      .compile({ checkpointer: persistence.checkpointer });
    await persistence.run(graph, { messages: [] }, config);
    const done = world.take();
    assert.deepEqual(
      [...done].sort(),
      upTo(8).map((n) => `write ${n}`),
    );
    await toStart(persistence);
    assert.deepEqual(world.take().sort(), undosOf(done).sort());
  },
};
