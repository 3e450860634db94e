import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";
import type { Graph } from "@threadkeep/core";
import { createAgent } from "langchain";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { after, asking, checkpoints, journalled, Process, undosOf, World } from "./undo-world.js";

const config = threadConfig("t");
const SCRIPT = [["write a", "pay b"], ["write c"]];

/** Asks for two tools at once, then for one, then it is done. */
function agentOf({ tools, persistence }: Process) {
  const model = fakeModel();
  for (let round = 0; round < 2; round += 1) {
    model
      .respondWithTools([
        { name: "write", args: { name: "a" }, id: "1" },
        { name: "pay", args: { name: "b" }, id: "2" },
      ])
      .respondWithTools([{ name: "write", args: { name: "c" }, id: "3" }])
      .respond(asking(`end ${round}`, []));
  }
  const checkpointer = persistence.checkpointer as never;
  return createAgent({ model: model as never, tools, checkpointer });
}

export const undoAgentChecks: Checks = {
  "createAgent: its calls are undone, and it goes on from the checkpoint": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const agent = agentOf(process);
    const messages = [new HumanMessage("go")];
    await agent.invoke({ messages }, config);
    const done = await journalled(persistence, SCRIPT);
    assert.deepEqual(world.take().sort(), [...done].sort());
    const [start] = await checkpoints(persistence);
    await persistence.rollbackToCheckpoint("t", start?.checkpointId as string);
    assert.deepEqual(world.take(), undosOf(done));
    const again = await agent.invoke(null as never, config);
    const redone = (await journalled(persistence, [...SCRIPT, ...SCRIPT])).slice(3);
    assert.deepEqual(world.take().sort(), [...redone].sort());
    assert.equal(again.messages.length, 7);
    await persistence.rollbackToCheckpoint("t", await after(persistence, "model_request", 0));
    assert.deepEqual(world.take(), undosOf(redone));
  },

  "createAgent through persistence.run, with the agent as the graph": async (db) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    const agent = agentOf(process) as unknown as Graph;
    await persistence.run(agent, { messages: [new HumanMessage("go")] }, config);
    const done = await journalled(persistence, SCRIPT);
    assert.deepEqual(world.take().sort(), [...done].sort());
    const asked = await after(persistence, "model_request", 0);
    await persistence.rollbackToCheckpoint("t", asked, { graph: agent });
    assert.deepEqual(world.take(), undosOf(done));
    const again = await persistence.run(agent, null, config);
    // The calls that were asked for are made again, then the model is asked on.
    const redone = (await journalled(persistence, [...SCRIPT, SCRIPT[0]!, ...SCRIPT])).slice(3);
    assert.deepEqual(world.take().sort(), [...redone].sort());
    assert.equal((again as { messages: unknown[] }).messages.length, 1 + 3 + 3 + 2 + 1);
  },
};
