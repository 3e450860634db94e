import type { RunnableConfig } from "@langchain/core/runnables";
import type {
  Checkpoint,
  CheckpointMetadata,
  CheckpointTuple,
} from "@langchain/langgraph-checkpoint";
import type { StorageSaver } from "@threadkeep/core";

export const METADATA: CheckpointMetadata = { source: "loop", step: 0, parents: {} };

/** Where a call reads or writes; without an id: the newest, or the first. */
export function place(threadId: string, checkpointId?: string, ns = ""): RunnableConfig {
  const configurable = { thread_id: threadId, checkpoint_ns: ns };
  return {
    configurable:
      checkpointId === undefined ? configurable : { ...configurable, checkpoint_id: checkpointId },
  };
}

/** An id that sorts as its number does. */
export function idOf(n: number): string {
  return `id-${String(n).padStart(6, "0")}`;
}

/** A checkpoint of these values, each of version 1 unless others are given. */
export function checkpoint(
  id: string,
  values: Record<string, unknown> = {},
  versions: Record<string, number | string> = ones(values),
): Checkpoint {
  return {
    v: 4,
    id,
    ts: "2026-01-02T03:04:05.678Z",
    channel_values: values,
    channel_versions: versions,
    versions_seen: {},
  };
}

function ones(values: Record<string, unknown>): Record<string, number> {
  return Object.fromEntries(Object.keys(values).map((key) => [key, 1]));
}

/** Puts a checkpoint whose channels are all announced, and returns the config of it. */
export function put(
  saver: StorageSaver,
  config: RunnableConfig,
  saved: Checkpoint,
  metadata: CheckpointMetadata = METADATA,
): Promise<RunnableConfig> {
  return saver.put(config, saved, metadata, saved.channel_versions);
}

export async function all(
  saver: StorageSaver,
  config: RunnableConfig,
  options?: Parameters<StorageSaver["list"]>[1],
): Promise<CheckpointTuple[]> {
  const found: CheckpointTuple[] = [];
  for await (const tuple of saver.list(config, options)) found.push(tuple);
  return found;
}

export async function idsOf(
  saver: StorageSaver,
  config: RunnableConfig,
  options?: Parameters<StorageSaver["list"]>[1],
): Promise<string[]> {
  return (await all(saver, config, options)).map((tuple) => tuple.checkpoint.id);
}

/** The channel values of the newest checkpoint. */
export async function latest(
  saver: StorageSaver,
  threadId: string,
): Promise<Record<string, unknown> | undefined> {
  return (await saver.getTuple(place(threadId)))?.checkpoint.channel_values;
}
