import { type Amount, addAmounts, NOTHING } from "../saver/amount.js";
import type { IsKept } from "../saver/keep-set.js";
import { checkKeepLast } from "../saver/maintenance.js";
import { cut } from "../saver/prune.js";
import { cutoffOf, type Duration, timeAgo } from "../sessions/duration.js";
import { type OwnerQuery, ownerQueryOf } from "../sessions/owner-query.js";
import { checkId, checkObject, describe, invalid } from "../storage/ids.js";
import { placeOfSession } from "../storage/order.js";
import type { Owner, SessionCursor, SessionRecord, Storage } from "../storage/storage.js";
import type { Core } from "./core.js";

/** Options of `prune`. */
export interface RetentionPruneOptions {
  /** How many checkpoints of each namespace stay, newest first. Default: 1. */
  readonly keepLast?: number;
  /** Checkpoints that are not older than this, or than a time, stay as well. Default: age does not count. */
  readonly olderThan?: Duration | Date;
  /** Nothing is removed, but all is counted. Default: `false`. */
  readonly dryRun?: boolean;
  /**
   * At most so many rows go in one transaction; but a checkpoint never goes without its pending writes and
   * node runs, however many they are. Default: 500.
   */
  readonly batchSize?: number;
  /** Called after every batch; what it throws ends the prune, and what is gone by then stays gone. */
  readonly onProgress?: (progress: RetentionPruneProgress) => void | Promise<void>;
}

/** What a prune removed; under `dryRun`, what it would remove. */
export interface RetentionPruneReport {
  /** Sessions from which something was removed. */
  readonly sessions: number;
  readonly checkpoints: number;
  /** Messages, documents and pages that no checkpoint names any more. */
  readonly items: number;
  /** Checkpoints, their pending writes and node runs, and items. */
  readonly rows: number;
  /** What the rows' texts took, in UTF-8: a database gives it back to the disk when it is told to. */
  readonly bytes: number;
}

/** What is gone so far, over all sessions. */
export interface RetentionPruneProgress extends RetentionPruneReport {
  /** The session at work. */
  readonly session: string;
}

/** Options of `expire`. */
export interface ExpireOptions {
  /** Sessions without activity for longer than this are erased. */
  readonly ttl: Duration;
  /** Nothing is erased, but all is counted. Default: `false`. */
  readonly dryRun?: boolean;
  /** So many sessions are looked up at once; each is erased in a transaction of its own. Default: 500. */
  readonly batchSize?: number;
  /** Called after every session; what it throws ends the work, and what is erased by then stays erased. */
  readonly onProgress?: (progress: ExpireProgress) => void | Promise<void>;
}

/** What was erased; under `dryRun`, what would be. */
export interface ExpireReport {
  readonly sessions: number;
  /** In all tables. */
  readonly rows: number;
  /** What the rows' texts took, in UTF-8. */
  readonly bytes: number;
}

/** What is gone so far. */
export interface ExpireProgress extends ExpireReport {
  /** The session that was erased last. */
  readonly session: string;
}

const BATCH_SIZE = 500;
const PAGE = 200;
const PRUNE_OPTIONS = ["keepLast", "olderThan", "dryRun", "batchSize", "onProgress"];
const EXPIRE_OPTIONS = ["ttl", "dryRun", "batchSize", "onProgress"];

/**
 * Removes old checkpoints of a session or of an owner's sessions, with their pending writes, node runs and
 * the items that nothing names any more. A checkpoint goes if it is beyond the newest `keepLast` of its
 * namespace and, where `olderThan` is given, older than that; those that a kept one's DeltaChannels are
 * rebuilt from stay. A checkpoint made by hand counts for none of the `keepLast`, but is among them as long as
 * the state that it keeps; for `olderThan` it is as old as itself. A subgraph's checkpoint goes also with that of
 * the root graph whose step it belongs to, unless the subgraph outlives its steps (`checkpointer: true`).
 *
 * In batches, each all or nothing, newest checkpoint first: after each of them, or a crash between two,
 * everything that is left can be read, and the next prune goes on. Safe beside running writers. A session
 * that becomes active while an owner's are gone through may be passed over. An unknown id is an empty report.
 * @throws StorageError `INVALID_ARGUMENT`; `BUSY` where other processes write to a session all the time
 */
