import type { PendingWrite } from "@langchain/langgraph-checkpoint";
import { ERROR, INTERRUPT, TASKS } from "@langchain/langgraph-checkpoint";
import type { Tree } from "../state/tree.js";
import { errorTree, type NodeRunTrees } from "./execution.js";
import type { Frame } from "./input.js";
import { joinPath, parseTaskPath, type TaskPath } from "./paths.js";
import type { Recorder } from "./recorder.js";

/** A task that the saver was handed writes of. */
export interface Task {
  readonly ns: string;
  readonly checkpointId: string;
  readonly taskId: string;
  readonly taskPath: string;
  readonly writes: readonly PendingWrite[];
}

/**
 * What a task's writes alone tell of its node, where no callback was seen: a cached node, or a graph
 * that uses another copy of LangChain. `undefined` for what is no node.
 */
export function derivedRun(
  recorder: Recorder,
  task: Task,
  frame: Frame,
  now: number,
): NodeRunTrees | undefined {
  const { ns, checkpointId, taskId } = task;
  const path = parseTaskPath(task.taskPath);
  if (path === undefined) return undefined;
  const error = task.writes.find(([channel]) => channel === ERROR);
  const isInterrupted = task.writes.some(([channel]) => channel === INTERRUPT);
  return {
    ns,
    checkpointId,
    taskId,
    attempt: recorder.nextAttempt(taskId),
    nodePath: joinPath(ns, nodeOf(path, frame)),
    step: frame.step === undefined ? null : frame.step + 1,
    kind: path.kind,
    status: error !== undefined ? "error" : isInterrupted ? "interrupted" : "ok",
    learnt: "derived",
    input: inputOf(path) as Tree,
    output: undefined,
    error: error && errorTree(error[1]),
    startedAt: null,
    endedAt: now,
  };
}

function nodeOf(path: TaskPath, frame: Frame): string {
  if (path.kind === "pull") return path.node;
  // Which function it calls stands nowhere.
  if (path.kind === "task") return path.parent;
  const sends = frame.values[TASKS] as { node?: unknown }[] | undefined;
  const node = sends?.[path.index]?.node;
  return typeof node === "string" ? node : `send ${path.index}`;
}

function inputOf(path: TaskPath): Tree {
  if (path.kind === "push") return ["send", path.index];
  return path.kind === "pull" ? ["state"] : ["refused", "a functional task's input was not seen"];
}
