import type { RunnableConfig } from "@langchain/core/runnables";
import { isCommand, isGraphDrained, RunControl, type StateSnapshot } from "@langchain/langgraph";
import { StorageError } from "../errors.js";
import { Moved } from "../saver/admission.js";
import { placeOf } from "../saver/config.js";
import { checkChoice, checkWhole } from "./check.js";
import type { Core } from "./core.js";
import { type AnyGraph, checkFits, compiledOf, type Graph, graphAt } from "./graph.js";
import { readNotes } from "./notes.js";
import { drives } from "./run-control.js";
import { createTombstone } from "./tombstone.js";

export interface RunOptions {
  /**
   * What to do with a thread whose last run stopped in the middle: `auto` goes on where it stopped and
   * leaves the input aside, `never` begins with the input, as LangGraph does, `required` refuses
   * to begin anew. Default: `auto`.
   */
  readonly resume?: "auto" | "never" | "required";
  /** Whether a completed run ends the thread: the next one then starts fresh. Default: the persistence's own. */
  readonly tombstone?: boolean;
  /** So many rollbacks a run goes along with. Default: 25. */
  readonly maxRollbacks?: number;
}

const OPERATION = "run";
const MAX_ROLLBACKS = 25;

/** Runs a graph on a thread, and goes along with rollbacks until it ends. */
export async function run(
  core: Core,
  given: AnyGraph,
  input: unknown,
  config: RunnableConfig,
  { resume = "auto", tombstone = false, maxRollbacks = MAX_ROLLBACKS }: RunOptions,
): Promise<unknown> {
  const { threadId, checkpointId } = placeOf(OPERATION, config);
  const graph = compiledOf(given);
  checkChoice(OPERATION, "resume", resume, ["auto", "never", "required"]);
  checkWhole(OPERATION, "maxRollbacks", maxRollbacks);
  const latest = { configurable: { ...config.configurable, checkpoint_id: undefined } };
  let next = input;
  if (checkpointId === undefined) next = await firstInput(core, graph, input, latest, resume);
  else await checkStart(core, graph, config, checkpointId);
  let settings: RunnableConfig = config;
  let output: unknown;
  for (let rollbacks = 0; ; rollbacks += 1) {
    const before = await rollbacksOf(core, threadId);
    const control = new RunControl();
    drives(control, graph);
    try {
      const settled = { durability: "sync", ...settings, control };
      // An agent prepares what is new, and only that.
      const isNew = next !== null && !isCommand(next);
      output = await (isNew ? given : graph).invoke(next, settled);
      break;
    } catch (error) {
      if (!isStopped(error) || (await rollbacksOf(core, threadId)) === before) throw error;
      if (rollbacks === maxRollbacks) throw error;
    }
    // A config that names a checkpoint names the one before the rollback.
    settings = { ...config, ...latest };
    const again = await inputAfterRollback(core, graph, input, threadId, latest);
    if (again === undefined) return (await graph.getState(latest)).values;
    next = again.input;
  }
  if (tombstone && (await graph.getState(latest)).next.length === 0) {
    await createTombstone(core, threadId, {});
  }
  await noteStop(core, threadId);
  return output;
}

/** A graph that stops before or after a node on purpose stores nothing that says so. */
async function noteStop(core: Core, threadId: string): Promise<void> {
  const session = await core.storage.session(threadId);
  if (session?.status !== "running") return;
  const stopped = core.thread(threadId).write({
    ...{ name: OPERATION, owner: {}, run: undefined, basis: [] },
    atVersion: session.guard.nextVersion,
    records: () => ({ status: "interrupted" }),
  });
  await stopped.catch((error: unknown) => {
    // Somebody goes on with the thread already.
    if (!(error instanceof Moved)) throw error;
  });
}

async function firstInput(
  core: Core,
  graph: Graph,
  input: unknown,
  config: RunnableConfig,
  resume: RunOptions["resume"],
): Promise<unknown> {
  if (resume === "never" || isCommand(input)) return input;
  const isUnfinished = await goesOn(core, graph, config);
  if (isUnfinished) return null;
  if (resume === "auto") return input;
  const thread = JSON.stringify(config.configurable?.thread_id);
  throw new StorageError("FINISHED", OPERATION, `thread ${thread} has nothing left to run`);
}

/** @throws StorageError `NOT_FOUND` or `GRAPH_MISMATCH` for the checkpoint that the config names */
async function checkStart(core: Core, graph: Graph, config: RunnableConfig, id: string) {
  if ((await checkedState(core, graph, config)) !== undefined) return;
  throw new StorageError("NOT_FOUND", OPERATION, `there is no checkpoint ${JSON.stringify(id)}`);
}

/** @throws StorageError `GRAPH_MISMATCH` where the thread goes on in a node that is gone */
async function goesOn(core: Core, graph: Graph, config: RunnableConfig): Promise<boolean> {
  const state = await checkedState(core, graph, config);
  return state !== undefined && state.next.length > 0;
}

/**
 * The state, if there is one.
 * @throws StorageError `GRAPH_MISMATCH` where it goes on in a node that is gone, in a subgraph too
 */
async function checkedState(
  core: Core,
  graph: Graph,
  config: RunnableConfig,
): Promise<StateSnapshot | undefined> {
  const tuple = await core.saver.getTuple(config);
  if (tuple === undefined) return undefined;
  const ns = String(config.configurable?.checkpoint_ns ?? "");
  const owner = (await graphAt(graph, ns)) ?? graph;
  checkFits(OPERATION, owner, tuple.checkpoint.channel_values, tuple.checkpoint.id);
  const state = await graph.getState(config);
  for (const { name, id } of state.tasks) {
    const inner = ns === "" ? `${name}:${id}` : `${ns}|${name}:${id}`;
    await checkedState(core, graph, {
      configurable: { thread_id: config.configurable?.thread_id, checkpoint_ns: inner },
    });
  }
  return state;
}

/** `undefined` where the thread was rolled back to its end. */
async function inputAfterRollback(
  core: Core,
  graph: Graph,
  input: unknown,
  threadId: string,
  config: RunnableConfig,
): Promise<{ input: unknown } | undefined> {
  if (await goesOn(core, graph, config)) return { input: null };
  const newest = await core.storage.checkpoint(threadId, "", undefined);
  const notes = newest && (await readNotes(core, threadId, newest.checkpoint));
  return notes?.rollback?.strategy === "messageHistoryOnly" ? { input } : undefined;
}

async function rollbacksOf(core: Core, threadId: string): Promise<number> {
  return (await core.storage.guard(threadId))?.rollbacks ?? 0;
}

/** Whether the run ended since its thread was rolled back, or may have. */
function isStopped(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isStopped);
  return isGraphDrained(error) || (error instanceof StorageError && error.code === "ROLLED_BACK");
}
