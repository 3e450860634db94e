import { StorageError } from "../errors.js";
import { nodePathOf } from "../nodes/paths.js";
import { CandidateSaver } from "../saver/candidates.js";
import {
  type Changes,
  copyCheckpoint,
  graphsAround,
  newCheckpointId,
  type Original,
  readOriginal,
} from "../saver/checkpoints.js";
import type { CheckpointTrees } from "../saver/records.js";
import { readTuple } from "../saver/tuples.js";
import type { Numbering } from "../state/list.js";
import type { CheckpointRecord, StoredCheckpoint } from "../storage/storage.js";
import type { Core } from "./core.js";
import { checkFits, type Graph, graphAt, tasksOf } from "./graph.js";
import { lastingNamespaces, tombstone } from "./tombstone.js";

/** What a rollback stores, and which of it the thread goes on from. */
export interface Plan {
  checkpoints(numbering: Numbering): readonly CheckpointTrees[];
  readonly head: { readonly ns: string; readonly id: string };
}

/** Columns that the rollback gives its head. */
export type HeadColumns = Pick<CheckpointTrees, "properties" | "createdAt">;

/**
 * The whole state of the target once more: of each graph around it, of the target itself, and of the
 * subgraphs that outlive a step, as they were then.
 * @param graph needed where the target lies inside a subgraph
 */
export async function planAll(
  core: Core,
  target: StoredCheckpoint,
  graph: Graph | undefined,
  columns: HeadColumns,
): Promise<Plan> {
  const { sessionId, checkpoint } = target;
  const own = await readOriginal(core.threads, target);
  const levels = [...(await levelsAround(core, own)), own];
  const copies = await copyLevels(core, sessionId, levels, graph, columns);
  const version = versionOfState(target);
  const lasting = await lastingAt(
    core,
    sessionId,
    { ns: checkpoint.ns, version },
    columns.createdAt,
  );
  const checkpoints = [...lasting, ...copies];
  return { checkpoints: () => checkpoints, head: copies.at(-1) as CheckpointTrees };
}

/** A copy is as old as the state that it keeps: the nodes that read this state run again. */
export const versionOfState = ({ checkpoint }: StoredCheckpoint): number =>
  checkpoint.copyOf ?? checkpoint.version;

/** The checkpoints of the graphs around a checkpoint, outermost first. */
async function levelsAround(core: Core, own: Original): Promise<Original[]> {
  const { sessionId } = own.stored;
  return Promise.all(
    graphsAround(own).map(async ([ns, id]) => {
      const stored = await core.storage.checkpoint(sessionId, ns, id);
      if (stored !== undefined) return readOriginal(core.threads, stored);
      const why = `checkpoint ${JSON.stringify(id)} of the graph around it is gone`;
      throw new StorageError("NOT_FOUND", "rollbackToCheckpoint", why);
    }),
  );
}

/**
 * Copies of nested checkpoints. Subgraphs stand in the namespaces of tasks, whose ids follow from the
 * checkpoint: so the graph is asked which tasks the copies lead to.
 */
async function copyLevels(
  core: Core,
  sessionId: string,
  levels: readonly Original[],
  graph: Graph | undefined,
  columns: HeadColumns,
): Promise<CheckpointTrees[]> {
  const copies: CheckpointTrees[] = [];
  const parents: Record<string, string> = {};
  let ns = "";
  for (const [i, original] of levels.entries()) {
    const inner = levels[i + 1];
    const id = newCheckpointId();
    const isHead = inner === undefined;
    const changes: Changes = { id, ns, ...(isHead ? columns : { createdAt: columns.createdAt }) };
    const moved = ns === original.stored.checkpoint.ns ? {} : { parentId: null };
    copies.push(copyCheckpoint(original, { ...changes, ...moved, parents: { ...parents } }));
    parents[ns] = id;
    if (inner !== undefined) {
      ns = await innerNamespace(core, sessionId, { original, inner, ns, id }, needed(graph));
    } else if (graph !== undefined) {
      await checkGraph(core, graph, original);
    }
  }
  return copies;
}

