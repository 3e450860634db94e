import type { RunnableConfig } from "@langchain/core/runnables";
import type { Recorder } from "../nodes/recorder.js";
import type { ReadValues } from "../state/manifest.js";
import type { Guard } from "../storage/storage.js";

/** What a run was handed when it began in a namespace. */
export interface Handed extends ReadValues {
  readonly checkpointId: string;
}

/** What this process knows of one run on one thread. */
export class RunState {
  readonly #token: { requestDrain?(reason: string): void };
  /**
   * The thread as the run found it, so that it cannot write to a successor of the same id;
   * `undefined` where the thread had nothing yet.
   */
  incarnation: number | undefined;
  /** How often the thread had been rolled back when the run found it, likewise. */
  rollbacks: number | undefined;
  /** How often this process had deleted the thread by then. */
  readonly deletions: number;
  /** Notes the run's nodes; `undefined` where nobody wants to know. */
  readonly recorder: Recorder | undefined;
  readonly #handed = new Map<string, Handed>();
  #hasFound = false;

  constructor(token: object, deletions: number, recorder: Recorder | undefined) {
    this.#token = token;
    this.deletions = deletions;
    this.recorder = recorder;
  }

  /** Whether no reading of the run has found anything yet. */
  get isNew(): boolean {
    return !this.#hasFound;
  }

  /** Takes over what the run's first reading found. */
  found(guard: Guard | undefined): void {
    if (this.#hasFound) return;
    this.#hasFound = true;
    this.incarnation = guard?.incarnation;
    this.rollbacks = guard?.rollbacks;
  }

  /** Asks LangGraph to end the run at its next step. */
  stop(reason: string): void {
    this.#token.requestDrain?.(reason);
  }

  /** Takes over what the run's first writing made. */
  wrote(guard: Guard | undefined): void {
    this.incarnation ??= guard?.incarnation;
    this.rollbacks ??= guard?.rollbacks;
  }

  hand(ns: string, handed: Handed): void {
    if (!this.#handed.has(ns)) this.#handed.set(ns, handed);
  }

  /**
   * What the run was handed, if this is the first thing it stores: the input's checkpoint, which
   * LangGraph stores before any node ran, and before a reducer touched a channel that kept its
   * version. Asked again, there is nothing.
   */
  takeHanded(ns: string, parentId: string | undefined, source: unknown): Handed | undefined {
    const handed = this.#handed.get(ns);
    this.#handed.delete(ns);
    return source === "input" && handed?.checkpointId === parentId ? handed : undefined;
  }
}

/** A thread, as far as runs care. */
export interface RunThread {
  readonly deletions: number;
  /** Keeps what the run will compare with in memory for as long as the run lives. */
  keepFor(run: object): void;
}

const RUNS = new WeakMap<object, Map<RunThread, RunState>>();

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

export function runStateOf(config: RunnableConfig, thread: RunThread): RunState | undefined {
  const token = tokenOf(config);
  return token && RUNS.get(token)?.get(thread);
}

/**
 * The state of the run that reads, made at its first reading; `undefined` outside a run. To be
 * called before the first `await`.
 */
export function beginRun(
  config: RunnableConfig,
  thread: RunThread,
  recorder: () => Recorder | undefined,
): RunState | undefined {
  const token = tokenOf(config);
  if (token === undefined) return undefined;
  let threads = RUNS.get(token);
  if (threads === undefined) {
    threads = new Map();
    RUNS.set(token, threads);
  }
  let state = threads.get(thread);
  if (state === undefined) {
    state = new RunState(token, thread.deletions, recorder());
    threads.set(thread, state);
    thread.keepFor(token);
  }
  return state;
}
