import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Command } from "@langchain/langgraph";
import { check } from "./checks.js";
import { type Demo, type Opened, withGraph } from "./demo.js";
import type { DemoGraph } from "./graph.js";
import { bytes, paint, printTable, quote, say } from "./print.js";
import { type Answer, type DemoState, FOCUS, type Focus } from "./state.js";
import { storedBytes } from "./stored-bytes.js";
import { logTo, readLog } from "./worklog.js";

const FORKED_FOCUS: Focus = "width";

/** Where the fork left its origin, and the newest checkpoint of both. */
interface Fork {
  from: RunnableConfig;
  origin: RunnableConfig;
  fork: RunnableConfig;
}

interface Branch {
  values: DemoState;
  /** The branch's checkpoints, newest first, back to the beginning of the thread. */
  path: string[];
}

export async function showFork(demo: Demo): Promise<void> {
  const storedBefore = storedBytes(demo.database, demo.thread).total;
  const before = await withGraph(demo, ({ graph }) => readLatest(graph, demo.thread));
  const observer = logTo(demo.forkLog);
  const tips = await withGraph(
    demo,
    ({ graph }) => forkBeforeSummary(graph, demo.thread),
    observer,
  );
  const [origin, fork] = await withGraph(demo, async (opened) => {
    return [await readBranch(opened, tips.origin), await readBranch(opened, tips.fork)] as const;
  });
  const shared = origin.path.filter((id) => fork.path.includes(id));
  const added = storedBytes(demo.database, demo.thread).total - storedBefore;

  showBranches({ origin, fork }, shared.length);
  say();
  say(`Before the fork, the thread took ${bytes(storedBefore)}; the fork added ${bytes(added)}.`);
  say();
  const [a, b] = [origin.values, fork.values];
  check("the origin reads as it did before the fork", isDeepStrictEqual(a, before.values));
  check("each branch reads its own focus", a.focus === "size" && b.focus === FORKED_FOCUS);
  check(
    "each reads its own ranking, and its own summary stands in its own report",
    [a, b].every(isRanked) && [a, b].every(isReported) && a.reportFile !== b.reportFile,
  );
  check(
    "both read the same messages and measurements",
    isDeepStrictEqual(a.messages, b.messages) && isDeepStrictEqual(a.measurements, b.measurements),
  );
  const from: string = tips.from.configurable?.checkpoint_id;
  check("both come from the checkpoint before the summary", shared[0] === from);
  const repeated = readLog(demo.forkLog).filter(({ work }) => /^(planner|tool):/.test(work));
  check("the fork ran no planner and no tool again", repeated.length === 0);
}

function showBranches(branches: Record<string, Branch>, shared: number): void {
  printTable(
    ["branch", "focus", "first in its ranking", ">shared", ">own", "report"],
    Object.entries(branches).map(([name, { values, path }]) => [
      name,
      FOCUS[values.focus].title,
      values.ranking[0]?.path ?? "",
      shared,
      path.length - shared,
      basename(values.reportFile),
    ]),
  );
  say(paint.dim("shared, own: checkpoints that both branches have, and that one has alone"));
  say();
  for (const [name, { values }] of Object.entries(branches)) {
    say(`The ${name} says:`);
    quote(values.summary);
  }
}

function isRanked({ focus, ranking, measurements }: DemoState): boolean {
  const highest = Math.max(...measurements.map(FOCUS[focus].of));
  return ranking[0] !== undefined && FOCUS[focus].of(ranking[0]) === highest;
}

function isReported({ reportFile, summary }: DemoState): boolean {
  return readFileSync(reportFile, "utf8").includes(summary);
}

function readLatest(graph: DemoGraph, thread: string) {
  return graph.getState({ configurable: { thread_id: thread } });
}

/** Goes back to the checkpoint before the summary, changes the focus, and goes on to the end. */
async function forkBeforeSummary(graph: DemoGraph, thread: string): Promise<Fork> {
  const config = { configurable: { thread_id: thread } };
  const origin = (await readLatest(graph, thread)).config;
  const from = await checkpointBefore("summarise", graph, config);
  const forked = await graph.updateState(from, { focus: FORKED_FOCUS }, "planner");
  await graph.invoke(null, { ...forked, durability: "sync" });
  const answer: Answer = { approvedBy: "you" };
  await graph.invoke(new Command({ resume: answer }), { ...config, durability: "sync" });
  return { from, origin, fork: (await readLatest(graph, thread)).config };
}

async function checkpointBefore(node: string, graph: DemoGraph, config: RunnableConfig) {
  for await (const snapshot of graph.getStateHistory(config)) {
    if (snapshot.next.includes(node)) return snapshot.config;
  }
  throw new Error(`no checkpoint stands before ${node}`);
}

async function readBranch({ saver, graph }: Opened, tip: RunnableConfig): Promise<Branch> {
  const path: string[] = [];
  let tuple = await saver.getTuple(tip);
  while (tuple) {
    path.push(tuple.checkpoint.id);
    tuple = tuple.parentConfig && (await saver.getTuple(tuple.parentConfig));
  }
  return { values: (await graph.getState(tip)).values as DemoState, path };
}