function needed(graph: Graph | undefined): Graph {
  if (graph !== undefined) return graph;
  const why = "the checkpoint lies inside a subgraph: pass the graph, { graph }";
  throw new StorageError("INVALID_ARGUMENT", "rollbackToCheckpoint", why);
}

async function checkGraph(core: Core, graph: Graph, { stored }: Original): Promise<void> {
  const { ns, id, name } = stored.checkpoint;
  const inner = await graphIn(graph, ns);
  const { tuple } = await readTuple(core.threads, stored);
  checkFits("rollbackToCheckpoint", inner, tuple.checkpoint.channel_values, name ?? id);
}

async function graphIn(graph: Graph, ns: string): Promise<Graph> {
  const inner = await graphAt(graph, ns);
  if (inner !== undefined) return inner;
  const why = `the graph has no subgraph ${JSON.stringify(nodePathOf(ns))}`;
  throw new StorageError("GRAPH_MISMATCH", "rollbackToCheckpoint", why);
}

interface Level {
  readonly original: Original;
  readonly inner: Original;
  /** Where the original's copy stands. */
  readonly ns: string;
  readonly id: string;
}

/** The namespace in which the copy of an inner checkpoint is found by the copied task. */
async function innerNamespace(
  core: Core,
  sessionId: string,
  { original, inner, ns, id }: Level,
  graph: Graph,
): Promise<string> {
  const { checkpoint } = original.stored;
  const outer = checkpoint.ns === "" ? "" : `${checkpoint.ns}|`;
  const [task = "", ...rest] = inner.stored.checkpoint.ns.slice(outer.length).split("|");
  const colon = task.lastIndexOf(":");
  if (colon < 0) return inner.stored.checkpoint.ns;
  const { tuple } = await readTuple(core.threads, original.stored);
  const owner = await graphIn(graph, ns);
  checkFits("rollbackToCheckpoint", owner, tuple.checkpoint.channel_values, checkpoint.id);
  const tasks = async (at: string, as: string) => {
    const candidates = new CandidateSaver(core.saver);
    candidates.add(sessionId, tuple, at, as);
    return tasksOf(owner, candidates, sessionId, at);
  };
  const before = (await tasks(checkpoint.ns, checkpoint.id)).find(
    (one) => one.id === task.slice(colon + 1),
  );
  const after = (await tasks(ns, id)).find((one) => before && one.path === before.path);
  if (after === undefined) {
    const why = `the graph has no node ${JSON.stringify(task.slice(0, colon))} at this point`;
    throw new StorageError("GRAPH_MISMATCH", "rollbackToCheckpoint", why);
  }
  const own = [`${after.name}:${after.id}`, ...rest].join("|");
  return ns === "" ? own : `${ns}|${own}`;
}

/** The subgraphs that outlive a step, as they were when the target was made. */
async function lastingAt(
  core: Core,
  sessionId: string,
  target: Pick<CheckpointRecord, "ns" | "version">,
  createdAt: number,
): Promise<CheckpointTrees[]> {
  const namespaces = await lastingNamespaces(core, sessionId);
  const copies = await Promise.all(
    namespaces
      .filter((ns) => ns !== target.ns)
      .map(async (ns) => {
        const newest = await core.storage.checkpoint(sessionId, ns, undefined);
        const then = await newestBefore(core, sessionId, ns, target.version);
        if (newest === undefined || newest.checkpoint.id === then?.checkpoint.id) return undefined;
        if (then === undefined) return tombstone(newest.checkpoint, createdAt);
        return copyCheckpoint(await readOriginal(core.threads, then), {
          createdAt,
          tombstone: then.checkpoint.tombstone,
        });
      }),
  );
  return copies.filter((copy) => copy !== undefined);
}

async function newestBefore(
  core: Core,
  sessionId: string,
  ns: string,
  version: number,
): Promise<StoredCheckpoint | undefined> {
  let beforeVersion = version + 1;
  for (;;) {
    const [row] = await core.storage.list({ sessionId, ns, beforeVersion, limit: 1 });
    if (row === undefined || row.checkpoint.copyOf === null) return row;
    beforeVersion = row.checkpoint.version;
  }
}
