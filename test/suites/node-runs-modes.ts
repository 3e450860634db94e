import assert from "node:assert/strict";
import { CallbackManager } from "@langchain/core/callbacks/manager";
import { HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { fakeModel } from "@langchain/core/testing";
import { tool } from "@langchain/core/tools";
import { Send, START, StateGraph } from "@langchain/langgraph";
import {
  MemorySaver as AnotherSaver,
  type BaseCheckpointSaver,
} from "@langchain/langgraph-checkpoint";
import { MemoryStorage, type Storage, StorageSaver } from "@threadkeep/core";
import { createAgent } from "langchain";
import { z } from "zod";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import {
  assertAlike,
  assertLines,
  assertSeen,
  nodeRuns,
  outcomes,
  type SeenRun,
  Witness,
} from "../src/node-witness.js";
import { runEverything, Trail } from "./node-runs-graphs.js";

/** A subgraph, then sends; every node lets the others of its process go first. */
function busy(checkpointer: BaseCheckpointSaver) {
  const step =
    (name: string) =>
    async ({ note }: { note: string }) => {
      await new Promise((resolve) => setImmediate(resolve));
      return { trail: [`${name} of ${note}`] };
    };
  const inner = new StateGraph(Trail)
    .addNode("deep", step("deep"))
    .addEdge(START, "deep")
    .compile();
  return new StateGraph(Trail)
    .addNode("plan", step("plan"))
    .addNode("sub", inner)
    .addNode("work", step("work"))
    .addEdge(START, "plan")
    .addEdge("plan", "sub")
    .addConditionalEdges("sub", ({ note }) => [1, 2].map((at) => new Send("work", { note, at })), [
      "work",
    ])
    .compile({ checkpointer });
}

const BUSY = ["plan ok", "sub ok", "sub/deep ok", "work ok", "work ok"];

/** The handlers that LangChain adds to whatever is called here. */
const handlersHere = () => CallbackManager.configure()?.handlers.map(({ name }) => name) ?? [];

/** As a saver that another one wraps. */
class ReadsLater extends StorageSaver {
  override async getTuple(config: RunnableConfig) {
    await null;
    return super.getTuple(config);
  }
}

async function countRuns(storage: Storage, threads: readonly string[]): Promise<number> {
  const found = await Promise.all(threads.map((thread) => storage.nodeRuns(thread)));
  return found.flat().length;
}

export const modeChecks: Checks = {
  "50 runs at once on 50 threads of one process never mix": async (db) => {
    const graph = busy(db.saver());
    const threads = Array.from({ length: 50 }, (_, i) => `thread ${i}`);
    const witness = new Witness();
    const callbacks = [witness];
    await Promise.all(
      threads.map((thread) =>
        graph.invoke({ note: thread }, { ...threadConfig(thread), callbacks }),
      ),
    );
    const reader = db.saver();
    for (const thread of threads) {
      const runs = await assertSeen(reader, thread, witness);
      assertLines(outcomes(runs), BUSY, thread);
      for (const { input } of runs) assert.equal((input as { note: string }).note, thread);
    }
  },

  "batch, stream and streamEvents are recorded as invoke is": async (db) => {
    const graph = busy(db.saver());
    const witness = new Witness();
    const config = (thread: string) => ({ ...threadConfig(thread), callbacks: [witness] });
    const threads = ["b0", "b1", "b2", "b3", "stream", "events"];
    const batched = threads.slice(0, 4);
    await graph.batch(
      batched.map((note) => ({ note })),
      batched.map(config),
    );
    const chunks = await graph.stream(
      { note: "stream" },
      { ...config("stream"), streamMode: ["values", "tasks"], subgraphs: true },
    );
    for await (const _ of chunks);
    const events = graph.streamEvents({ note: "events" }, { ...config("events"), version: "v2" });
    for await (const _ of events);
    for (const thread of threads) {
      assertLines(outcomes(await assertSeen(db.saver(), thread, witness)), BUSY, thread);
    }
  },

  "a run that is aborted inside a node keeps what it did": async (db) => {
    const abort = new AbortController();
    const witness = new Witness();
    const graph = new StateGraph(Trail)
      .addNode("done", () => ({ trail: ["done"] }))
      .addNode("aborts", async () => {
        abort.abort();
        return { trail: ["aborted"] };
      })
      .addEdge(START, "done")
      .addEdge("done", "aborts")
      .compile({ checkpointer: db.saver() });
    const durability = "sync" as const;
    const config = { ...threadConfig("t"), callbacks: [witness], durability };
    await assert.rejects(
      graph.invoke({ note: "n" }, { ...config, signal: abort.signal }),
      /[Aa]bort/,
    );
    const [done] = await db.saver().listNodeRuns(threadConfig("t"), { status: "ok" });
    const { nodePath, taskId, attempt, input, output } = witness.of("t")[0] as SeenRun;
    assert.ok(done);
    for (const [key, value] of Object.entries({ nodePath, taskId, attempt, input, output }))
      assertAlike(done[key as keyof typeof done], value, key);
  },

  "two savers with the same thread id at once keep to themselves": async (db) => {
    const other = new StorageSaver(new MemoryStorage());
    const witnesses = [new Witness(), new Witness()] as const;
    const options = (i: 0 | 1) => ({ ...threadConfig("t"), callbacks: [witnesses[i]] });
    await Promise.all([
      busy(db.saver()).invoke({ note: "here" }, options(0)),
      runEverything(() => other, options(1)),
    ]);
    assertLines(outcomes(await assertSeen(db.saver(), "t", witnesses[0])), BUSY, "here");
    const there = await assertSeen(other, "t", witnesses[1]);
    assert.ok(there.every(({ nodePath }) => nodePath !== "sub/deep"));
  },

  "a graph called in a node or a tool on another thread stays on its thread": async (db) => {
    const saver = db.saver();
    const witness = new Witness();
    const callbacks = [witness];
    const graph = new StateGraph(Trail)
      .addNode("calls", async ({ note }) => {
        const { trail } = await busy(saver).invoke({ note }, threadConfig("of the node"));
        return { trail };
      })
      .addEdge(START, "calls")
      .compile({ checkpointer: saver });
    await graph.invoke({ note: "n" }, { ...threadConfig("node"), callbacks });
    const delegate = tool(
      async ({ note }) => {
        const { trail } = await busy(saver).invoke({ note }, threadConfig("of the tool"));
        return trail.join();
      },
      { name: "delegate", description: "delegates", schema: z.object({ note: z.string() }) },
    );
    const agent = createAgent({
      model: fakeModel()
        .respondWithTools([{ name: "delegate", args: { note: "n" }, id: "c" }])
        .respond(new HumanMessage("done") as never) as never,
      tools: [delegate],
      checkpointer: saver as never,
    });
    const asked = { messages: [new HumanMessage({ id: "1", content: "go" })] };
    await agent.invoke(asked as never, { ...threadConfig("tool"), callbacks });
    for (const run of witness.runs) {
      const [outer, inside] = run.nodePath.split("/");
      if (inside !== undefined) run.threadId = outer === "calls" ? "of the node" : "of the tool";
    }
    const expected = {
      node: ["calls ok"],
      "of the node": BUSY.map((run) => `calls/${run}`),
      tool: ["model_request ok", "tools ok", "model_request ok"],
      "of the tool": BUSY.map((run) => `tools/${run}`),
    };
    for (const [thread, runs] of Object.entries(expected)) {
      assertLines(outcomes(await assertSeen(db.saver(), thread, witness)), runs, thread);
    }
  },

  "nothing leaks into the caller's context": async (db) => {
    const saver = db.saver();
    const graph = busy(saver);
    const before = handlersHere();
    const same = (when: string) => assertSame(handlersHere(), before, when);
    await graph.invoke({ note: "n" }, threadConfig("awaited"));
    same("after an awaited run");
    const running = graph.invoke({ note: "n" }, threadConfig("running"));
    same("beside a run");
    await busy(new AnotherSaver()).invoke({ note: "n" }, threadConfig("running"));
    same("beside a run, later");
    await running;
    await graph.getState(threadConfig("awaited"));
    same("after getState");
    for await (const _ of graph.getStateHistory(threadConfig("awaited")));
    same("after getStateHistory");
    await graph.updateState(threadConfig("awaited"), { note: "by hand" }, "plan");
    same("after updateState");
    await saver.getTuple(threadConfig("awaited"));
    same("after getTuple");
    const threads = ["awaited", "running", "other"];
    const count = await countRuns(db.storage, threads);
    assert.equal(count, 2 * BUSY.length);
    const others = [new AnotherSaver(), new StorageSaver(new MemoryStorage())];
    for (const checkpointer of [...others, undefined]) {
      for (const thread of threads)
        await busy(checkpointer as never).invoke({ note: "n" }, threadConfig(thread));
    }
    assert.equal(await countRuns(db.storage, threads), count);
    same("at the end");
  },

  "a saver that reads after an await still learns what the writes tell": async (db) => {
    for (const durability of ["sync", "async"] as const) {
      const witness = new Witness();
      const config = { ...threadConfig(durability), durability, callbacks: [witness] };
      await runEverything(() => new ReadsLater(db.storage), config);
      const runs = await nodeRuns(db.saver(), durability);
      assert.ok(runs.every(({ learnt }) => learnt === "derived"));
      // Nobody sees a retry, and of a functional task no more than that it was called.
      const nodes = witness.of(durability).filter(({ kind, error }) => {
        return kind !== "task" && error?.name !== "RangeError";
      });
      const lines = nodes.map(({ nodePath, status }) => `${nodePath} ${status}`);
      assertLines(outcomes(runs), [...lines, "call ok"], durability);
      for (const { nodePath, taskId, step, kind, status, input, error } of nodes) {
        const run = runs.find((one) => one.taskId === taskId && one.status === status);
        const what = `${durability} ${nodePath} ${status}`;
        assert.ok(run, what);
        assertSame([run.nodePath, run.step, run.kind], [nodePath, step, kind], what);
        assertSame([run.output, run.error, run.startedAt], [undefined, error, null], what);
        assertAlike(run.input, input, what);
      }
      const called = runs.find(({ kind }) => kind === "task");
      assertSame([called?.nodePath, called?.input], ["call", undefined]);
      assert.match(called?.inputMissing ?? "", /not seen/);
    }
  },
};
