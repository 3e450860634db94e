import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { Command } from "@langchain/langgraph";
import type { Draft } from "../state/draft.js";
import type { ItemLog } from "../state/item-log.js";
import { checkpointKey } from "../storage/keys.js";
import type { Task } from "./derived.js";
import { Execution } from "./execution.js";
import { type Frame, NodeInput, type NodeKind } from "./input.js";
import { isHidden, isInside, isWithin, type TaskPlace, taskPlaceOf } from "./paths.js";

export type StoreRun = (execution: Execution, frame: Frame) => Promise<void>;

/** A task's writes come when its checkpoint is the newest, or just has a successor. */
const KEPT_FRAMES = 2;
/** Under "exit" durability nobody ever takes them. */
const KEPT_COPIES = 32;

let count = 0;

/**
 * What one run on one thread is seen to do: the checkpoints that it reads and puts and, as a
 * callback handler, the nodes that it executes. It never throws: a run does not fail because it is
 * watched.
 */
export class Recorder extends BaseCallbackHandler {
  /** LangChain adds no second handler of the same name. */
  readonly name: string;
  override awaitHandlers = true;
  override ignoreLLM = true;
  override ignoreRetriever = true;
  override ignoreAgent = true;
  override ignoreCustomEvent = true;
  readonly #threadId: string;
  /** The namespace in which the run began on this thread. */
  readonly #root: string;
  /** Namespaces in which graphs run on other threads. */
  readonly #foreign = new Set<string>();
  readonly #log: ItemLog;
  readonly #now: () => number;
  readonly #store: StoreRun;
  /** The newest checkpoints of each namespace, newest first. */
  readonly #frames = new Map<string, Frame[]>();
  /** Copies of channel values that were made when the nodes of a step began. */
  readonly #copies = new Map<string, Map<object, Draft>>();
  readonly #open = new Map<string, Execution>();
  /** Executions that are not stored yet, by task. */
  readonly #waiting = new Map<string, Execution[]>();
  readonly #attempts = new Map<string, number>();
  readonly #stored = new Set<string>();
  readonly #postponed = new Map<string, Task[]>();
  /** The paths of the tasks that have ended well, by the checkpoint that they read. */
  readonly #ended = new Map<string, Map<string, string>>();

  /** @param store stores an execution that no writes will follow */
  constructor(
    place: { readonly threadId: string; readonly ns: string },
    log: ItemLog,
    now: () => number,
    store: StoreRun,
  ) {
    super();
    count += 1;
    this.name = `threadkeep_${count}`;
    this.#threadId = place.threadId;
    this.#root = place.ns;
    this.#log = log;
    this.#now = now;
    this.#store = store;
  }

  /** A graph that runs inside this run, but on another thread. */
  leaveOut(ns: string): void {
    if (ns !== "") this.#foreign.add(ns);
  }

