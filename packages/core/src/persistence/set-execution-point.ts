import { StorageError } from "../errors.js";
import { invalid } from "../storage/ids.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import { type AgentCheckpoint, readCheckpoints } from "./agent-checkpoint.js";
import { type Core, runningNodeOf, type SessionRef, sessionIdOf } from "./core.js";
import { storePoint } from "./execution-point.js";
import { type AnyGraph, compiledOf } from "./graph.js";
import { checkPoint, type ExecutionPoint, levelsOf, withIds } from "./levels.js";
import { encodeNotes } from "./notes.js";
import { graphOf } from "./run-control.js";

/** Where a thread is to go on. */
export interface PointOptions extends ExecutionPoint {
  /** Inside a node that `run` drives, that graph is the default. */
  readonly graph?: AnyGraph;
  /** Whether a thread that has nothing left to run may be opened again. Default: `false`. */
  readonly reopen?: boolean;
}

const OPERATION = "setExecutionPoint";

export async function setExecutionPoint(
  core: Core,
  session: SessionRef,
  given: PointOptions,
): Promise<AgentCheckpoint> {
  const sessionId = sessionIdOf(OPERATION, session);
  const { graph: other, reopen = false, ...point } = given;
  const graph = other === undefined ? graphOf(session) : compiledOf(other);
  if (graph === undefined) throw invalid(OPERATION, "pass the graph, { graph }");
  const levels = await levelsOf(OPERATION, graph, point.nodePath);
  checkPoint(OPERATION, point, levels.at(-1) as (typeof levels)[0]);
  const { nodePath, input, output } = point;
  const notes = { nodePath, lastInput: input, lastOutput: output };
  const check = async (base: StoredCheckpoint | undefined) => {
    const isOpen = base !== undefined && !base.checkpoint.tombstone;
    if (isOpen && (reopen || runningNodeOf(session) !== undefined)) return undefined;
    const place = { configurable: { thread_id: sessionId } };
    if (isOpen && (await graph.getState(place)).next.length > 0) return undefined;
    const why = `session ${JSON.stringify(sessionId)} has nothing left to run`;
    throw new StorageError("FINISHED", OPERATION, why);
  };
  const properties = encodeNotes(core, sessionId, notes);
  const columns = { name: null, label: null, properties, createdAt: core.clock() };
  const options = { operation: OPERATION, columns, fences: true, check };
  const stored = await storePoint(core, sessionId, levels, withIds(point), options);
  runningNodeOf(session)?.control?.requestDrain?.("threadkeep: execution point set");
  return (await readCheckpoints(core, [stored]))[0] as AgentCheckpoint;
}
