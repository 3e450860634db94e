import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type Checkpoint,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  compareWritesSortKeys,
  maxChannelVersion,
  TASKS,
  writesSortKey,
} from "@langchain/langgraph-checkpoint";
import { StorageError } from "../errors.js";
import { type Reader, storedChannels } from "../state/manifest.js";
import type { Tree } from "../state/tree.js";
import { checkpointKey } from "../storage/keys.js";
import type { StoredCheckpoint, WriteRecord } from "../storage/storage.js";
import { ItemsGone } from "./loader.js";
import { readMetadata } from "./metadata.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";
import { nextVersion } from "./versions.js";

/** A stored checkpoint whose texts have been parsed. */
export interface Parsed {
  readonly stored: StoredCheckpoint;
  readonly state: Tree;
  /** In the order in which LangGraph applies them. */
  readonly writes: readonly { readonly record: WriteRecord; readonly value: Tree }[];
}

export async function parse(threads: Threads, stored: StoredCheckpoint): Promise<Parsed> {
  return {
    stored,
    state: await threads.texts.read(stored.checkpoint.state),
    writes: await parseWrites(threads, stored.writes),
  };
}

export async function parseWrites(threads: Threads, writes: readonly WriteRecord[]) {
  return Promise.all(
    sortWrites(writes).map(async (record) => ({
      record,
      value: await threads.texts.read(record.value),
    })),
  );
}

function sortWrites(writes: readonly WriteRecord[]): WriteRecord[] {
  return [...writes].sort((a, b) =>
    compareWritesSortKeys(
      writesSortKey(a.taskPath, a.taskId, a.idx),
      writesSortKey(b.taskPath, b.taskId, b.idx),
    ),
  );
}

/** Tells the thread what a reading showed. */
export function learn(thread: Thread, { stored, state }: Parsed): void {
  const { checkpoint, guard } = stored;
  thread.sawGuard(guard);
  thread.lineage.saw(checkpointKey(checkpoint.ns, checkpoint.id), guard.incarnation);
  const { values, versions } = storedChannels(state);
  for (const channel of values) {
    if (versions[channel] !== undefined)
      thread.announced.add(checkpoint.ns, channel, versions[channel]);
  }
}

export function configOf(threadId: string, ns: string, id: string): RunnableConfig {
  return { configurable: { thread_id: threadId, checkpoint_ns: ns, checkpoint_id: id } };
}

function readPending(reader: Reader, writes: Parsed["writes"]): CheckpointPendingWrite[] {
  return writes.map(({ record, value }) => [
    record.taskId,
    record.channel,
    reader.readApart(value),
  ]);
}

/** A tuple and the manifest that it was read from. */
export interface ReadTuple {
  readonly tuple: CheckpointTuple;
  readonly state: Tree;
}

/** Fresh values of a checkpoint, its metadata and its pending writes. */
export async function readTuple(
  threads: Threads,
  stored: StoredCheckpoint,
  parsedBefore?: Parsed,
): Promise<ReadTuple> {
  const thread = threads.get(stored.sessionId);
  const { checkpoint: row, guard } = stored;
  try {
    const parsed = parsedBefore ?? (await parse(threads, stored));
    if (parsedBefore === undefined) learn(thread, parsed);
    const pendingTrees = parsed.writes.map(({ value }) => value);
    const reader = await thread.reader([parsed.state, ...pendingTrees], guard);
    const checkpoint = reader.readCheckpoint(parsed.state, row);
    if (checkpoint.v < 4 && row.parentId !== null) {
      await addPendingSends(threads, stored, checkpoint, row.parentId);
    }
    const tuple = {
      config: configOf(thread.id, row.ns, row.id),
      checkpoint,
      metadata: await readMetadata(threads, thread.log.classes, row),
      pendingWrites: readPending(reader, parsed.writes),
      ...(row.parentId === null ? {} : { parentConfig: configOf(thread.id, row.ns, row.parentId) }),
    };
    threads.used(thread);
    return { tuple, state: parsed.state };
  } catch (error) {
    if (error instanceof ItemsGone) throw error;
    if (error instanceof StorageError && error.code !== "CORRUPT") throw error;
    const place = `checkpoint ${JSON.stringify(row.id)} of thread ${JSON.stringify(thread.id)}`;
    const why = error instanceof StorageError ? `: ${error.detail}` : "";
    throw new StorageError("CORRUPT", "read", `${place} cannot be read${why}`, { cause: error });
  }
}

/** Before format 4 the sends of a step stood in the parent's pending writes only. */
async function addPendingSends(
  threads: Threads,
  { sessionId, checkpoint: row, guard }: StoredCheckpoint,
  checkpoint: Checkpoint,
  parentId: string,
): Promise<void> {
  const thread = threads.get(sessionId);
  const records = await threads.storage.writes(sessionId, row.ns, parentId);
  const sends = await parseWrites(
    threads,
    records.filter((write) => write.channel === TASKS),
  );
  const reader = await thread.reader(
    sends.map(({ value }) => value),
    guard,
  );
  checkpoint.channel_values[TASKS] = sends.map(({ value }) => reader.readApart(value));
  const versions = Object.values(checkpoint.channel_versions);
  checkpoint.channel_versions[TASKS] =
    versions.length > 0 ? maxChannelVersion(...versions) : nextVersion<number>(undefined);
}