export async function prune(
  core: Core,
  target: string | OwnerQuery,
  options: RetentionPruneOptions = {},
): Promise<RetentionPruneReport> {
  const at = typeof target === "string" ? checkId("prune", "sessionId", target) : undefined;
  const owner = at === undefined ? ownerQueryOf("prune", target) : {};
  checkOptions("prune", options, PRUNE_OPTIONS);
  const { onProgress, dryRun = false, batchSize = BATCH_SIZE } = options;
  const isKept = isKeptBy(core, options);
  let sessions = 0;
  let gone: Amount = NOTHING;
  for await (const id of at === undefined ? idsOf(core.storage, { owner }) : [at]) {
    let isFirst = true;
    const onBatch = async (batch: Amount) => {
      if (isFirst) sessions += 1;
      isFirst = false;
      gone = addAmounts(gone, batch);
      await onProgress?.({ session: id, sessions, ...gone });
    };
    const cutOptions = { batchSize, dryRun, sweeps: true, withRoots: true, onBatch };
    await cut(core.threads, id, isKept, cutOptions);
  }
  return { sessions, ...gone };
}

function isKeptBy(core: Core, { keepLast = 1, olderThan }: RetentionPruneOptions): IsKept {
  checkKeepLast("prune", keepLast);
  if (olderThan === undefined) return (_header, newer) => newer < keepLast;
  const cutoff = cutoffOf("prune", "olderThan", olderThan, core.clock());
  return ({ record }, newer) => newer < keepLast || record.createdAt >= cutoff;
}

/**
 * Erases an owner's sessions that had no activity for longer than `ttl`, each with all its rows and in a
 * transaction of its own; one that becomes active meanwhile stays. Runs that began before cannot bring a
 * session back. The last activity is known to the second.
 * @throws StorageError `INVALID_ARGUMENT`
 */
export async function expire(
  core: Core,
  target: OwnerQuery,
  options: ExpireOptions,
): Promise<ExpireReport> {
  const owner = ownerQueryOf("expire", target);
  checkOptions("expire", options, EXPIRE_OPTIONS);
  const { onProgress, dryRun = false, batchSize = BATCH_SIZE } = options;
  const cutoff = timeAgo("expire", "ttl", options.ttl, core.clock());
  let report: ExpireReport = { sessions: 0, rows: 0, bytes: 0 };
  for await (const id of idsOf(core.storage, { owner, updatedBefore: cutoff }, batchSize)) {
    const sizes = await core.storage.sizes(id);
    const isGone = dryRun || (await erase(core, id, cutoff));
    if (!isGone) continue;
    report = {
      sessions: report.sessions + 1,
      rows: sizes.reduce((sum, { rows }) => sum + rows, report.rows),
      bytes: sizes.reduce((sum, { bytes }) => sum + bytes, report.bytes),
    };
    await onProgress?.({ session: id, ...report });
  }
  return report;
}

/** Only a thread that this process works with has anything to be told. */
function erase({ threads, storage }: Core, id: string, unlessTouchedSince: number) {
  const thread = threads.known(id);
  return thread?.delete(unlessTouchedSince) ?? storage.deleteSession(id, unlessTouchedSince);
}

/** The sessions' ids, a page at a time. */
async function* idsOf(
  storage: Storage,
  query: { readonly owner: Owner; readonly updatedBefore?: number },
  limit = PAGE,
): AsyncGenerator<string> {
  let page: SessionRecord[] = [];
  let after: SessionCursor | undefined;
  do {
    page = await storage.sessions({ ...query, limit, ...(after === undefined ? {} : { after }) });
    for (const { id } of page) yield id;
    const last = page.at(-1);
    after = last && placeOfSession(last);
  } while (page.length === limit);
}

function checkOptions(operation: string, options: unknown, known: readonly string[]): void {
  checkObject(operation, "options", options);
  const given = options as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(given).find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw invalid(operation, `there is no option ${JSON.stringify(stranger)}`);
  }
  const { batchSize, dryRun, onProgress } = given;
  if (batchSize !== undefined && !(Number.isSafeInteger(batchSize) && Number(batchSize) >= 1)) {
    throw invalid(operation, "batchSize must be a whole number from 1");
  }
  if (dryRun !== undefined && typeof dryRun !== "boolean") {
    throw invalid(operation, `dryRun must be true or false, not ${describe(dryRun)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalid(operation, `onProgress must be a function, not ${describe(onProgress)}`);
  }
}
