import type { NodeRunTrees } from "../nodes/execution.js";
import type { Tree } from "../state/tree.js";
import { checkpointKey } from "../storage/keys.js";
import type {
  CheckpointRecord,
  Era,
  ItemRecord,
  NodeRunRecord,
  Owner,
  RunStatus,
  ToolEventRecord,
  WriteRecord,
} from "../storage/storage.js";
import type { BatchNumbering } from "./numbering.js";
import type { RunState } from "./run.js";
import type { Texts } from "./texts.js";

export type CheckpointTrees = Omit<
  CheckpointRecord,
  "state" | "metadata" | "properties" | "version"
> & {
  readonly state: Tree;
  readonly metadata: Tree;
  readonly properties?: Tree | undefined;
};

/** Records whose texts are still trees: numbered, but not written yet. */
export interface Records {
  checkpoints?: readonly CheckpointTrees[];
  writes?: readonly (Omit<WriteRecord, "value"> & { readonly value: Tree })[];
  nodeRuns?: readonly NodeRunTrees[];
  toolEvents?: readonly (Omit<ToolEventRecord, "body" | "version"> & { readonly body: Tree })[];
  /** What the thread does from now on; `undefined`: what it did. */
  status?: RunStatus | undefined;
}

/** One call that waits for its turn. */
export interface Operation {
  readonly name: string;
  readonly owner: Owner;
  readonly run: RunState | undefined;
  /**
   * Keys of the checkpoints that the call builds on, see `checkpointKey`: they tell which thread
   * it means, where no run does.
   */
  readonly basis: readonly string[];
  /** The call names items that it read then: if some were removed since, it is refused. */
  readonly era?: Era;
  /** The call read the thread when this was the next version: if another was given, it is refused. */
  readonly atVersion?: number;
  /** Nobody may have written since the thread was read, not even a write that moved no counter. */
  readonly exact?: boolean;
  /** From this call on, runs that began before it cannot write. */
  readonly fences?: boolean;
  /** Called once per try, since every try may number the items anew. */
  records(numbering: BatchNumbering): Records;
}

/** @param isStored whether a checkpoint is there already: put again, it keeps its version */
async function checkpointRecords(
  texts: Texts,
  records: readonly Records[],
  firstVersion: number,
  isStored: (ns: string, id: string) => boolean,
): Promise<{ checkpoints: CheckpointRecord[]; nextVersion: number }> {
  let version = firstVersion;
  const checkpoints: CheckpointRecord[] = [];
  const seen = new Set<string>();
  for (const checkpoint of records.flatMap((record) => record.checkpoints ?? [])) {
    const { ns, id } = checkpoint;
    const state = await texts.write(checkpoint.state);
    const metadata = await texts.write(checkpoint.metadata);
    const properties = await textOf(texts, checkpoint.properties);
    checkpoints.push({ ...checkpoint, state, metadata, properties, version });
    const key = checkpointKey(ns, id);
    if (!seen.has(key) && !isStored(ns, id)) version += 1;
    seen.add(key);
  }
  return { checkpoints, nextVersion: version };
}

async function writeRecords(texts: Texts, records: readonly Records[]): Promise<WriteRecord[]> {
  const writes: WriteRecord[] = [];
  for (const record of records) {
    for (const write of record.writes ?? []) {
      writes.push({ ...write, value: await texts.write(write.value) });
    }
  }
  return writes;
}

async function textOf(texts: Texts, tree: Tree | undefined): Promise<string | null> {
  return tree === undefined ? null : await texts.write(tree);
}

async function nodeRunRecords(texts: Texts, records: readonly Records[]): Promise<NodeRunRecord[]> {
  const runs: NodeRunRecord[] = [];
  for (const run of records.flatMap((record) => record.nodeRuns ?? [])) {
    const input = await texts.write(run.input);
    const output = await textOf(texts, run.output);
    runs.push({ ...run, input, output, error: await textOf(texts, run.error) });
  }
  return runs;
}

/** @param version the newest checkpoint's */
async function toolEventRecords(
  texts: Texts,
  records: readonly Records[],
  version: number,
): Promise<ToolEventRecord[]> {
  const events: ToolEventRecord[] = [];
  for (const event of records.flatMap((record) => record.toolEvents ?? [])) {
    events.push({ ...event, version, body: await texts.write(event.body) });
  }
  return events;
}

/** The items that got a number; an item that is like another may number that one too. */
async function itemRecords(texts: Texts, numbering: BatchNumbering): Promise<ItemRecord[]> {
  const items: ItemRecord[] = [];
  for (const [item, seq] of numbering.fresh) {
    const body = item.body((base) => numbering.seq(base));
    items.push({ seq, type: item.type, body: await texts.write(body) });
  }
  return items;
}

/**
 * What a batch stores: numbered, and written as texts.
 * @param isStored whether a checkpoint keeps its version, since it stands there already
 */
export async function recordsOf(
  texts: Texts,
  records: readonly Records[],
  numbering: BatchNumbering,
  firstVersion: number,
  isStored: (ns: string, id: string) => boolean,
) {
  return {
    ...(await checkpointRecords(texts, records, firstVersion, isStored)),
    writes: await writeRecords(texts, records),
    nodeRuns: await nodeRunRecords(texts, records),
    toolEvents: await toolEventRecords(texts, records, firstVersion - 1),
    items: await itemRecords(texts, numbering),
  };
}
