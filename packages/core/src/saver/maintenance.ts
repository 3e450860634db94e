import { StorageError } from "../errors.js";
import { type Tree, type TreeObject, unescapeKey } from "../state/tree.js";
import { newIncarnation } from "../storage/ids.js";
import { gaps, mergeRanges, rangeSize } from "../storage/ranges.js";
import type {
  CheckpointRecord,
  Guard,
  NodeRunRecord,
  Removal,
  Storage,
  WriteRecord,
} from "../storage/storage.js";
import { storedValue } from "./delta.js";
import { checkpointKey } from "./lineage.js";
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

const PAGE = 200;
const MAX_TRIES = 200;

interface Header {
  readonly record: CheckpointRecord;
  readonly state: TreeObject;
}

interface Snapshot {
  readonly guard: Guard;
  readonly headers: readonly Header[];
  readonly writes: readonly WriteRecord[];
  readonly nodeRuns: readonly NodeRunRecord[];
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

export async function prune(
  threads: Threads,
  threadIds: readonly string[],
  options: PruneOptions,
): Promise<PruneReport> {
  const { strategy = "keepLatest", keepLast = 1 } = options;
  if (strategy !== "keepLatest" && strategy !== "delete") {
    throw new StorageError("INVALID_ARGUMENT", "prune", "strategy must be keepLatest or delete");
  }
  if (!Number.isSafeInteger(keepLast) || keepLast < 1) {
    throw new StorageError("INVALID_ARGUMENT", "prune", "keepLast must be a whole number from 1");
  }
  const isKept = (_header: Header, newerInNamespace: number) => newerInNamespace < keepLast;
  return forEach(threadIds, (id) => {
    const thread = threads.get(id);
    return strategy === "delete" ? removeThread(threads, thread) : cut(threads, thread, isKept);
  });
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
    const isKept = ({ record }: Header) => !doomed.has(checkpointKey(record.ns, record.id));
    return cut(threads, threads.get(sessionId), isKept);
  });
}

/** Removes a checkpoint, unless another one is rebuilt from it. */
export async function removeCheckpoint(
  threads: Threads,
  thread: Thread,
  key: string,
): Promise<PruneReport> {
  const isKept = ({ record }: Header) => checkpointKey(record.ns, record.id) !== key;
  return cut(threads, thread, isKept);
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

async function removeThread(threads: Threads, thread: Thread): Promise<PruneReport> {
  const found = await snapshot(threads, thread);
  await thread.delete();
  return {
    checkpoints: found?.headers.length ?? 0,
    items: found === undefined ? 0 : found.guard.nextItem - 1,
  };
}

/** Removes what is not kept, unless somebody writes meanwhile: then it looks again. */
async function cut(
  threads: Threads,
  thread: Thread,
  isKept: (header: Header, newerInNamespace: number) => boolean,
): Promise<PruneReport> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const found = await snapshot(threads, thread);
    if (found === undefined) return { checkpoints: 0, items: 0 };
    thread.sawGuard(found.guard);
    const removal = await removalOf(threads, thread, found, isKept);
    const report = { checkpoints: removal.checkpoints.length, items: rangeSize(removal.items) };
    if (report.checkpoints === 0) return { checkpoints: 0, items: 0 };
    if (await thread.exclusive(() => thread.remove(found.guard, removal))) return report;
  }
  throw new StorageError("BUSY", "prune", `thread ${JSON.stringify(thread.id)} never came to rest`);
}

/**
 * The thread as it stands; `undefined`: there is no checkpoint. The guard is that of the first
 * statement, so what comes to be removed fails if anything was written after that: the fewer
 * statements, the better beside a busy writer.
 */
async function snapshot(threads: Threads, thread: Thread): Promise<Snapshot | undefined> {
  let guard: Guard | undefined;
  const headers: Header[] = [];
  for (;;) {
    const beforeVersion = headers[headers.length - 1]?.record.version;
    const page = await threads.storage.list({
      sessionId: thread.id,
      limit: PAGE,
      ...(beforeVersion === undefined ? {} : { beforeVersion }),
    });
    guard ??= page[0]?.guard;
    if (guard === undefined) return undefined;
    for (const { checkpoint } of page) {
      const state = (await threads.texts.read(checkpoint.state)) as TreeObject;
      headers.push({ record: checkpoint, state });
    }
    if (page.length < PAGE) break;
  }
  return {
    guard,
    headers,
    writes: await threads.storage.sessionWrites(thread.id),
    nodeRuns: await threads.storage.nodeRuns(thread.id),
  };
}

