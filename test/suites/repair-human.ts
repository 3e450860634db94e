import assert from "node:assert/strict";
import { AIMessage } from "@langchain/core/messages";
import {
  Command,
  END,
  interrupt,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import type { Storage, StorageSaver } from "@threadkeep/core";
import type { Batch } from "@threadkeep/core/backend";
import { type AgentMiddleware, humanInTheLoopMiddleware } from "langchain";
import { answers, asks } from "../src/conversations.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { everything } from "../src/snapshot.js";
import { type Agent, AT, agentOf, asGraph, dying, human, lines, stateOf } from "./repair-world.js";

const hitl = (): AgentMiddleware[] => {
  const work = { allowedDecisions: ["approve" as const, "reject" as const] };
  // LangChain infers `never` for its options beside this version of zod.
  return [humanInTheLoopMiddleware({ interruptOn: { work } } as never)];
};
const approve = (count = 1) =>
  new Command({
    resume: { decisions: Array.from({ length: count }, () => ({ type: "approve" })) },
  });

/** Whatever is asked of it, the thread stays as it is. */
async function assertLeftAlone(db: Database, calls: string[], options = {}, id = "t") {
  const before = await everything(db.storage);
  const toolCalls = calls.map((call) => ({ id: call, name: "work" }));
  const report = { repaired: false, reason: "interrupted", toolCalls };
  for (const dryRun of [true, false]) {
    assertSame(await started(db.storage).repair(id, { dryRun, ...options }), report);
    assertSame(await everything(db.storage), before);
  }
}

const last = async (agent: Agent) => (await stateOf(agent)).lines.at(-1);

/** A graph that asks for two calls and makes each in a task of its own. */
function tasks(checkpointer: StorageSaver, work: (id: string) => unknown, stops: object = {}) {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", ({ messages }) => {
      const isAsked = messages.at(-1)?.getType() === "human";
      return { messages: [isAsked ? asks("a", "b") : new AIMessage("done")] };
    })
    .addNode("work", async (state) => {
      const { id } = state as unknown as { id: string };
      return { messages: [answers(id, String((await work(id)) ?? `result of ${id}`))] };
    })
    .addEdge(START, "model")
    .addConditionalEdges("model", ({ messages }) =>
      messages.at(-1)?.content === "done" ? END : ["a", "b"].map((id) => new Send("work", { id })),
    )
    .addEdge("work", "model")
    .compile({ checkpointer, ...stops });
}

