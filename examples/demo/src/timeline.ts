import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import type { NodeRun } from "@threadkeep/core";
import { check } from "./checks.js";
import { type Demo, type Opened, withGraph } from "./demo.js";
import { bytes, paint, printTable, say } from "./print.js";
import { storedBytes } from "./stored-bytes.js";

interface TimelineRow {
  checkpointId: string;
  step: number;
  /** Empty for the graph itself. */
  subgraph: string;
  /** What the nodes before this checkpoint are recorded to have been given and done. */
  runs: NodeRun[];
  wrote: string;
}

export async function showTimeline(demo: Demo): Promise<void> {
  const rows = await withGraph(demo, (opened) => timeline(opened, demo.thread));
  const stored = storedBytes(demo.database, demo.thread);
  const costs = rows.map(({ checkpointId }) => stored.byCheckpoint.get(checkpointId) ?? 0);
  printTable(
    [">step", "node path", "last input", "status", "wrote", ">stored"],
    rows.map((row, i) => [
      row.step,
      tallied(row.runs.filter(isLast).map(({ nodePath }) => nodePath)) || row.subgraph,
      row.runs.length > 0 ? brief(row.runs.at(-1)?.input) : "",
      tallied(row.runs.map(({ status }) => status)),
      row.wrote,
      bytes(costs[i] ?? 0),
    ]),
  );
  say(paint.dim("stored: the checkpoint, what led to it, and the messages that were new"));
  say();
  const sum = costs.reduce((total, cost) => total + cost, 0);
  check(`the rows add up to all that is stored: ${bytes(stored.total)}`, sum === stored.total);
  check(
    "every step of the graph is there",
    rows.filter(({ subgraph }) => subgraph === "").every(({ step }, i) => step === i - 1) &&
      rows.some(({ subgraph }) => subgraph !== ""),
  );
  checkRuns(rows);
}

function checkRuns(rows: TimelineRow[]): void {
  const runs = rows.flatMap((row) => row.runs);
  check(
    `all ${runs.length} runs of nodes are there, each with its input`,
    rows.every(({ runs, step }) => runs.length > 0 || step <= 0) &&
      runs.every(({ input }) => input !== undefined),
  );
  const statuses = (path: string) =>
    runs.filter(({ nodePath }) => nodePath === path).map(({ status }) => status);
  check(
    "the approval was interrupted, and then went well; the subgraph's nodes went well at once",
    statuses("approve").join() === "interrupted,ok" &&
      statuses("summarise/rank").join() === "ok" &&
      statuses("summarise/write").join() === "ok",
  );
}

/** All checkpoints of a thread, subgraphs included, oldest first: which nodes led to them. */
async function timeline({ saver }: Opened, thread: string): Promise<TimelineRow[]> {
  const config = { configurable: { thread_id: thread } };
  const tuples: CheckpointTuple[] = [];
  for await (const tuple of saver.list(config)) tuples.push(tuple);
  const byId = new Map(tuples.map((tuple) => [tuple.checkpoint.id, tuple]));
  const runs = (await saver.listNodeRuns(config)).reverse();

  return tuples.reverse().map((tuple): TimelineRow => {
    const parent = byId.get(tuple.parentConfig?.configurable?.checkpoint_id);
    const wrote = (parent?.pendingWrites ?? []).flatMap(([, channel]) => nameOfWrite(channel));
    return {
      checkpointId: tuple.checkpoint.id,
      step: tuple.metadata?.step ?? 0,
      subgraph: shortName(tuple.config.configurable?.checkpoint_ns ?? ""),
      runs: runs.filter(({ checkpointId }) => checkpointId === parent?.checkpoint.id),
      wrote: parent ? tallied(wrote) : "the input",
    };
  });
}

/** `node:0c1ab…` without the task's id. */
function shortName(namespace: string): string {
  return namespace.replaceAll(/:[^|]*/g, "");
}

/** A node that asks a person runs twice, and is one node. */
function isLast({ taskId, attempt }: NodeRun, _: number, runs: NodeRun[]): boolean {
  return !runs.some((other) => other.taskId === taskId && other.attempt > attempt);
}

const INPUT_WIDTH = 26;

/** `messages: 14, focus: size` */
function brief(input: unknown): string {
  const fields = Object.entries(input as object).map(([name, value]) => {
    const short = Array.isArray(value) ? value.length : JSON.stringify(value).replaceAll('"', "");
    return `${name}: ${short}`;
  });
  const text = fields.join(", ");
  return text.length > INPUT_WIDTH ? `${text.slice(0, INPUT_WIDTH - 1)}…` : text;
}

/** LangGraph's own channels are named by what they do, or left out where they only pass control. */
function nameOfWrite(channel: string): string[] {
  if (channel === "__pregel_tasks") return ["Send"];
  return /^(branch:|__)/.test(channel) ? [] : [channel];
}

/** `a, b × 3` */
function tallied(names: string[]): string {
  return [...new Set(names)]
    .map((name) => [name, names.filter((other) => other === name).length] as const)
    .map(([name, times]) => (times > 1 ? `${name} × ${times}` : name))
    .join(", ");
}
