import assert from "node:assert/strict";
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { Command } from "@langchain/langgraph";
import type { NodeRun, StorageSaver } from "@threadkeep/core";
import { place } from "./checkpoints.js";
import { assertSame, deepCopy } from "./equal.js";
import { threadConfig } from "./graphs.js";

/** What a callback handler of a user's own saw of one execution of a node. */
export interface SeenRun {
  /** As the metadata say; LangGraph leaves there the thread of the outermost graph. */
  threadId: string;
  readonly nodePath: string;
  readonly step: number;
  readonly taskId: string;
  readonly attempt: number;
  readonly kind: NodeRun["kind"];
  readonly input: unknown;
  status: NodeRun["status"] | undefined;
  output: unknown;
  error: { readonly name: string; readonly message: string } | undefined;
}

/** A handler for `config.callbacks`: it knows nothing of threadkeep. */
export class Witness extends BaseCallbackHandler {
  name = "witness";
  override awaitHandlers = true;
  readonly runs: SeenRun[] = [];
  readonly #open = new Map<string, SeenRun>();
  readonly #unwraps: boolean;

  /**
   * LangChain hands what is no object to callbacks as `{input}` or `{output}`.
   * @param unwraps whether a lone field of that name is taken for that
   */
  constructor({ unwraps = true } = {}) {
    super();
    this.#unwraps = unwraps;
  }

  of(threadId: string): SeenRun[] {
    return this.runs.filter((run) => run.threadId === threadId);
  }

