import { StorageError } from "../errors.js";
import { newIncarnation } from "../storage/ids.js";
import { checkpointKey } from "../storage/keys.js";
import type { Storage } from "../storage/storage.js";
import type { IsKept } from "./keep-set.js";
import { cut } from "./prune.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";

/** What a prune leaves. */
export interface PruneOptions {
  /** `keepLatest` (the default) or `delete`, which removes the threads whole. */
  readonly strategy?: "keepLatest" | "delete";
  /** How many checkpoints of each namespace stay, newest first. Default: 1. */
  readonly keepLast?: number;
}

/** What was removed. */
export interface PruneReport {
  readonly checkpoints: number;
  readonly items: number;
}

export async function copyThread(storage: Storage, source: string, target: string): Promise<void> {
  const copied = await storage.copySession(source, target, {
    incarnation: newIncarnation(),
    now: Date.now(),
  });
  if (copied === true) return;
  throw copied === undefined
    ? new StorageError("NOT_FOUND", "copyThread", `there is no thread ${JSON.stringify(source)}`)
    : new StorageError(
        "ALREADY_EXISTS",
        "copyThread",
        `there is a thread ${JSON.stringify(target)} already`,
      );
}

/** @throws StorageError `INVALID_ARGUMENT` */
export function checkKeepLast(operation: string, keepLast: unknown): number {
  if (Number.isSafeInteger(keepLast) && (keepLast as number) >= 1) return keepLast as number;
  throw new StorageError("INVALID_ARGUMENT", operation, "keepLast must be a whole number from 1");
}

export async function prune(
  threads: Threads,
  threadIds: readonly string[],
  options: PruneOptions,
): Promise<PruneReport> {
  const { strategy = "keepLatest", keepLast = 1 } = options;
  if (strategy !== "keepLatest" && strategy !== "delete") {
    throw new StorageError("INVALID_ARGUMENT", "prune", "strategy must be keepLatest or delete");
  }
  checkKeepLast("prune", keepLast);
  const isKept: IsKept = (_header, newer) => newer < keepLast;
  return forEach(threadIds, (id) =>
    strategy === "delete"
      ? removeThread(threads, threads.get(id))
      : cut(threads, id, isKept, { sweeps: true }),
  );
}

export async function deleteForRuns(
  threads: Threads,
  runIds: readonly string[],
): Promise<PruneReport> {
  const places = (await Promise.all(runIds.map((id) => threads.storage.runCheckpoints(id)))).flat();
  const sessions = new Set(places.map(({ sessionId }) => sessionId));
  return forEach([...sessions], (sessionId) => {
    const doomed = new Set(
      places
        .filter((place) => place.sessionId === sessionId)
        .map(({ ns, id }) => checkpointKey(ns, id)),
    );
    return cut(threads, sessionId, ({ key }) => !doomed.has(key));
  });
}

/** Removes a checkpoint, unless another one is rebuilt from it. */
export async function removeCheckpoint(
  threads: Threads,
  thread: Thread,
  doomed: string,
): Promise<PruneReport> {
  return cut(threads, thread.id, ({ key }) => key !== doomed);
}

async function forEach(
  ids: readonly string[],
  work: (id: string) => Promise<PruneReport>,
): Promise<PruneReport> {
  let report: PruneReport = { checkpoints: 0, items: 0 };
  for (const id of ids) {
    const { checkpoints, items } = await work(id);
    report = { checkpoints: report.checkpoints + checkpoints, items: report.items + items };
  }
  return report;
}

async function removeThread({ storage }: Threads, thread: Thread): Promise<PruneReport> {
  const sizes = await storage.sizes(thread.id);
  await thread.delete();
  const rowsIn = (name: string) => sizes.find(({ table }) => table === name)?.rows ?? 0;
  return { checkpoints: rowsIn("agent_state"), items: rowsIn("state_items") };
}