export const repairHumanChecks: Checks = {
  "a question to a human is left alone, and can be answered": async (db) => {
    const agent = agentOf(started(db.storage), undefined, hitl());
    await agent.invoke(human("call one two"), AT);
    await assertLeftAlone(db, ["one 1", "two 1"]);
    const later = agentOf(started(db.storage), undefined, hitl());
    const { messages } = await later.invoke(approve(2), AT);
    assertSame(lines(messages).slice(2), [
      ...["tool: worked on one", "tool: worked on two", "ai: heard worked on two"],
    ]);
  },

  "a question that a tool asks, beside another tool that is done": async (db) => {
    const work = (id: string) => (id === "b" ? interrupt("may I?") : undefined);
    const persistence = started(db.storage);
    const graph = tasks(persistence.checkpointer, work);
    await graph.invoke(human("go"), AT);
    const report = await persistence.repair("t");
    assertSame([report.repaired, report.reason], [false, "interrupted"]);
    const { messages } = await graph.invoke(new Command({ resume: "you may" }), AT);
    assertSame(lines(messages).slice(2), ["tool: result of a", "tool: you may", "ai: done"]);
  },

  "a question beside a tool that broke: the question stays": async (db) => {
    const persistence = started(db.storage);
    let isBroken = true;
    const graph = tasks(persistence.checkpointer, (id) => {
      if (id === "a") return interrupt("may I?");
      if (isBroken) throw new TypeError("it broke");
      return undefined;
    });
    await assert.rejects(async () => {
      await graph.invoke(human("go"), AT);
      await graph.invoke(null, AT);
    }, /broke/);
    const hasQuestion = (await graph.getState(AT)).tasks.some((one) => one.interrupts.length > 0);
    assert.ok(hasQuestion, "the question is stored");
    assert.equal((await persistence.repair("t")).reason, "interrupted");
    isBroken = false;
    const { messages } = await graph.invoke(new Command({ resume: "you may" }), AT);
    assertSame(lines(messages).slice(2), ["tool: you may", "tool: result of b", "ai: done"]);
  },

  "an answer of a human is kept where the run was cut off after it": async (db) => {
    const persistence = started(db.storage);
    let isBroken = true;
    const graph = tasks(persistence.checkpointer, (id) => {
      if (id === "b") return undefined;
      const answer = interrupt("may I?");
      if (isBroken) throw new TypeError("it broke");
      return answer;
    });
    await graph.invoke(human("go"), AT);
    await assert.rejects(graph.invoke(new Command({ resume: "you may" }), AT), /broke/);
    assert.equal((await persistence.repair("t")).reason, "interrupted");
    isBroken = false;
    const { messages } = await graph.invoke(null, AT);
    assertSame(lines(messages).slice(2), ["tool: you may", "tool: result of b", "ai: done"]);
  },

  "a question in a subgraph, whether or not the graph around has heard of it": async (db) => {
    const build = (storage: Storage) => {
      const inner = new StateGraph(MessagesAnnotation)
        .addNode("ask", () => ({ messages: [answers("a", String(interrupt("may I?")))] }))
        .addEdge(START, "ask")
        .compile();
      return new StateGraph(MessagesAnnotation)
        .addNode("model", () => ({ messages: [asks("a")] }))
        .addNode("inner", inner)
        .addEdge(START, "model")
        .addEdge("model", "inner")
        .compile({ checkpointer: started(storage).checkpointer });
    };
    for (const [id, storage] of [
      ["heard", db.storage],
      ["unheard", deafOutside(db.storage)],
    ] as const) {
      await build(storage).invoke(human("go"), threadConfig(id));
      assert.equal((await started(db.storage).repair(id)).reason, "interrupted", id);
    }
    const answer = new Command({ resume: "you may" });
    const { messages } = await build(db.storage).invoke(answer as never, threadConfig("heard"));
    assertSame(lines(messages).slice(2), ["tool: you may"]);
  },

  "a question that is asked while a repair looks: it looks again": async (db) => {
    const agent = agentOf(started(db.storage), dying);
    await assert.rejects(agent.invoke(human("call bad"), AT), /broke/);
    const head = await db.saver().getTuple(AT);
    const asking = db.saver();
    let isAsked = false;
    const storage = beforeCommits(db.storage, async () => {
      if (isAsked) return;
      isAsked = true;
      await asking.putWrites(head!.config, [["__interrupt__", [{ value: "may I?" }]]], "task");
    });
    const report = await started(storage).repair("t");
    assertSame([isAsked, report.repaired, report.reason], [true, false, "interrupted"]);
  },

  "a stop before or after a node is left alone where the graph says so": async (db) => {
    for (const stops of [
      { interruptBefore: ["work"] },
      { interruptAfter: ["model"] },
      { interruptBefore: "*" },
      { interruptAfter: "*" },
    ]) {
      const config = threadConfig(JSON.stringify(stops));
      const id = config.configurable.thread_id;
      const persistence = started(db.storage);
      const graph = tasks(persistence.checkpointer, () => undefined, stops);
      await graph.invoke(human("go"), config);
      while ((await graph.getState(config)).next[0] !== "work") await graph.invoke(null, config);
      const before = await everything(db.storage);
      assert.equal((await persistence.repair(id, { graph })).reason, "interrupted", id);
      assertSame(await everything(db.storage), before);
      await graph.invoke(null, config);
      const { values } = await graph.getState(config);
      assertSame(lines(values.messages).slice(2, 4), ["tool: result of a", "tool: result of b"]);
      // Another graph has no such stop: the run was cut off.
      const other = threadConfig(`${id} other`);
      await graph.invoke(human("go"), other);
      while ((await graph.getState(other)).next[0] !== "work") await graph.invoke(null, other);
      const plain = tasks(persistence.checkpointer, () => undefined);
      const report = await persistence.repair(other.configurable.thread_id, { graph: plain });
      assert.ok(report.repaired, id);
    }
  },

  "a stop inside a subgraph is left alone: its node's run tells of it": async (db) => {
    const persistence = started(db.storage);
    const inner = new StateGraph(MessagesAnnotation)
      .addNode("answer", () => ({ messages: [answers("a")] }))
      .addEdge(START, "answer")
      .compile({ interruptBefore: ["answer"] });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", () => ({ messages: [asks("a")] }))
      .addNode("inner", inner)
      .addEdge(START, "model")
      .addEdge("model", "inner")
      .compile({ checkpointer: persistence.checkpointer });
    await graph.invoke(human("go"), AT);
    assert.equal((await persistence.repair("t")).reason, "interrupted");
    const { messages } = await graph.invoke(null, AT);
    assertSame(lines(messages).slice(2), ["tool: result of a"]);
  },

  "who asks on without an answer has left the question: then the thread is mended": async (db) => {
    const persistence = started(db.storage);
    const agent = agentOf(persistence, undefined, hitl());
    await agent.invoke(human("call one"), AT);
    await assert.rejects(agent.invoke(human("never mind"), AT), /without a result/);
    assert.ok((await persistence.repair("t")).repaired);
    const { messages } = await agent.invoke(human("and now?"), AT);
    assert.equal(messages.at(-1)?.content, "heard and now?");
    assertSame(await last(agent), "ai: heard and now?");
  },

  "an approved call that then broke: a new question, and the thread is mended": async (db) => {
    const persistence = started(db.storage);
    const agent = agentOf(persistence, dying, hitl());
    await agent.invoke(human("call bad"), AT);
    await assert.rejects(agent.invoke(approve(), AT), /broke/);
    assertSame(await persistence.repair("t"), {
      ...{ repaired: true, toolCalls: [{ id: "bad 1", name: "work" }] },
    });
    const { messages } = await agent.invoke(human("and now?"), AT);
    assert.equal(messages.at(-1)?.content, "heard and now?");
  },

  "the agent itself may be passed as the graph": async (db) => {
    const persistence = started(db.storage);
    const agent = agentOf(persistence, dying);
    await assert.rejects(agent.invoke(human("call bad"), AT), /broke/);
    assert.ok(
      (await persistence.repair("t", { graph: asGraph(agent), dryRun: true })).toolCalls[0],
    );
    assert.ok((await persistence.repair("t", { graph: agent as never })).repaired);
  },
};

/** A storage beside which something else happens before each batch. */
function beforeCommits(storage: Storage, happens: () => Promise<void>): Storage {
  return new Proxy(storage, {
    get: (target, method: keyof Storage) => {
      if (method !== "commit")
        return (target[method] as (...args: unknown[]) => unknown).bind(target);
      return async (batch: Batch) => {
        await happens();
        return target.commit(batch);
      };
    },
  });
}

/** As if the process had died when a subgraph asked, before the graph around it noted that. */
function deafOutside(storage: Storage): Storage {
  return new Proxy(storage, {
    get: (target, method: keyof Storage) => {
      if (method !== "commit")
        return (target[method] as (...args: unknown[]) => unknown).bind(target);
      return (batch: Batch) => {
        const writes = batch.writes.filter(({ ns }) => ns !== "");
        return target.commit({ ...batch, writes, nodeRuns: [] });
      };
    },
  });
}
