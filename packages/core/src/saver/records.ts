import type { Tree } from "../state/tree.js";
import type { CheckpointRecord, ItemRecord, Owner, WriteRecord } from "../storage/storage.js";
import { checkpointKey } from "./lineage.js";
import type { BatchNumbering } from "./numbering.js";
import type { RunState } from "./run.js";
import type { Texts } from "./texts.js";

/** Records whose texts are still trees: numbered, but not written yet. */
export interface Records {
  checkpoint?: Omit<CheckpointRecord, "state" | "metadata" | "version"> & {
    readonly state: Tree;
    readonly metadata: Tree;
  };
  writes?: readonly (Omit<WriteRecord, "value"> & { readonly value: Tree })[];
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
  /** Called once per try, since every try may number the items anew. */
  records(numbering: BatchNumbering): Records;
}

/** @param isStored whether a checkpoint is there already: put again, it keeps its version */
export async function checkpointRecords(
  texts: Texts,
  records: readonly Records[],
  firstVersion: number,
  isStored: (ns: string, id: string) => boolean,
): Promise<{ checkpoints: CheckpointRecord[]; nextVersion: number }> {
  let version = firstVersion;
  const checkpoints: CheckpointRecord[] = [];
  const seen = new Set<string>();
  for (const { checkpoint } of records) {
    if (checkpoint === undefined) continue;
    const { ns, id } = checkpoint;
    const state = await texts.write(checkpoint.state);
    const metadata = await texts.write(checkpoint.metadata);
    checkpoints.push({ ...checkpoint, state, metadata, version });
    const key = checkpointKey(ns, id);
    if (!seen.has(key) && !isStored(ns, id)) version += 1;
    seen.add(key);
  }
  return { checkpoints, nextVersion: version };
}

export async function writeRecords(
  texts: Texts,
  records: readonly Records[],
): Promise<WriteRecord[]> {
  const writes: WriteRecord[] = [];
  for (const record of records) {
    for (const write of record.writes ?? []) {
      writes.push({ ...write, value: await texts.write(write.value) });
    }
  }
  return writes;
}

/** The items that got a number; an item that is like another may number that one too. */
export async function itemRecords(texts: Texts, numbering: BatchNumbering): Promise<ItemRecord[]> {
  const items: ItemRecord[] = [];
  for (const [item, seq] of numbering.fresh) {
    const body = item.body((base) => numbering.seq(base));
    items.push({ seq, type: item.type, body: await texts.write(body) });
  }
  return items;
}
