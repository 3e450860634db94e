import { uuid6 } from "@langchain/langgraph-checkpoint";
import { isWithin } from "../nodes/paths.js";
import type { Numbering } from "../state/list.js";
import { escapeKey, type Tree, type TreeObject, unescapeKey } from "../state/tree.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import type { CheckpointTrees, Operation, Records } from "./records.js";
import { statusOfRecords } from "./status.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";
import { learn, parse } from "./tuples.js";

/** A stored checkpoint as trees, of which copies can be made without reading a value. */
export interface Original {
  readonly stored: StoredCheckpoint;
  readonly state: Tree;
  readonly metadata: TreeObject;
}

/** What tells a copy from its original. */
export type Changes = Partial<Omit<CheckpointTrees, "metadata" | "state">> & {
  readonly parents?: Readonly<Record<string, string>>;
};

export async function readOriginal(threads: Threads, stored: StoredCheckpoint): Promise<Original> {
  const parsed = await parse(threads, stored);
  learn(threads.get(stored.sessionId), parsed);
  const metadata = (await threads.texts.read(stored.checkpoint.metadata)) as TreeObject;
  return { stored, state: parsed.state, metadata };
}

/** A checkpoint of the same state beside the original: it has the same parent. */
export function copyCheckpoint(original: Original, changes: Changes): CheckpointTrees {
  const { version: _version, ...record } = original.stored.checkpoint;
  const { parents = parentsOf(original), ...columns } = changes;
  return {
    ...record,
    id: newCheckpointId(),
    tombstone: false,
    copyOf: null,
    name: null,
    label: null,
    properties: undefined,
    ...columns,
    state: original.state,
    ...forkMetadata(record.step, parents, original.metadata),
  };
}

/** The checkpoints of the graphs around, by namespace. */
export function parentsOf({ metadata }: Original): Record<string, string> {
  const parents = Object.entries((metadata.parents ?? {}) as Record<string, string>);
  return Object.fromEntries(parents.map(([ns, id]) => [unescapeKey(ns), id]));
}

/** Namespace and checkpoint of each graph around a subgraph's checkpoint, outermost first. */
export function graphsAround(original: Original): [ns: string, id: string][] {
  const own = original.stored.checkpoint.ns;
  return Object.entries(parentsOf(original))
    .filter(([ns]) => ns !== own && isWithin(own, ns))
    .sort(([a], [b]) => a.length - b.length);
}

/** What LangGraph's metadata says of a checkpoint that no step of a run made. */
export function forkMetadata(
  step: number | null,
  parents: Readonly<Record<string, string>>,
  original: TreeObject = {},
) {
  const { source: _source, step: _step, ...rest } = original;
  const escaped = Object.entries(parents).map(([ns, id]) => [escapeKey(ns), id]);
  return {
    source: "fork",
    step: step ?? -1,
    metadata: { ...rest, parents: Object.fromEntries(escaped) } as TreeObject,
  };
}

/** Ids of one process grow, as LangGraph's own do. */
export function newCheckpointId(): string {
  return uuid6(0);
}

/** Checkpoints that are stored at once. */
export interface Addition
  extends Pick<Operation, "name" | "run" | "era" | "atVersion" | "fences" | "exact"> {
  checkpoints(numbering: Numbering): readonly CheckpointTrees[];
  readonly writes?: Records["writes"];
}

/** Stores checkpoints, all or nothing, in this order. */
export async function addCheckpoints(thread: Thread, addition: Addition): Promise<void> {
  const { checkpoints, writes = [], ...operation } = addition;
  await thread.write({
    ...operation,
    owner: {},
    basis: [],
    records: (numbering) => {
      const records = { checkpoints: checkpoints(numbering), writes };
      return { ...records, status: statusOfRecords(records) };
    },
  });
}
