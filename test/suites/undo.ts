import assert from "node:assert/strict";
import { HumanMessage, RemoveMessage, ToolMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { REMOVE_ALL_MESSAGES, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { Persistence, RollbackToolRegistry, type ToolCall } from "@threadkeep/core";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { session } from "../src/snapshot.js";
import {
  after,
  asking,
  checkpoints,
  journal,
  journalled,
  linesOf,
  Named,
  Process,
  Talk,
  undosOf,
  World,
} from "./undo-world.js";

const SCRIPT = [["write a", "pay b"], ["write c"], ["pay d", "write e", "pay f"]];
const config = threadConfig("t");

/** The outcome of a call as the model's tool message has it. */
function described(result: unknown) {
  return result instanceof ToolMessage
    ? { content: result.content, artifact: result.artifact, id: result.tool_call_id }
    : result;
}

export const undoChecks: Checks = {
  "calls are undone last first, with their arguments and results, in every durability": async (
    db,
  ) => {
    for (const durability of DURABILITIES) {
      const world = new World();
      const process = new Process(db.storage, world);
      const { persistence } = process;
      const graph = process.agent(SCRIPT);
      const place = threadConfig(durability);
      await graph.updateState(place, { messages: [new HumanMessage("before")] });
      const start = await persistence.createCheckpoint(place, { checkpointId: "start" });
      await graph.invoke({ messages: [new HumanMessage("go")] }, { ...place, durability });
      const done = await journalled(persistence, SCRIPT, durability);
      assert.deepEqual(world.take().sort(), [...done].sort());
      const { undone, checkpoint } = await persistence.rollbackToCheckpoint(durability, "start");
      assert.deepEqual(world.take(), undosOf(done), durability);
      assert.deepEqual(linesOf(undone), [...done].reverse());
      assert.ok(undone.every((call) => call.undo === "undone" && call.status === "done"));
      assert.deepEqual(checkpoint.messageHistory, start.messageHistory);
      const again = await persistence.rollbackToCheckpoint(durability, "start");
      assert.deepEqual([again.undone, world.take()], [[], []], "nothing is undone twice");
    }
  },

  "parallel calls that end in another order are undone in the order of their beginnings": async (
    db,
  ) => {
    const world = new World();
    const others = new Map([
      ["a", "pay b"],
      ["b", "write c"],
    ]);
    const process = new Process(db.storage, world, {
      call: (name) => others.has(name) && world.when(others.get(name) as string),
    });
    const { persistence } = process;
    const script = [["write a", "pay b", "write c"]];
    await persistence.run(process.agent(script), { messages: [] }, config);
    assert.deepEqual(world.take(), ["write c", "pay b", "write a"], "they ended in another order");
    const begun = await journalled(persistence, script);
    await persistence.rollbackToCheckpoint("t", await after(persistence, "agent"));
    assert.deepEqual(world.take(), undosOf(begun));
  },

  "the intent stands in the storage before the tool runs, the result before its node ends": async (
    db,
  ) => {
    const world = new World();
    const seen: unknown[] = [];
    const look = async (id: string) =>
      (await db.storage.toolEvents("t", id)).map(({ event, tool }) => `${tool} ${event}`).sort();
    const process = new Process(db.storage, world, {
      call: async (name) => seen.push(await look(`call ${name}`)),
    });
    const { persistence } = process;
    const call = asking("ai", ["write a"]).tool_calls?.[0];
    const graph = process.node(async () => {
      seen.push(await look("call a"));
      await process.write.invoke({ ...call, type: "tool_call" } as never);
      seen.push(await look("call a"));
    });
    await persistence.run(graph, { messages: [] }, config);
    assert.deepEqual(seen, [[], ["write started"], ["write done", "write started"]]);
  },

  "a dry run tells for every checkpoint which calls came after it, and changes nothing": async (
    db,
  ) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const known: { id: string; done: number }[] = [];
    const graph = new StateGraph(Talk)
      .addNode("work", async ({ turn = 0 }, given) => {
        const before = world.log.length;
        for (const line of SCRIPT[turn] ?? []) {
          const [toolName, name] = line.split(" ");
          await (toolName === "write" ? process.write : process.pay).invoke({ name });
        }
        const made = await persistence.createCheckpoint(given, { label: `after ${turn}` });
        // The node that made it runs again.
        known.push({ id: made.checkpointId, done: before });
        return { turn: turn + 1 };
      })
      .addNode("idle", () => ({}))
      .addEdge(START, "work")
      .addEdge("work", "idle")
      .addConditionalEdges("idle", ({ turn }) => (turn < SCRIPT.length ? "work" : "__end__"))
      .compile({ checkpointer: persistence.checkpointer });
    await persistence.run(graph, { messages: [], turn: 0 }, config);
    for (const [nodePath, shift] of [
      ["work", 0],
      ["idle", 0],
    ] as const) {
      const made = (await checkpoints(persistence, nodePath)).filter((one) => !one.label);
      assert.equal(made.length, SCRIPT.length + shift);
      for (const [i, { checkpointId }] of made.entries()) {
        known.push({ id: checkpointId, done: SCRIPT.slice(0, i + 1).flat().length });
      }
    }
    const done = world.take();
    const before = await session(db.storage, "t");
    for (const { id, done: count } of known) {
      const dry = await persistence.rollbackToCheckpoint("t", id, { dryRun: true });
      assert.deepEqual(linesOf(dry.undone), done.slice(count).reverse());
      assert.deepEqual([dry.dryRun, dry.checkpoint.checkpointId], [true, id]);
    }
    assert.deepEqual(await session(db.storage, "t"), before);
    assert.deepEqual(world.take(), []);
    const middle = known[1] as (typeof known)[0];
    await persistence.rollbackToCheckpoint("t", middle.id);
    assert.deepEqual(world.take(), undosOf(done.slice(middle.done)), "earlier calls stay");
  },

  "createCheckpoint between two calls of one node: both are undone, since the node runs again":
    async (db) => {
      const world = new World();
      const process = new Process(db.storage, world);
      const { persistence } = process;
      const graph = new StateGraph(Talk)
        .addNode("before", async () => {
          await process.pay.invoke({ name: "before" });
          return {};
        })
        .addNode("node", async ({ turn = 0 }, given) => {
          await process.write.invoke({ name: "a" }, given);
          if (turn === 0) await persistence.createCheckpoint(given, { checkpointId: "between" });
          await process.pay.invoke({ name: "b" }, given);
          return { turn: turn + 1 };
        })
        .addEdge(START, "before")
        .addEdge("before", "node")
        .compile({ checkpointer: persistence.checkpointer });
      for (const durability of ["sync", "async"] as const) {
        const place = { ...threadConfig(durability), durability };
        await graph.invoke({ messages: [] }, place);
        assert.deepEqual(world.take(), ["pay before", "write a", "pay b"]);
        await persistence.rollbackToCheckpoint(durability, "between");
        assert.deepEqual(world.take(), undosOf(["write a", "pay b"]), durability);
        await graph.invoke(null, place);
        assert.deepEqual(world.take(), ["write a", "pay b"], "each stands once in the world");
      }
    },

  "histories that were summarised or emptied do not matter, nor restarts": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const graph = new StateGraph(Talk)
      .addNode("agent", ({ turn = 0 }) => ({
        turn: turn + 1,
        messages: [asking(`ai ${turn}`, SCRIPT[turn] ?? [])],
      }))
      .addNode("tools", new ToolNode(process.tools))
      .addNode("summarise", ({ turn }) => ({
        messages: [
          new RemoveMessage({ id: REMOVE_ALL_MESSAGES }),
          ...(turn === 1 ? [] : [new HumanMessage(`summary of ${turn}`)]),
        ],
      }))
      .addEdge(START, "agent")
      .addEdge("agent", "tools")
      .addEdge("tools", "summarise")
      .addConditionalEdges("summarise", ({ turn }) => (turn < SCRIPT.length ? "agent" : "__end__"))
      .compile({ checkpointer: process.persistence.checkpointer });
    await process.persistence.run(graph, { messages: [new HumanMessage("go")] }, config);
    const done = await journalled(process.persistence, SCRIPT);
    assert.deepEqual(world.take().sort(), [...done].sort());
    assert.equal((await graph.getState(config)).values.messages.length, 1);
    const other = new Process(await db.connect(), world);
    const target = await after(other.persistence, "agent");
    const { checkpoint } = await other.persistence.rollbackToCheckpoint("t", target);
    assert.deepEqual(world.take(), undosOf(done));
    assert.equal(checkpoint.messageHistory.length, 2);
    assert.deepEqual(
      (await journal(process.persistence)).map((line) => line.split(" ").at(-1)),
      done.map(() => "undone"),
    );
  },

  "an undo that is a tool finds the call, and its result as the tool returned it": async (db) => {
    const seen: [unknown, unknown][] = [];
    const rent = tool(({ name }) => [`rented ${name}`, { key: name, at: new Date(7) }], {
      ...{ name: "rent", description: "rents", schema: Named },
      responseFormat: "content_and_artifact",
    }) as unknown as StructuredToolInterface;
    const giveBack = tool(
      (args, given) => {
        seen.push([args, (given as RunnableConfig).configurable?.undo]);
        return "given back";
      },
      { name: "give_back", description: "gives back", schema: Named },
    );
    const registry = new RollbackToolRegistry();
    registry.register(rent, giveBack as never);
    const persistence = new Persistence(db.storage, { rollbackToolRegistry: registry });
    const graph = new StateGraph(Talk)
      .addNode("plain", async () => {
        assert.equal(await rent.invoke({ name: "raw" }), "rented raw");
        return { messages: [asking("ai", ["rent x"])] };
      })
      .addNode("tools", new ToolNode([rent]))
      .addEdge(START, "plain")
      .addEdge("plain", "tools")
      .compile({ checkpointer: persistence.checkpointer });
    await persistence.run(graph, { messages: [] }, config);
    const [start] = await checkpoints(persistence);
    await persistence.rollbackToCheckpoint("t", start?.checkpointId as string);
    assert.deepEqual(
      seen.map(([args, call]) => {
        const { tool: toolName, args: own, result, attempt, status } = call as ToolCall;
        return { args, toolName, own, result: described(result), attempt, status };
      }),
      [
        {
          ...{ args: { name: "x" }, toolName: "rent", own: { name: "x" } },
          result: { content: "rented x", artifact: { key: "x", at: new Date(7) }, id: "call x" },
          ...{ attempt: 1, status: "done" },
        },
        {
          ...{ args: { name: "raw" }, toolName: "rent", own: { name: "raw" } },
          ...{ result: "rented raw", attempt: 1, status: "done" },
        },
      ],
    );
  },

  "nodes that call tools with a config and without one": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const graph = new StateGraph(Talk)
      .addNode("node", async (_state, given) => {
        await process.write.invoke({ name: "with" }, given);
        await process.pay.invoke({ name: "without" });
        await process.write.invoke({ name: "signal" }, { signal: new AbortController().signal });
        const call = { type: "tool_call", name: "pay", id: "4", args: { name: "call" } };
        await process.pay.invoke(call as never);
        return { turn: 1 };
      })
      .addEdge(START, "node")
      .compile({ checkpointer: persistence.checkpointer });
    await persistence.run(graph, { messages: [] }, config);
    const done = world.take();
    assert.deepEqual(done, ["write with", "pay without", "write signal", "pay call"]);
    assert.deepEqual(linesOf(await persistence.toolCalls("t")), done);
    await persistence.rollbackToCheckpoint("t", (await checkpoints(persistence))[0]!.checkpointId);
    assert.deepEqual(world.take(), undosOf(done));
  },
};
