import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Send } from "@langchain/langgraph";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { MemorySaver } from "@threadkeep/core";
import { describe, expect, test } from "vitest";
import { threadConfig } from "./src/graphs.js";

const require = createRequire(import.meta.url);

/** A graph that was imported and a saver that was required have two copies of every class. */
test("messages and sends of a second copy of the libraries are stored as ours", async () => {
  const core = require("@langchain/core/messages") as typeof import("@langchain/core/messages");
  const graph = require("@langchain/langgraph") as typeof import("@langchain/langgraph");
  expect(core.HumanMessage).not.toBe(HumanMessage);
  expect(graph.Send).not.toBe(Send);
  const saver = new MemorySaver();
  const values = {
    messages: [new core.HumanMessage({ id: "1", content: "x" }), new core.AIMessage("y")],
    send: new graph.Send("node", { n: 1 }),
  };
  const checkpoint = { ...emptyCheckpoint(), channel_values: values };
  const metadata = { source: "loop", step: 0, parents: {} } as const;
  const config = await saver.put({ configurable: { thread_id: "t" } }, checkpoint, metadata, {});

  const read = (await saver.getTuple(config))!.checkpoint.channel_values;
  const [human, ai] = read.messages as [HumanMessage, AIMessage];
  expect(Object.getPrototypeOf(human)).toBe(HumanMessage.prototype);
  expect(Object.getPrototypeOf(ai)).toBe(AIMessage.prototype);
  expect(human.toDict()).toEqual(values.messages[0]?.toDict());
  expect(read.send).toBeInstanceOf(Send);
  expect(read.send).toMatchObject({ node: "node", args: { n: 1 } });
});

/** No callback of the one copy reaches the other: the saver knows what it is handed. */
test("a graph of the second copy gives derived node runs", async () => {
  const { Annotation, Send, START, StateGraph } =
    require("@langchain/langgraph") as typeof import("@langchain/langgraph");
  const State = Annotation.Root({
    trail: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
  });
  const inner = new StateGraph(State)
    .addNode("deep", ({ trail }) => ({ trail: [`deep ${trail.length}`] }))
    .addEdge(START, "deep")
    .compile();
  const saver = new MemorySaver();
  const graph = new StateGraph(State)
    .addNode("sub", inner)
    .addNode("work", ({ at }: { at: number }) => ({ trail: [`work ${at}`] }))
    .addNode("fails", () => {
      throw new TypeError("on purpose");
    })
    .addEdge(START, "sub")
    .addConditionalEdges("sub", () => [new Send("work", { at: 1 }), new Send("work", { at: 2 })], [
      "work",
    ])
    .addEdge("work", "fails")
    .compile({ checkpointer: saver as never });
  const config = { ...threadConfig("t"), durability: "sync" } as const;
  await expect(graph.invoke({ trail: ["start"] }, config)).rejects.toThrow("on purpose");

  const runs = await saver.listNodeRuns(threadConfig("t"));
  const rows = runs.map(({ nodePath, step, kind, status, learnt, input, error }) => {
    return { nodePath, step, kind, status, learnt, input, error };
  });
  const learnt = "derived";
  const first = { step: 1, kind: "pull", status: "ok", learnt, input: { trail: ["start"] } };
  const sent = { nodePath: "work", step: 2, kind: "push", status: "ok", learnt };
  const trail = ["start", "start", "deep 1", "work 1", "work 2"];
  const last = { nodePath: "fails", step: 3, kind: "pull", status: "error", learnt };
  const error = { name: "TypeError", message: "on purpose" };
  const expected = [
    { nodePath: "sub/deep", ...first },
    { nodePath: "sub", ...first },
    { ...sent, input: { at: 1 } },
    { ...sent, input: { at: 2 } },
    { ...last, input: { trail }, error },
  ];
  expect(rows).toHaveLength(expected.length);
  expect(rows).toEqual(expect.arrayContaining(expected));
  const paths = [];
  for await (const { metadata } of graph.getStateHistory(threadConfig("t"))) {
    paths.push((metadata as { nodePaths?: string[] }).nodePaths);
  }
  expect(paths).toEqual([["work"], ["sub"], undefined, undefined]);
});

describe("the first run of a process", () => {
  /** Prints how many handlers the caller has, beside a run and after it. */
  const script = `
    import { CallbackManager } from "@langchain/core/callbacks/manager";
    import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
    import { Annotation, START, StateGraph } from "@langchain/langgraph";
    import { MemorySaver } from "@threadkeep/core";
    const storage = AsyncLocalStorageProviderSingleton.getInstance();
    const { run } = storage;
    if (process.env.NEVER_ENTERED) storage.run = () => {};
    const checkpointer = new MemorySaver();
    storage.run = run;
    const graph = new StateGraph(Annotation.Root({ note: Annotation }))
      .addNode("node", () => ({ note: "done" }))
      .addEdge(START, "node")
      .compile({ checkpointer });
    const count = () => CallbackManager.configure()?.handlers.length ?? 0;
    const running = graph.invoke({ note: "n" }, { configurable: { thread_id: "t" } });
    const beside = count();
    await running;
    const runs = await checkpointer.listNodeRuns({ configurable: { thread_id: "t" } });
    console.log(JSON.stringify([beside, count(), runs.map(({ learnt }) => learnt)]));
  `;
  const evaluate = async (env: NodeJS.ProcessEnv) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", script],
      { cwd: fileURLToPath(new URL(".", import.meta.url)), env: { ...process.env, ...env } },
    );
    return JSON.parse(stdout);
  };

  test("is recorded, and leaves nothing in its caller's context", async () => {
    expect(await evaluate({})).toEqual([0, 0, ["observed"]]);
  });

  test.runIf(Number(process.versions.node.split(".")[0]) < 24)(
    "would leave something there, had the saver not entered the context first",
    async () => {
      expect(await evaluate({ NEVER_ENTERED: "1" })).not.toEqual([0, 0, ["observed"]]);
    },
  );
});
