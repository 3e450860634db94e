import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { inputFrom } from "../nodes/input.js";
import type { NodeRun } from "../nodes/node-run.js";
import { again } from "../saver/loader.js";
import { readNodeRuns } from "../saver/read-node-runs.js";
import { readTuple } from "../saver/tuples.js";
import type { CheckpointRecord, StoredCheckpoint } from "../storage/storage.js";
import type { Core } from "./core.js";
import { messagesOf } from "./messages.js";
import { type Notes, readNotes } from "./notes.js";

/**
 * A saved state of an agent, as Koog's `AgentCheckpointData` has it: which node ran last, what it
 * got and returned, and the conversation.
 */
export interface AgentCheckpoint {
  readonly sessionId: string;
  /** The name that it was given, else LangGraph's checkpoint id. */
  readonly checkpointId: string;
  readonly createdAt: Date;
  /**
   * The node that ran last: `node`, or `subgraph/…/node`; `""` before the first one, `"tombstone"`
   * where the run has ended. Of several that ran side by side, the one that ended last.
   */
  readonly nodePath: string;
  /** All nodes of that step. */
  readonly nodePaths: readonly string[];
  readonly lastInput: unknown;
  readonly lastOutput: unknown;
  /** The messages of the state at that moment, oldest first. */
  readonly messageHistory: readonly BaseMessage[];
  /** 1, 2, 3 … per session, over all its namespaces. */
  readonly version: number;
  /** LangGraph's id of the checkpoint before it. */
  readonly parentId: string | undefined;
  /** Whether it says that the run has ended: the next one starts fresh. */
  readonly tombstone: boolean;
  readonly label: string | undefined;
  readonly properties: Readonly<Record<string, unknown>>;
  /** For LangGraph's own functions: thread, namespace and id. */
  readonly config: RunnableConfig;
}

/** @returns fresh values, in the order of the rows; what was deleted meanwhile is passed over */
export async function readCheckpoints(
  core: Core,
  rows: readonly StoredCheckpoint[],
): Promise<AgentCheckpoint[]> {
  const [first] = rows;
  if (first === undefined) return [];
  const runs = await runsBehind(core, first.sessionId, rows);
  const read = await Promise.all(rows.map((row) => readCheckpoint(core, row, runs)));
  return read.filter((checkpoint) => checkpoint !== undefined);
}

async function runsBehind(
  core: Core,
  sessionId: string,
  rows: readonly StoredCheckpoint[],
): Promise<NodeRun[]> {
  const made = rows.map(({ checkpoint }) => checkpoint).filter((row) => row.nodePath !== null);
  const ids = made.flatMap(({ id, parentId }) => (parentId === null ? [id] : [parentId, id]));
  if (ids.length === 0) return [];
  return readNodeRuns(core.threads, sessionId, { checkpointIds: [...new Set(ids)] });
}

function readCheckpoint(
  core: Core,
  row: StoredCheckpoint,
  runs: readonly NodeRun[],
): Promise<AgentCheckpoint | undefined> {
  const { sessionId } = row;
  const { ns, id } = row.checkpoint;
  let stored: StoredCheckpoint | undefined = row;
  return again(async () => {
    stored ??= await core.storage.checkpoint(sessionId, ns, id);
    if (stored === undefined) return undefined;
    const known = stored;
    stored = undefined;
    const { tuple } = await readTuple(core.threads, known);
    const notes = await readNotes(core, sessionId, known.checkpoint);
    const { checkpoint } = known;
    const values = tuple.checkpoint.channel_values;
    return {
      sessionId,
      checkpointId: checkpoint.name ?? id,
      createdAt: new Date(checkpoint.createdAt),
      ...lastNode(checkpoint, notes, runs, values),
      messageHistory: await messagesOf(core, tuple.config, tuple.checkpoint),
      version: checkpoint.version,
      parentId: checkpoint.parentId ?? undefined,
      tombstone: checkpoint.tombstone,
      label: checkpoint.label ?? undefined,
      properties: notes.properties ?? {},
      config: tuple.config,
    };
  });
}

type LastNode = Pick<AgentCheckpoint, "nodePath" | "nodePaths" | "lastInput" | "lastOutput">;

function lastNode(
  row: CheckpointRecord,
  notes: Notes,
  runs: readonly NodeRun[],
  values: Record<string, unknown>,
): LastNode {
  const paths: string[] = row.nodePath === null ? [] : JSON.parse(row.nodePath);
  if (notes.nodePath !== undefined) {
    const lastInput = "lastInput" in notes ? notes.lastInput : inputFrom(values);
    return { nodePath: notes.nodePath, nodePaths: paths, lastInput, lastOutput: notes.lastOutput };
  }
  const run = runBehind(row, paths, runs);
  return {
    nodePath: row.tombstone ? "tombstone" : (run?.nodePath ?? paths.at(-1) ?? ""),
    nodePaths: paths,
    lastInput: "lastInput" in notes ? notes.lastInput : run?.input,
    lastOutput: "lastOutput" in notes ? notes.lastOutput : run?.output,
  };
}

/** Under "exit" durability the nodes of a run are stored with its only checkpoint. */
function runBehind(
  { ns, id, parentId }: CheckpointRecord,
  paths: readonly string[],
  runs: readonly NodeRun[],
): NodeRun | undefined {
  const ended = runs.filter(
    (run) => run.checkpointNs === ns && run.status === "ok" && paths.includes(run.nodePath),
  );
  return (
    ended.find(({ checkpointId }) => checkpointId === parentId) ??
    ended.find(({ checkpointId }) => checkpointId === id)
  );
}