async function removalOf(
  threads: Threads,
  thread: Thread,
  found: Snapshot,
  isKept: (header: Header, newerInNamespace: number) => boolean,
): Promise<Removal> {
  const kept = keepSet(found, isKept);
  const key = ({ record }: Header) => checkpointKey(record.ns, record.id);
  const doomed = found.headers.filter((header) => !kept.has(key(header)));
  const doomedKeys = new Set(doomed.map(key));
  const trees: Tree[] = found.headers.filter((h) => kept.has(key(h))).map(({ state }) => state);
  for (const write of found.writes) {
    // Writes whose checkpoint has not come yet stay.
    if (doomedKeys.has(checkpointKey(write.ns, write.checkpointId))) continue;
    trees.push(await threads.texts.read(write.value));
  }
  for (const { ns, checkpointId, input, output } of found.nodeRuns) {
    if (doomedKeys.has(checkpointKey(ns, checkpointId))) continue;
    trees.push(await threads.texts.read(input));
    if (output !== null) trees.push(await threads.texts.read(output));
  }
  const needed = await thread.neededItems(trees, found.guard);
  return {
    checkpoints: doomed.map(({ record }) => ({ ns: record.ns, id: record.id })),
    items: gaps(mergeRanges(needed), found.guard.nextItem),
  };
}

/** Keys of the checkpoints that stay, with the ancestors that they are rebuilt from. */
function keepSet(
  { headers, writes }: Snapshot,
  isKept: (header: Header, newerInNamespace: number) => boolean,
): Set<string> {
  const byKey = new Map(headers.map((h) => [checkpointKey(h.record.ns, h.record.id), h]));
  const written = new Set(writes.map((w) => JSON.stringify([w.ns, w.checkpointId, w.channel])));
  const newer = new Map<string, number>();
  const kept = new Set<string>();
  for (const header of headers) {
    const { ns, id } = header.record;
    const count = newer.get(ns) ?? 0;
    newer.set(ns, count + 1);
    if (!isKept(header, count)) continue;
    kept.add(checkpointKey(ns, id));
    const chain = chainOf(header, byKey);
    for (const ancestor of chain.slice(0, neededDepth(header, chain, written))) {
      kept.add(checkpointKey(ns, ancestor.record.id));
    }
  }
  return kept;
}

function chainOf(header: Header, byKey: ReadonlyMap<string, Header>): Header[] {
  const chain: Header[] = [];
  const seen = new Set<Header>([header]);
  let { parentId } = header.record;
  while (parentId !== null) {
    const parent = byKey.get(checkpointKey(header.record.ns, parentId));
    if (parent === undefined || seen.has(parent)) break;
    seen.add(parent);
    chain.push(parent);
    parentId = parent.record.parentId;
  }
  return chain;
}

/** How many ancestors LangGraph reads to rebuild the checkpoint's channels. */
function neededDepth(
  header: Header,
  chain: readonly Header[],
  written: ReadonlySet<string>,
): number {
  // Before format 4 the pending sends stood at the parent.
  let depth = (header.state.v as number) < 4 ? 1 : 0;
  const isWritten = (link: Header, channel: string) =>
    written.has(JSON.stringify([link.record.ns, link.record.id, channel]));
  for (const channel of rebuiltChannels(header)) {
    const seed = chain.findIndex((link) => hasValue(link, channel));
    const oldest = chain.findLastIndex((link) => isWritten(link, channel));
    depth = Math.max(depth, (seed >= 0 ? seed : oldest) + 1);
  }
  return depth;
}

/** Channels that LangGraph makes for itself: they are consumed, never rebuilt. */
const INTERNAL = /^(__start__$|__pregel_|branch:to:|join:)/;

/** Channels that were written and have no value here. */
function rebuiltChannels(header: Header): string[] {
  const channels = Object.keys(header.state.versions as TreeObject).map(unescapeKey);
  return channels.filter((channel) => !INTERNAL.test(channel) && !hasValue(header, channel));
}

function hasValue({ state }: Header, channel: string): boolean {
  return storedValue(state.values as TreeObject, channel) !== undefined;
}
