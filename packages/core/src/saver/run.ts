import type { RunnableConfig } from "@langchain/core/runnables";
import { StorageError } from "../errors.js";

/** What a run found when it began, so that it cannot write to the thread's successor. */
export interface RunState {
  /** `undefined` where the thread had nothing yet. */
  incarnation: number | undefined;
  /** How often this process had deleted the thread by then. */
  readonly deletions: number;
}

const RUNS = new WeakMap<object, Map<object, RunState>>();

/**
 * An object that LangGraph makes once per root run and hands to every saver call of it,
 * subgraphs included. Calls outside a run (`getState`, `updateState`) have none.
 */
function tokenOf(config: RunnableConfig): object | undefined {
  const { control, writer } = config as { control?: unknown; writer?: unknown };
  for (const token of [control, writer]) {
    if ((typeof token === "object" && token !== null) || typeof token === "function") return token;
  }
  return undefined;
}

export function runStateOf(config: RunnableConfig, thread: object): RunState | undefined {
  const token = tokenOf(config);
  return token && RUNS.get(token)?.get(thread);
}

/** Notes what a run found at its first reading; later readings of the run change nothing. */
export function beginRun(config: RunnableConfig, thread: object, state: RunState): void {
  const token = tokenOf(config);
  if (token === undefined) return;
  let threads = RUNS.get(token);
  if (threads === undefined) {
    threads = new Map();
    RUNS.set(token, threads);
  }
  if (!threads.has(thread)) threads.set(thread, state);
}

export function threadDeleted(operation: string, threadId: string): StorageError {
  return new StorageError(
    "THREAD_DELETED",
    operation,
    `thread ${JSON.stringify(threadId)} was deleted after this run began`,
  );
}
