import { StorageError } from "../errors.js";
import { addCheckpoints } from "../saver/checkpoints.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import { type AgentCheckpoint, readCheckpoints } from "./agent-checkpoint.js";
import { findCheckpoint, lookAgain } from "./checkpoints.js";
import { type Core, runningNodeOf, type SessionRef, sessionIdOf } from "./core.js";
import { type AnyGraph, compiledOf, type Graph } from "./graph.js";
import type { ToolCall, ToolJournal } from "./journal.js";
import { encodeNotes } from "./notes.js";
import { type Plan, planAll } from "./plan.js";
import { planMessages } from "./plan-messages.js";
import type { RollbackToolRegistry } from "./registry.js";
import { graphOf } from "./run-control.js";
import { callsToUndo, checkUndos, type InDoubt, undoCalls } from "./undo.js";

/**
 * `default`: node, messages and all other state; `messageHistoryOnly`: the messages, and the next run
 * begins at the first node (Koog: `RollbackStrategy`).
 */
export type RollbackStrategy = "default" | "messageHistoryOnly";

export interface RollbackOptions {
  /** Needed for a checkpoint inside a subgraph; otherwise it is checked that the checkpoint fits. */
  readonly graph?: AnyGraph;
  /** Default: the persistence's own. */
  readonly strategy?: RollbackStrategy;
  /** Only tells which calls would be undone. */
  readonly dryRun?: boolean;
  /**
   * What to do with a call whose undo began, and whose end nobody noted: its process died, or is at it
   * still. Default: `"stop"`.
   */
  readonly inDoubt?: InDoubt;
}

/** What a rollback did, or would do. */
export interface Rollback {
  /** Where the thread goes on from now; of a dry run, the checkpoint that it would go back to. */
  readonly checkpoint: AgentCheckpoint;
  /** The calls that were, or would be, undone, in this order. */
  readonly undone: readonly ToolCall[];
  readonly dryRun: boolean;
}

/** What a rollback works with. */
export interface Undoing {
  readonly journal: ToolJournal;
  readonly registry: RollbackToolRegistry;
}

const OPERATION = "rollbackToCheckpoint";

export async function rollbackTo(
  core: Core,
  undoing: Undoing,
  session: SessionRef,
  checkpointId: string,
  options: RollbackOptions & { readonly strategy: RollbackStrategy },
): Promise<Rollback> {
  const sessionId = sessionIdOf(OPERATION, session);
  const target = await findCheckpoint(core, sessionId, checkpointId);
  checkTarget(target, sessionId, checkpointId);
  const { strategy, dryRun = false, inDoubt = "stop" } = options;
  const graph = options.graph === undefined ? graphOf(session) : compiledOf(options.graph);
  const plan = () => planOf(core, target, strategy, graph);
  await lookAgain(OPERATION, sessionId, plan);
  const { journal, registry } = undoing;
  const find = () => callsToUndo(core, journal, registry, target);
  const known = await lookAgain(OPERATION, sessionId, find);
  if (dryRun) {
    const [checkpoint] = await readCheckpoints(core, [target]);
    return { checkpoint: checkpoint as AgentCheckpoint, undone: known, dryRun };
  }
  checkUndos(registry, known);
  // Runs under way must call no more tools while the calls of before are undone.
  await fence(core, sessionId);
  const calls = await lookAgain(OPERATION, sessionId, find);
  checkUndos(registry, calls);
  const undone = await undoCalls(journal, registry, sessionId, calls, inDoubt);
  const head = await commitPlan(core, sessionId, OPERATION, plan);
  runningNodeOf(session)?.control?.requestDrain?.("threadkeep: rolled back");
  const [checkpoint] = await readCheckpoints(core, [head]);
  return { checkpoint: checkpoint as AgentCheckpoint, undone, dryRun };
}

function checkTarget(
  target: StoredCheckpoint | undefined,
  sessionId: string,
  checkpointId: string,
): asserts target is StoredCheckpoint {
  const place = `checkpoint ${JSON.stringify(checkpointId)}`;
  if (target === undefined) {
    const why = `session ${JSON.stringify(sessionId)} has no ${place}`;
    throw new StorageError("NOT_FOUND", OPERATION, why);
  }
  if (target.checkpoint.tombstone) {
    throw new StorageError(
      "FINISHED",
      OPERATION,
      `${place} is a tombstone: nothing goes on from it`,
    );
  }
}

/** Made of the target as it stands: others may have pruned since it was found. */
async function planOf(
  core: Core,
  found: StoredCheckpoint,
  strategy: RollbackStrategy,
  graph: Graph | undefined,
): Promise<Plan> {
  const { sessionId, checkpoint } = found;
  const target = await core.storage.checkpoint(sessionId, checkpoint.ns, checkpoint.id);
  checkTarget(target, sessionId, checkpoint.name ?? checkpoint.id);
  const rollback = { to: checkpoint.name ?? checkpoint.id, strategy };
  const properties = encodeNotes(core, sessionId, { rollback });
  const columns = { properties, createdAt: core.clock() };
  return strategy === "default"
    ? planAll(core, target, graph, columns)
    : planMessages(core, target, columns);
}

/** Stores a plan, made anew where somebody got in the way. From then on no earlier run can write. */
async function commitPlan(
  core: Core,
  sessionId: string,
  operation: string,
  plan: () => Promise<Plan>,
): Promise<StoredCheckpoint> {
  return lookAgain(operation, sessionId, async () => {
    const guard = await core.storage.guard(sessionId);
    if (guard !== undefined) core.thread(sessionId).sawGuard(guard);
    const { checkpoints, head } = await plan();
    await addCheckpoints(core.thread(sessionId), {
      name: operation,
      run: undefined,
      ...(guard === undefined ? {} : { era: guard, atVersion: guard.nextVersion }),
      fences: true,
      checkpoints,
    });
    const { ns, id } = head;
    return (await core.storage.checkpoint(sessionId, ns, id)) as StoredCheckpoint;
  });
}

async function fence(core: Core, sessionId: string): Promise<void> {
  await addCheckpoints(core.thread(sessionId), {
    name: OPERATION,
    run: undefined,
    fences: true,
    checkpoints: () => [],
  });
}