  override handleChainStart(
    _chain: unknown,
    inputs: unknown,
    runId: string,
    _parentRunId?: string,
    tags: string[] = [],
    metadata: Record<string, unknown> = {},
    _runType?: string,
    runName?: string,
  ): void {
    const isNode = tags.some((tag) => tag.startsWith("graph:step:"));
    if (!isNode || runName !== metadata.langgraph_node || runName === "__start__") return;
    const levels = String(metadata.langgraph_checkpoint_ns).split("|");
    const taskId = levels.at(-1)?.split(":")[1] as string;
    const path = metadata.langgraph_path as unknown[];
    const kind = path[0] === "__pregel_pull" ? "pull" : Array.isArray(path[1]) ? "task" : "push";
    const run: SeenRun = {
      threadId: String(metadata.thread_id),
      // A level without a task is a number, where a graph was called again, or a graph's own.
      nodePath: levels
        .filter((level) => level.includes(":") || !/^\d+$/.test(level))
        .map((level) => level.split(":")[0])
        .join("/"),
      step: metadata.langgraph_step as number,
      taskId,
      attempt: 1 + this.runs.filter((other) => other.taskId === taskId).length,
      kind,
      input: deepCopy(kind === "task" || this.#unwraps ? only(inputs, "input") : inputs),
      status: undefined,
      output: undefined,
      error: undefined,
    };
    this.runs.push(run);
    this.#open.set(runId, run);
  }

  override handleChainEnd(outputs: unknown, runId: string): void {
    const run = this.#open.get(runId);
    if (run === undefined) return;
    run.status = "ok";
    run.output = deepCopy(this.#unwraps ? only(outputs, "output") : outputs);
  }

  override handleChainError(error: unknown, runId: string): void {
    const run = this.#open.get(runId);
    if (run === undefined) return;
    const { name, message } = error as Error;
    // A command to the graph around it leaves a node by way of an error.
    if (name === "ParentCommand") return this.handleChainEnd(commandOf(error), runId);
    run.status = name === "GraphInterrupt" ? "interrupted" : "error";
    if (run.status === "error") run.error = { name, message };
  }
}

/** By what it says: LangGraph copies a command's own marks into it when it hands it up. */
function commandOf(error: unknown): unknown {
  const { update, goto, graph } = (error as { command: Command }).command;
  return new Command({
    ...(graph === undefined ? {} : { graph }),
    ...(update === undefined ? {} : { update }),
    goto: goto as string[],
  });
}

function only(value: unknown, key: string): unknown {
  const isWrapped =
    typeof value === "object" && value !== null && Object.keys(value).join() === key;
  return isWrapped ? (value as Record<string, unknown>)[key] : value;
}

type Named = Pick<NodeRun, "nodePath" | "step" | "kind" | "attempt" | "taskId"> & {
  /** Still open at the end, if it is not known. */
  readonly status: SeenRun["status"];
};

/** Everything about a run but its values. */
function nameOf({ nodePath, step, kind, status, attempt, taskId }: Named): string {
  return `${nodePath} step ${step} ${kind} ${status} attempt ${attempt} ${taskId}`;
}

export function nodeRuns(saver: StorageSaver, threadId: string): Promise<NodeRun[]> {
  return saver.listNodeRuns(threadConfig(threadId));
}

/** Runs as `path status`. */
export function outcomes(runs: readonly NodeRun[]): string[] {
  return runs.map(({ nodePath, status }) => `${nodePath} ${status}`);
}

/** `assertSame`, but two messages may share an object in one value and none in the other. */
export function assertAlike(actual: unknown, expected: unknown, what: string): void {
  if (!isPlain(expected) || !isPlain(actual)) return assertSame(actual, expected, what);
  assertSame(Object.keys(actual), Object.keys(expected), `${what}: keys`);
  for (const key of Object.keys(expected)) {
    assertAlike(actual[key], expected[key], `${what}.${key}`);
  }
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (Array.isArray(value)) return true;
  return typeof value === "object" && value?.constructor === Object;
}

/** Throws unless the lines are the expected ones, in any order. */
export function assertLines(
  actual: readonly string[],
  expected: readonly string[],
  what: string,
): void {
  const rest = [...expected];
  const surplus = actual.filter((line) => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
  const found = JSON.stringify({ missing: rest, surplus }, undefined, 1);
  assert.ok(rest.length === 0 && surplus.length === 0, `${what}: ${found}`);
}

/** Throws unless the stored runs of a thread are the ones that the witness saw, in every field. */
export async function assertSeen(
  saver: StorageSaver,
  threadId: string,
  witness: Witness,
): Promise<NodeRun[]> {
  const runs = await nodeRuns(saver, threadId);
  const seen = witness.of(threadId);
  assert.ok(seen.length > 0, `${threadId}: the witness saw nothing`);
  assertLines(runs.map(nameOf), seen.map(nameOf), `${threadId}: which runs`);
  const byName = new Map(runs.map((run) => [nameOf(run), run]));
  for (const expected of seen) {
    const what = `${threadId}: ${nameOf(expected)}`;
    const run = byName.get(nameOf(expected)) as NodeRun;
    assertSame(run.inputMissing, undefined, `${what} inputMissing`);
    assertAlike(run.input, expected.input, `${what} input`);
    assertAlike(run.output, expected.output, `${what} output`);
    assertSame(run.error, expected.error, `${what} error`);
    assert.equal(run.learnt, "observed", what);
    assert.ok(run.startedAt !== null && run.startedAt <= run.endedAt, `${what} times`);
  }
  assertSame(
    runs.map(({ endedAt }) => endedAt),
    runs.map(({ endedAt }) => endedAt).sort((a, b) => b - a),
    `${threadId}: newest first`,
  );
  return runs;
}

/** Throws unless every run names a checkpoint of the thread. */
export async function assertPlaced(
  saver: StorageSaver,
  threadId: string,
  runs: readonly NodeRun[],
): Promise<void> {
  for (const { nodePath, checkpointNs, checkpointId } of runs) {
    const tuple = await saver.getTuple(place(threadId, checkpointId, checkpointNs));
    assert.ok(tuple, `${threadId}: ${nodePath} read ${checkpointId} in "${checkpointNs}"`);
  }
}
