import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { check } from "./checks.js";
import { type Demo, type Opened, withGraph } from "./demo.js";
import type { DemoGraph } from "./graph.js";
import { bytes, paint, printTable, say } from "./print.js";
import { storedBytes } from "./stored-bytes.js";

interface TimelineRow {
  checkpointId: string;
  step: number;
  /** Empty for the graph itself. */
  subgraph: string;
  node: string;
  wrote: string;
}

export async function showTimeline(demo: Demo): Promise<void> {
  const rows = await withGraph(demo, (opened) => timeline(opened, demo.thread));
  const stored = storedBytes(demo.database, demo.thread);
  const costs = rows.map(({ checkpointId }) => stored.byCheckpoint.get(checkpointId) ?? 0);
  printTable(
    [">step", "subgraph", "node", "wrote", ">stored"],
    rows.map((row, i) => [row.step, row.subgraph, row.node, row.wrote, bytes(costs[i] ?? 0)]),
  );
  say(
    paint.dim("stored: the checkpoint, the results that led to it, and the messages that were new"),
  );
  say();
  const sum = costs.reduce((total, cost) => total + cost, 0);
  check(`the rows add up to all that is stored: ${bytes(stored.total)}`, sum === stored.total);
  check(
    "every step of the graph is there",
    rows.filter(({ subgraph }) => subgraph === "").every(({ step }, i) => step === i - 1) &&
      rows.some(({ subgraph }) => subgraph !== ""),
  );
}

/** All checkpoints of a thread, subgraphs included, oldest first: who made them, by writing what. */
async function timeline({ saver, graph }: Opened, thread: string): Promise<TimelineRow[]> {
  const tuples: CheckpointTuple[] = [];
  for await (const tuple of saver.list({ configurable: { thread_id: thread } })) tuples.push(tuple);
  const byId = new Map(tuples.map((tuple) => [tuple.checkpoint.id, tuple]));
  const nodes = await nodesOfTasks(graph, thread, new Set(tuples.map(namespaceOf)));

  return tuples.reverse().map((tuple): TimelineRow => {
    const parent = byId.get(tuple.parentConfig?.configurable?.checkpoint_id);
    const results = (parent?.pendingWrites ?? []).filter(([task]) => nodes.has(task));
    const tasks = [...new Set(results.map(([task]) => task))];
    return {
      checkpointId: tuple.checkpoint.id,
      step: tuple.metadata?.step ?? 0,
      subgraph: shortName(namespaceOf(tuple)),
      node: tallied(tasks.map((task) => nodes.get(task) ?? "")),
      wrote: parent ? tallied(results.flatMap(([, channel]) => nameOfWrite(channel))) : "the input",
    };
  });
}

function namespaceOf(tuple: CheckpointTuple): string {
  return tuple.config.configurable?.checkpoint_ns ?? "";
}

/** `node:0c1ab…` without the task's id. */
function shortName(namespace: string): string {
  return namespace.replaceAll(/:[^|]*/g, "");
}

async function nodesOfTasks(graph: DemoGraph, thread: string, namespaces: Set<string>) {
  const nodes = new Map<string, string>();
  for (const checkpoint_ns of namespaces) {
    const config = { configurable: { thread_id: thread, checkpoint_ns } };
    for await (const { tasks } of graph.getStateHistory(config)) {
      for (const { id, name } of tasks) nodes.set(id, name.replaceAll("__", ""));
    }
  }
  return nodes;
}

/** LangGraph's own channels are named by what they do, or left out where they only pass control. */
function nameOfWrite(channel: string): string[] {
  if (channel === "__pregel_tasks") return ["Send"];
  return channel.startsWith("branch:") ? [] : [channel.replaceAll("__", "")];
}

/** `a, b × 3` */
function tallied(names: string[]): string {
  return [...new Set(names)]
    .map((name) => [name, names.filter((other) => other === name).length] as const)
    .map(([name, times]) => (times > 1 ? `${name} × ${times}` : name))
    .join(", ");
}
