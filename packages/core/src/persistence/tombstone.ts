import { StorageError } from "../errors.js";
import { addCheckpoints, forkMetadata, newCheckpointId } from "../saver/checkpoints.js";
import { UNNAMED } from "../saver/put.js";
import type { CheckpointTrees } from "../saver/records.js";
import type { TreeObject } from "../state/tree.js";
import type { CheckpointRecord, StoredCheckpoint } from "../storage/storage.js";
import { type AgentCheckpoint, readCheckpoints } from "./agent-checkpoint.js";
import { lookAgain } from "./checkpoints.js";
import type { Core } from "./core.js";

const FORMAT = 4;

/** A checkpoint of a namespace that says: nothing goes on from here. */
export function tombstone(
  before: Pick<CheckpointRecord, "ns" | "id" | "step">,
  createdAt: number,
): CheckpointTrees {
  return {
    ...UNNAMED,
    ns: before.ns,
    id: newCheckpointId(),
    parentId: before.id,
    nodePath: null,
    tombstone: true,
    runId: null,
    createdAt,
    state: { v: FORMAT, values: {}, versions: {}, seen: {} } as TreeObject,
    ...forkMetadata(before.step, {}),
  };
}

/**
 * Namespaces that outlive a step: those of subgraphs with `checkpointer: true`. Those of others
 * bear the id of a task, which a fresh start never meets again.
 */
export async function lastingNamespaces(core: Core, sessionId: string): Promise<string[]> {
  const all = await core.storage.namespaces(sessionId);
  return all.filter((ns) => ns !== "" && !ns.includes(":"));
}

/** What its maker says of a tombstone. */
export interface TombstoneOptions {
  /** Default: now. */
  readonly time?: Date | undefined;
  readonly columns?: Pick<CheckpointTrees, "name" | "label" | "properties">;
  /**
   * Called with the version that it gets; may throw, and nothing is stored.
   * @returns what is there already and makes it needless
   */
  check?(next: number): Promise<StoredCheckpoint | undefined>;
}

export async function createTombstone(
  core: Core,
  sessionId: string,
  { time, columns, check }: TombstoneOptions,
): Promise<AgentCheckpoint> {
  const operation = "createTombstoneCheckpoint";
  const stored = await lookAgain(operation, sessionId, async () => {
    const newest = await core.storage.checkpoint(sessionId, "", undefined);
    if (newest === undefined) {
      const why = `session ${JSON.stringify(sessionId)} has never run`;
      throw new StorageError("NOT_FOUND", operation, why);
    }
    if (newest.checkpoint.tombstone && columns === undefined) return newest;
    core.thread(sessionId).sawGuard(newest.guard);
    const at = time?.getTime() ?? core.clock();
    const others = await lastingNamespaces(core, sessionId);
    const ends = await Promise.all(others.map((ns) => endOf(core, sessionId, ns, at)));
    const inner = ends.filter((end) => end !== undefined);
    const known = await check?.(newest.guard.nextVersion + inner.length);
    if (known !== undefined) return known;
    const root = { ...tombstone(newest.checkpoint, at), ...columns };
    await addCheckpoints(core.thread(sessionId), {
      name: operation,
      run: undefined,
      atVersion: newest.guard.nextVersion,
      checkpoints: () => [...inner, root],
    });
    return core.storage.checkpoint(sessionId, "", root.id);
  });
  const [checkpoint] = await readCheckpoints(core, [stored as StoredCheckpoint]);
  return checkpoint as AgentCheckpoint;
}

/** `undefined` where the namespace has ended before. */
export async function endOf(
  core: Core,
  sessionId: string,
  ns: string,
  createdAt: number,
): Promise<CheckpointTrees | undefined> {
  const newest = await core.storage.checkpoint(sessionId, ns, undefined);
  if (newest === undefined || newest.checkpoint.tombstone) return undefined;
  return tombstone(newest.checkpoint, createdAt);
}
