import { StorageError } from "../errors.js";
import type { CallRef } from "../history/tool-calls.js";
import { Moved } from "../saver/admission.js";
import { checkId, checkObject, describe, invalid } from "../storage/ids.js";
import type { Guard, StoredCheckpoint } from "../storage/storage.js";
import { lookAgain } from "./checkpoints.js";
import type { Core } from "./core.js";
import { type AnyGraph, compiledOf, type Graph } from "./graph.js";
import { waitsForHuman } from "./human.js";
import { appendResults, readHistoryEnd } from "./repair-history.js";
import { readConversation, storeMended } from "./repair-plan.js";

export interface RepairOptions {
  /** Only tells what would be done. Default: `false`. */
  readonly dryRun?: boolean;
  /**
   * The graph, for a thread that may have been stopped before or after one of its nodes
   * (`interruptBefore`, `interruptAfter`): LangGraph stores nothing of such a stop, so that without the
   * graph it looks like a run whose process was killed.
   */
  readonly graph?: AnyGraph;
}

/** What a repair did, or would do. */
export interface RepairReport {
  /** Whether something was written. */
  readonly repaired: boolean;
  /**
   * Why there was nothing to mend: every call has its result (`healthy`); the thread waits for a human
   * (`interrupted`); or the calls stand in the middle of a chat history, whose positions never change
   * (`positions`): its windows by turns or tokens answer them.
   */
  readonly reason?: "healthy" | "interrupted" | "positions";
  /** The calls that have no result: those that an error now answers, or would answer. */
  readonly toolCalls: readonly CallRef[];
}

const OPERATION = "repair";
/** A run that is alive never comes to its end. */
const MAX_TURNS = 64;

/**
 * Mends a conversation that an interrupted tool call left unusable: models refuse a call without its
 * result. Each call that has none in the newest checkpoint is answered by an error, directly behind the
 * message that asks for it, or by its own result where the tool had ended before the run was cut off.
 * The step that was cut off is closed: nothing is left to run, and the next `invoke` with a new message
 * works. No other state changes, and no tool runs.
 *
 * A thread that waits for a human is left alone: one with an unanswered `interrupt()`, in a subgraph
 * too, and one whose human has answered, but whose run was then cut off (`run` goes on with it, and the
 * answer is kept). Pass `graph` where the graph has `interruptBefore` or `interruptAfter`.
 *
 * It is one checkpoint, in one batch; runs that began before cannot write any more (`ROLLED_BACK`).
 * Of repairs at the same time one mends. For a session without checkpoints, the results are appended
 * to its chat history, where the calls stand at its end.
 * @throws StorageError `NOT_FOUND` for an unknown session, `INVALID_ARGUMENT`
 *
 * @example
 * ```ts
 * const { repaired, toolCalls } = await persistence.repair("1");
 * if (repaired) console.log("interrupted:", toolCalls.map(({ name }) => name));
 * await agent.invoke({ messages: [new HumanMessage("Go on")] }, { configurable: { thread_id: "1" } });
 * ```
 */
export async function repair(
  core: Core,
  sessionId: string,
  options: RepairOptions = {},
): Promise<RepairReport> {
  checkId(OPERATION, "sessionId", sessionId);
  checkObject(OPERATION, "options", options);
  const { dryRun = false, graph } = options;
  if (typeof dryRun !== "boolean") {
    throw invalid(OPERATION, `dryRun must be a boolean, not ${describe(dryRun)}`);
  }
  if (graph === null || (graph !== undefined && typeof graph !== "object")) {
    throw invalid(OPERATION, `graph must be a compiled graph, not ${describe(graph)}`);
  }
  const compiled = graph === undefined ? undefined : compiledOf(graph);
  return lookAgain(OPERATION, sessionId, async () => {
    await settled(core, sessionId);
    const guard = await core.storage.guard(sessionId);
    if (guard === undefined) {
      const why = `there is no session ${JSON.stringify(sessionId)}`;
      throw new StorageError("NOT_FOUND", OPERATION, why);
    }
    core.thread(sessionId).sawGuard(guard);
    const base = await core.storage.checkpoint(sessionId, "", undefined);
    return base === undefined
      ? repairHistory(core, sessionId, guard, dryRun)
      : repairThread(core, base, guard, compiled, dryRun);
  });
}

/**
 * LangGraph does not wait for what an aborted run still has to store, and sends one write after the
 * other: so it has ended when a turn of the event loop brings none.
 */
async function settled(core: Core, sessionId: string): Promise<void> {
  const thread = core.thread(sessionId);
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    const token = thread.guard?.token;
    await new Promise((resolve) => setImmediate(resolve));
    await thread.exclusive(async () => undefined);
    if (thread.guard?.token === token) return;
  }
}

const HEALTHY: RepairReport = { repaired: false, reason: "healthy", toolCalls: [] };

async function repairThread(
  core: Core,
  base: StoredCheckpoint,
  guard: Guard,
  graph: Graph | undefined,
  dryRun: boolean,
): Promise<RepairReport> {
  if (base.checkpoint.tombstone) return HEALTHY;
  const conversation = await readConversation(core, base);
  const asked = conversation.dangling.map(({ call }) => call);
  if (asked.length === 0) return HEALTHY;
  if (await waitsForHuman(core, base, graph)) {
    return { repaired: false, reason: "interrupted", toolCalls: asked };
  }
  if (!dryRun) await storeMended(core, OPERATION, conversation, guard);
  const toolCalls = asked.filter(({ id }) => !conversation.finished.has(id));
  return { repaired: !dryRun, toolCalls };
}

async function repairHistory(
  core: Core,
  sessionId: string,
  guard: Guard,
  dryRun: boolean,
): Promise<RepairReport> {
  const end = await readHistoryEnd(core, sessionId);
  const last = end.last.map(({ call }) => call);
  const earlier = end.earlier.map(({ call }) => call);
  if (last.length === 0) {
    return earlier.length === 0
      ? HEALTHY
      : { repaired: false, reason: "positions", toolCalls: earlier };
  }
  if (!dryRun && !(await appendResults(core, sessionId, end, guard))) {
    throw new Moved(OPERATION, sessionId);
  }
  return { repaired: !dryRun, toolCalls: last };
}