  /** LangChain shows a run inside another one to the handlers of both. */
  #isOwn(ns: string, threadId: unknown): boolean {
    if (!isWithin(ns, this.#root)) return false;
    if (this.#root === "" && threadId !== undefined && threadId !== this.#threadId) return false;
    return ![...this.#foreign].some((foreign) => isWithin(ns, foreign));
  }

  // --- checkpoints -----------------------------------------------------------------------------

  sawCheckpoint(ns: string, frame: Frame): void {
    const older = this.#frames.get(ns) ?? [];
    this.#frames.set(ns, [frame, ...older.slice(0, KEPT_FRAMES - 1)]);
  }

  frame(ns: string, checkpointId: string): Frame | undefined {
    return this.#frames.get(ns)?.find((frame) => frame.checkpointId === checkpointId);
  }

  /** The checkpoint that the nodes of a step read. */
  frameOfStep(ns: string, step: number | null): Frame | undefined {
    const isBefore = ({ step: its }: Frame) => its !== undefined && its + 1 === step;
    return this.#frames.get(ns)?.find(isBefore);
  }

  /** The copies that nodes made of the values of a checkpoint that is put after they began. */
  takeCopies(ns: string, step: unknown): ReadonlyMap<object, Draft> | undefined {
    const key = JSON.stringify([ns, Number(step) + 1]);
    const copies = this.#copies.get(key);
    this.#copies.delete(key);
    return copies;
  }

  /** Notes that a task which read a checkpoint has ended well. */
  ended(ns: string, checkpointId: string, taskId: string, nodePath: string): void {
    const key = checkpointKey(ns, checkpointId);
    const paths = this.#ended.get(key) ?? new Map<string, string>();
    this.#ended.set(key, paths.set(taskId, nodePath));
  }

  /** Takes the paths of the nodes whose results the checkpoint after this one holds. */
  takePathsAfter(ns: string, checkpointId: string | undefined): string[] {
    if (checkpointId === undefined) return [];
    const key = checkpointKey(ns, checkpointId);
    const paths = [...(this.#ended.get(key)?.values() ?? [])];
    this.#ended.delete(key);
    return paths;
  }

  /** Keeps a task until its checkpoint is put, which tells what the task was. */
  postpone(task: Task): void {
    const key = checkpointKey(task.ns, task.checkpointId);
    this.#postponed.set(key, [...(this.#postponed.get(key) ?? []), task]);
  }

  takePostponed(ns: string, checkpointId: string): readonly Task[] {
    const key = checkpointKey(ns, checkpointId);
    const tasks = this.#postponed.get(key) ?? [];
    this.#postponed.delete(key);
    return tasks;
  }

  // --- what waits to be stored -----------------------------------------------------------------

  /** How often a task ran before this run began. */
  ranBefore(taskId: string, attempts: number): void {
    this.#attempts.set(taskId, Math.max(attempts, this.#attempts.get(taskId) ?? 0));
  }

  nextAttempt(taskId: string): number {
    const attempt = (this.#attempts.get(taskId) ?? 0) + 1;
    this.#attempts.set(taskId, attempt);
    return attempt;
  }

  /**
   * Takes what is to be stored with a task's writes: its executions, and those of nodes inside it
   * that have no checkpoint of their own. `undefined` where they were stored before.
   */
  takeTask(ns: string, taskId: string): Execution[] | undefined {
    const taken = this.#take(
      ({ begin }) => begin.taskId === taskId || isInside(begin.ns, { ns, taskId }),
    );
    if (!taken.some(({ begin }) => begin.taskId === taskId) && this.#stored.has(taskId)) {
      return taken.length === 0 ? undefined : taken;
    }
    this.#stored.add(taskId);
    return taken;
  }

  /**
   * Takes the finished executions of a namespace up to a step of it, with those of nodes inside
   * them: under "exit" durability no writes come before the checkpoint.
   */
  takeRest(ns: string, step: unknown): Execution[] {
    const isOf = ({ begin, status }: Execution): boolean => {
      // What stopped without a question read the very checkpoint that is put.
      const last = status === "interrupted" ? Number(step) + 1 : Number(step);
      return begin.ns === ns && Number(begin.step) <= last;
    };
    const own = this.#take((execution) => !execution.isOpen && isOf(execution));
    if (own.length === 0) return own;
    const inner = this.#take(
      ({ begin, isOpen }) => !isOpen && own.some((e) => isInside(begin.ns, e.begin)),
    );
    return [...own, ...inner];
  }

  #take(isTaken: (execution: Execution) => boolean): Execution[] {
    const taken: Execution[] = [];
    for (const [taskId, executions] of this.#waiting) {
      const rest = executions.filter((execution) => !isTaken(execution));
      taken.push(...executions.filter(isTaken));
      if (rest.length === 0) this.#waiting.delete(taskId);
      else this.#waiting.set(taskId, rest);
    }
    for (const { begin } of taken) this.#stored.add(begin.taskId);
    return taken;
  }

  /** What a node that runs just now was given, where it is not the state of its checkpoint. */
  givenTo(taskId: string): { readonly input: unknown } | undefined {
    const running = this.#waiting.get(taskId)?.find(({ isOpen }) => isOpen);
    return running === undefined || running.begin.kind === "pull" ? undefined : running.given;
  }

  // --- callbacks -------------------------------------------------------------------------------

  override handleChainStart(
    _chain: unknown,
    inputs: unknown,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    metadata: Record<string, unknown> = {},
    _runType?: string,
    runName?: string,
  ): void {
    const node = metadata.langgraph_node;
    if (runName === undefined || runName !== node || isHidden(node)) return;
    const ns = String(metadata.langgraph_checkpoint_ns);
    const place = taskPlaceOf(ns);
    if (place === undefined || !this.#isOwn(ns, metadata.thread_id)) return;
    // A runnable inside the node may bear its name.
    if (this.#waiting.get(place.taskId)?.some(({ isOpen }) => isOpen)) return;
    this.#begin(runId, place, metadata, inputs);
  }

  #begin(runId: string, place: TaskPlace, metadata: Record<string, unknown>, inputs: unknown) {
    const step = typeof metadata.langgraph_step === "number" ? metadata.langgraph_step : null;
    const path = (metadata.langgraph_path ?? []) as unknown[];
    const kind = kindOf(path);
    const frame = this.frameOfStep(place.ns, step);
    const index = kind === "push" ? Number(path[1]) : undefined;
    // Only what is put after this can take over a copy.
    const copied = frame === undefined ? this.#copiesOf(place.ns, step) : new Map();
    const input = new NodeInput(this.#log, kind, index, inputs, frame, copied);
    const attempt = this.nextAttempt(place.taskId);
    const begin = { ...place, attempt, step, kind, startedAt: this.#now() };
    const execution = new Execution(begin, input);
    this.#open.set(runId, execution);
    this.#waiting.set(place.taskId, [...(this.#waiting.get(place.taskId) ?? []), execution]);
  }

  #copiesOf(ns: string, step: number | null): Map<object, Draft> {
    const key = JSON.stringify([ns, step]);
    const copies = this.#copies.get(key) ?? new Map<object, Draft>();
    this.#copies.set(key, copies);
    const [oldest] = this.#copies.keys();
    if (this.#copies.size > KEPT_COPIES) this.#copies.delete(oldest as string);
    return copies;
  }

  override handleChainEnd(outputs: unknown, runId: string): void {
    this.#close(runId)?.succeed(this.#log, outputs, this.#now());
  }

  override async handleChainError(error: unknown, runId: string): Promise<void> {
    const execution = this.#close(runId);
    if (execution === undefined) return;
    const { name, command, interrupts } = (error ?? {}) as Record<string, unknown>;
    // A node that sends a command to the graph around it leaves by an error of this name.
    if (name === "ParentCommand") {
      return execution.succeed(this.#log, plainCommand(command), this.#now());
    }
    execution.fail(isInterrupt(name) ? "interrupted" : "error", error, this.#now());
    // A graph that stops before one of its nodes asks nothing: LangGraph then stores no writes.
    const asks = Array.isArray(interrupts) && interrupts.length > 0;
    if (isInterrupt(name) && !asks) await this.#storeNow(execution);
  }

  async #storeNow(execution: Execution): Promise<void> {
    const { ns, step } = execution.begin;
    const frame = this.frameOfStep(ns, step);
    if (frame === undefined) return;
    this.#take((waiting) => waiting === execution);
    await this.#store(execution, frame);
  }

  #close(runId: string): Execution | undefined {
    const execution = this.#open.get(runId);
    this.#open.delete(runId);
    return execution;
  }
}

function kindOf(path: readonly unknown[]): NodeKind {
  if (path[0] !== "__pregel_push") return "pull";
  return path.at(-1) === true ? "task" : "push";
}

function isInterrupt(name: unknown): boolean {
  return name === "GraphInterrupt" || name === "NodeInterrupt";
}

/** LangGraph copies a command's own marks into it when it hands it up. */
function plainCommand(command: unknown): Command {
  const { update, goto, resume, graph } = command as Command;
  return new Command({
    ...(graph === undefined ? {} : { graph }),
    ...(update === undefined ? {} : { update }),
    ...(resume === undefined ? {} : { resume }),
    goto: goto as string[],
  });
}
