import type { RunnableConfig } from "@langchain/core/runnables";
import {
  type ChannelVersions,
  type Checkpoint,
  type CheckpointMetadata,
  type PendingWrite,
  WRITES_IDX_MAP,
} from "@langchain/langgraph-checkpoint";
import {
  draftCheckpoint,
  draftValue,
  finishCheckpoint,
  finishValue,
  timeOf,
} from "../state/manifest.js";
import { checkId, checkObject, checkText, invalid } from "../storage/ids.js";
import { checkpointKey } from "../storage/keys.js";
import { announcedBefore } from "./announced.js";
import { ownerOf, placeOf, runIdOf } from "./config.js";
import { writeMetadata } from "./metadata.js";
import { runsBefore, runsOfTask } from "./node-runs.js";
import { runStateOf } from "./run.js";
import { statusOfState, statusOfWrites } from "./status.js";
import type { Threads } from "./threads.js";
import { configOf } from "./tuples.js";

/** What only checkpoints of the persistence API have. */
export const UNNAMED = { tombstone: false, copyOf: null, name: null, label: null } as const;

/** Encodes a checkpoint before the first `await`, and resolves once it is durable. */
export async function putCheckpoint(
  threads: Threads,
  config: RunnableConfig,
  checkpoint: Checkpoint,
  metadata: CheckpointMetadata,
  newVersions: ChannelVersions | undefined,
): Promise<RunnableConfig> {
  const { threadId, ns, checkpointId: parentId } = placeOf("put", config);
  checkObject("put", "checkpoint", checkpoint);
  checkObject("put", "metadata", metadata);
  const id = checkId("put", "checkpoint.id", checkpoint.id);
  const owner = ownerOf("put", config);
  const runId = runIdOf(config, metadata);
  const thread = threads.get(threadId);
  const run = runStateOf(config, thread);
  const versions = checkpoint.channel_versions ?? {};
  const recorder = run?.recorder;
  const known = {
    unchanged: run?.takeHanded(ns, parentId, metadata.source),
    copied: recorder?.takeCopies(ns, metadata.step),
  };
  const draft = draftCheckpoint(thread.log, checkpoint, known);
  const channels = new Set(Object.keys(versions));
  const place = { ns, id, parentId, metadata, channels };
  const before = recorder && runsBefore(recorder, place, threads.clock());
  recorder?.sawCheckpoint(ns, {
    checkpointId: id,
    step: metadata.step,
    values: { ...checkpoint.channel_values },
  });
  const waited = before?.waited() ?? [];
  const columns = writeMetadata(thread.log.classes, metadata);
  const createdAt = timeOf(checkpoint.ts) ?? Date.now();
  const status = statusOfState(checkpoint.channel_values ?? {});

  const doubtful = draft.values
    .map(([channel]) => channel)
    .filter((channel) => versions[channel] !== undefined && newVersions !== undefined)
    .filter((channel) => !Object.hasOwn(newVersions ?? {}, channel));
  const dropped = await announcedBefore(threads, thread, ns, doubtful, versions);
  await thread.write({
    name: "put",
    owner,
    run,
    basis: basisOf(ns, parentId, metadata),
    records: (numbering) => ({
      checkpoints: [
        {
          ...UNNAMED,
          ns,
          id,
          parentId: parentId ?? null,
          ...columns,
          nodePath: before?.nodePaths.length ? JSON.stringify(before.nodePaths) : null,
          runId,
          createdAt,
          state: finishCheckpoint(draft, numbering, dropped),
        },
      ],
      nodeRuns: [...(before?.runs(numbering) ?? []), ...waited],
      status: ns === "" ? status : undefined,
    }),
  });
  for (const [channel, version] of Object.entries(newVersions ?? versions)) {
    thread.announced.add(ns, channel, version);
  }
  threads.used(thread);
  return configOf(threadId, ns, id);
}

/** Encodes pending writes before the first `await`, and resolves once they are durable. */
export async function putWrites(
  threads: Threads,
  config: RunnableConfig,
  writes: PendingWrite[],
  taskId: string,
  taskPath: string,
): Promise<void> {
  const { threadId, ns, checkpointId } = placeOf("putWrites", config);
  checkId("putWrites", "checkpoint_id", checkpointId);
  checkId("putWrites", "taskId", taskId);
  checkText("putWrites", "taskPath", taskPath);
  const owner = ownerOf("putWrites", config);
  const thread = threads.get(threadId);
  const run = runStateOf(config, thread);
  checkWrites(writes);
  const drafts = writes.map(([channel, value], i) => ({
    channel: checkText("putWrites", "channel", channel),
    idx: Object.hasOwn(WRITES_IDX_MAP, channel) ? (WRITES_IDX_MAP[channel] as number) : i,
    draft: draftValue(thread.log, value, ["writes", channel]),
  }));
  if (drafts.length === 0) return;
  const channels = drafts.map(({ channel }) => channel);
  const task = { ns, checkpointId: checkpointId as string, taskId, taskPath, writes };
  const nodeRuns = run?.recorder && runsOfTask(run.recorder, task, threads.clock());
  await thread.write({
    name: "putWrites",
    owner,
    run,
    basis: [checkpointKey(ns, checkpointId as string)],
    records: (numbering) => ({
      writes: drafts.map(({ channel, idx, draft }) => ({
        ns,
        checkpointId: checkpointId as string,
        taskId,
        idx,
        taskPath,
        channel,
        value: finishValue(draft, numbering),
      })),
      nodeRuns: nodeRuns?.(numbering) ?? [],
      status: ns === "" ? statusOfWrites(channels) : undefined,
    }),
  });
  threads.used(thread);
}

function checkWrites(writes: unknown): void {
  if (Array.isArray(writes) && writes.every((write) => Array.isArray(write))) return;
  throw invalid("putWrites", "writes must be a list of [channel, value]");
}

function basisOf(ns: string, parentId: string | undefined, metadata: CheckpointMetadata): string[] {
  const parents = Object.entries(metadata.parents ?? {}).map(([at, id]) => checkpointKey(at, id));
  return parentId === undefined ? parents : [...parents, checkpointKey(ns, parentId)];
}
