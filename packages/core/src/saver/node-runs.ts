import { ERROR, type PendingWrite } from "@langchain/langgraph-checkpoint";
import { derivedRun, type Task } from "../nodes/derived.js";
import type { Execution, NodeRunTrees } from "../nodes/execution.js";
import type { Frame } from "../nodes/input.js";
import type { Recorder } from "../nodes/recorder.js";
import type { Numbering } from "../state/list.js";
import type { Storage } from "../storage/storage.js";
import { checkpointKey } from "./lineage.js";
import type { Thread } from "./thread.js";

type Runs = (numbering: Numbering) => NodeRunTrees[];

/** The node runs that are stored with a task's writes: as they were seen, else as the writes tell. */
export function runsOfTask(recorder: Recorder, task: Task, now: number): Runs {
  const { ns, checkpointId, taskId, writes } = task;
  const executions = recorder.takeTask(ns, taskId);
  if (executions === undefined) return () => [];
  const own = executions.filter(({ begin }) => begin.taskId === taskId);
  for (const execution of own) if (execution.isOpen) execution.fail("error", errorOf(writes), now);
  const derived = own.length === 0 ? derivedRun(recorder, task, now) : undefined;
  const last = own.at(-1);
  const ended = derived ?? (last && { ...last.begin, status: last.status });
  if (ended?.status === "ok") recorder.ended(ns, checkpointId, taskId, ended.nodePath);
  const channels = new Set(writes.map(([channel]) => channel));
  return (numbering) => [
    ...executions.map((execution) => {
      const frame = own.includes(execution) ? recorder.frame(ns, checkpointId) : undefined;
      return execution.record(checkpointId, frame, channels, numbering);
    }),
    ...(derived === undefined ? [] : [derived]),
  ];
}

function errorOf(writes: readonly PendingWrite[]): unknown {
  return writes.find(([channel]) => channel === ERROR)?.[1];
}

/** What a checkpoint says of the nodes before it. */
export interface RunsBefore {
  readonly runs: Runs;
  readonly nodePaths: readonly string[];
}

/** The node runs that are stored with a checkpoint since no task's writes brought them. */
export function runsBefore(
  recorder: Recorder,
  place: { readonly ns: string; readonly id: string; readonly parentId: string | undefined },
  step: unknown,
): RunsBefore {
  const { ns, id, parentId } = place;
  const rest = recorder.takeRest(ns, step);
  const read = (execution: Execution): string => {
    const { begin } = execution;
    const frame = begin.ns === ns ? recorder.frameOfStep(ns, begin.step) : undefined;
    return frame !== undefined && frame.checkpointId === parentId ? frame.checkpointId : id;
  };
  const placed = rest.map((execution) => ({ execution, checkpointId: read(execution) }));
  const paths = rest
    .filter(({ begin, status }) => begin.ns === ns && status === "ok")
    .map(({ begin }) => begin.nodePath);
  return {
    nodePaths: [...new Set([...recorder.takePathsAfter(ns, parentId), ...paths])],
    runs: (numbering) =>
      placed.map(({ execution, checkpointId }) =>
        execution.record(checkpointId, undefined, NO_CHANNELS, numbering),
      ),
  };
}

/** Stores an execution that no writes will follow. */
export async function storeRun(thread: Thread, execution: Execution, frame: Frame): Promise<void> {
  const { checkpointId } = frame;
  await thread.write({
    name: "putWrites",
    owner: {},
    run: undefined,
    basis: [checkpointKey(execution.begin.ns, checkpointId)],
    records: (numbering) => ({
      nodeRuns: [execution.record(checkpointId, frame, NO_CHANNELS, numbering)],
    }),
  });
}

const NO_CHANNELS: ReadonlySet<string> = new Set();

/** Tells the recorder of a run that goes on what was done before it. */
export async function recallRuns(
  recorder: Recorder,
  storage: Storage,
  sessionId: string,
  ns: string,
  checkpointId: string,
): Promise<void> {
  for (const run of await storage.nodeRuns(sessionId, [checkpointId])) {
    recorder.ranBefore(run.taskId, run.attempt);
    if (run.ns === ns && run.status === "ok") {
      recorder.ended(ns, checkpointId, run.taskId, run.nodePath);
    }
  }
}
