import {
  type CheckpointMetadata,
  type CheckpointTuple,
  ERROR,
  type PendingWrite,
} from "@langchain/langgraph-checkpoint";
import { derivedRun, type Task } from "../nodes/derived.js";
import type { Execution, NodeRunTrees } from "../nodes/execution.js";
import type { Frame } from "../nodes/input.js";
import type { Recorder } from "../nodes/recorder.js";
import type { Numbering } from "../state/list.js";
import { checkpointKey } from "../storage/keys.js";
import type { Storage } from "../storage/storage.js";
import type { Thread } from "./thread.js";

type Runs = (numbering: Numbering) => NodeRunTrees[];

/** The node runs that are stored with a task's writes: as they were seen, else as the writes tell. */
export function runsOfTask(recorder: Recorder, task: Task, now: number): Runs {
  const { ns, checkpointId, taskId, writes } = task;
  const executions = recorder.takeTask(ns, taskId);
  if (executions === undefined) return () => [];
  const own = executions.filter(({ begin }) => begin.taskId === taskId);
  const inner = executions.filter((execution) => !own.includes(execution));
  for (const execution of own) if (execution.isOpen) execution.fail("error", errorOf(writes), now);
  const last = own.at(-1);
  if (last?.status === "ok") recorder.ended(ns, checkpointId, taskId, last.begin.nodePath);
  const derived = own.length === 0 ? derive(recorder, [task], now) : [];
  const channels = new Set(writes.map(([channel]) => channel));
  return (numbering) => [
    ...own.map((execution) =>
      execution.record(task, recorder.frame(ns, checkpointId), channels, numbering),
    ),
    ...inner.map((execution) => execution.record(task, undefined, undefined, numbering)),
    ...derived,
  ];
}

/** What the writes of tasks tell, once the checkpoint that they read is known. */
function derive(recorder: Recorder, tasks: readonly Task[], now: number): NodeRunTrees[] {
  return tasks.flatMap((task) => {
    const frame = recorder.frame(task.ns, task.checkpointId);
    if (frame === undefined) {
      recorder.postpone(task);
      return [];
    }
    const run = derivedRun(recorder, task, frame, now);
    if (run?.status === "ok") recorder.ended(run.ns, run.checkpointId, run.taskId, run.nodePath);
    return run === undefined ? [] : [run];
  });
}

function errorOf(writes: readonly PendingWrite[]): unknown {
  return writes.find(([channel]) => channel === ERROR)?.[1];
}

/** What a checkpoint says of the nodes before it. */
export interface RunsBefore {
  readonly runs: Runs;
  readonly nodePaths: readonly string[];
  /** To be called when the checkpoint itself is known to the recorder. */
  waited(): NodeRunTrees[];
}

/** A checkpoint that is put. */
export interface PutPlace {
  readonly ns: string;
  readonly id: string;
  readonly parentId: string | undefined;
  readonly metadata: CheckpointMetadata;
  /** All that its graph has written so far. */
  readonly channels: ReadonlySet<string>;
}

/**
 * The node runs that are stored with a checkpoint: those that no task's writes brought, and those whose
 * tasks waited for it.
 */
export function runsBefore(recorder: Recorder, place: PutPlace, now: number): RunsBefore {
  const { ns, id, parentId, metadata, channels } = place;
  const rest = recorder.takeRest(ns, metadata.step);
  const read = ({ begin }: Execution): string => {
    const frame = begin.ns === ns ? recorder.frameOfStep(ns, begin.step) : undefined;
    return frame !== undefined && frame.checkpointId === parentId ? frame.checkpointId : id;
  };
  const placed = rest.map((execution) => ({ execution, checkpointId: read(execution) }));
  const isTask = ({ begin }: Execution) => begin.ns === ns || begin.kind === "task";
  const paths = rest
    .filter((execution) => isTask(execution) && execution.status === "ok")
    .map(({ begin }) => begin.nodePath);
  // No node made what an input or a fork put.
  const before = metadata.source === "loop" ? recorder.takePathsAfter(ns, parentId) : [];
  return {
    nodePaths: [...new Set([...before, ...paths])],
    runs: (numbering) =>
      placed.map(({ execution, checkpointId }) => {
        const known = execution.begin.ns === ns ? channels : undefined;
        return execution.record({ ns, checkpointId }, undefined, known, numbering);
      }),
    waited: () => derive(recorder, recorder.takePostponed(ns, id), now),
  };
}

/** Stores an execution that no writes will follow. */
export async function storeRun(thread: Thread, execution: Execution, frame: Frame): Promise<void> {
  const { checkpointId } = frame;
  const { ns } = execution.begin;
  await thread.write({
    name: "putWrites",
    owner: {},
    run: undefined,
    basis: [checkpointKey(ns, checkpointId)],
    records: (numbering) => ({
      nodeRuns: [execution.record({ ns, checkpointId }, frame, undefined, numbering)],
    }),
  });
}

/** Tells the recorder of a run that goes on what was done before it. */
export async function recallRuns(
  recorder: Recorder,
  storage: Storage,
  sessionId: string,
  ns: string,
  { checkpoint: { id: checkpointId }, pendingWrites = [] }: CheckpointTuple,
): Promise<void> {
  const tasks = new Set(pendingWrites.map(([taskId]) => taskId));
  for (const run of await storage.nodeRuns(sessionId, [checkpointId])) {
    recorder.ranBefore(run.taskId, run.attempt);
    if (run.ns === ns && run.status === "ok" && tasks.has(run.taskId)) {
      recorder.ended(ns, checkpointId, run.taskId, run.nodePath);
    }
  }
}
