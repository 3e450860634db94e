import type { RunnableConfig } from "@langchain/core/runnables";
import type { CheckpointListOptions, CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { StorageError } from "../errors.js";
import { checkId } from "../storage/ids.js";
import { isOfAnotherTenant } from "../storage/owners.js";
import type { ListQuery, StoredCheckpoint } from "../storage/storage.js";
import {
  checkConfig,
  checkFilter,
  checkLimit,
  checkpointIdOf,
  namespaceOf,
  ownerOf,
} from "./config.js";
import { again } from "./loader.js";
import { readMetadata } from "./metadata.js";
import type { Threads } from "./threads.js";
import { learn, type Parsed, parse, readTuple } from "./tuples.js";

const PAGE = 64;

/** The query that a config and its `before` describe. */
async function queryOf(
  threads: Threads,
  config: RunnableConfig,
  before: RunnableConfig | undefined,
): Promise<Omit<ListQuery, "limit">> {
  checkConfig("list", "config", config);
  if (before !== undefined) checkConfig("list", "before", before);
  const { thread_id, checkpoint_ns } = config.configurable ?? {};
  const sessionId = thread_id === undefined ? undefined : checkId("list", "thread_id", thread_id);
  const ns = checkpoint_ns === undefined ? undefined : namespaceOf("list", config);
  const id = checkpointIdOf("list", config);
  const beforeId = before === undefined ? undefined : checkpointIdOf("list", before);
  // The order of a thread is the order in which its checkpoints were acknowledged; ids follow the
  // clocks of the writers, so they decide only where the checkpoint is not of this thread.
  const beforeVersion =
    sessionId === undefined || beforeId === undefined
      ? undefined
      : await versionOf(threads, sessionId, ns, beforeId);
  return {
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(ns === undefined ? {} : { ns }),
    ...(id === undefined ? {} : { id }),
    ...(beforeVersion !== undefined
      ? { beforeVersion }
      : beforeId !== undefined
        ? { beforeId }
        : {}),
  };
}

/** The checkpoint of the listed namespace, else the newest of that id: a subgraph is also listed
 * from a checkpoint of its parent graph. */
async function versionOf(
  threads: Threads,
  sessionId: string,
  ns: string | undefined,
  id: string,
): Promise<number | undefined> {
  const found = await threads.storage.versions(sessionId, id);
  const own = found.find((place) => place.ns === ns);
  return found.length === 0
    ? undefined
    : (own?.version ?? Math.max(...found.map(({ version }) => version)));
}

/** Where the page after this one begins. */
function behind(query: Omit<ListQuery, "limit">, last: StoredCheckpoint): Omit<ListQuery, "limit"> {
  const { sessionId, checkpoint } = last;
  if (query.sessionId !== undefined) return { ...query, beforeVersion: checkpoint.version };
  return { ...query, after: { sessionId, id: checkpoint.id, version: checkpoint.version } };
}

export async function* listTuples(
  threads: Threads,
  config: RunnableConfig,
  options: CheckpointListOptions,
): AsyncGenerator<CheckpointTuple> {
  let left = checkLimit("list", options.limit) ?? Number.POSITIVE_INFINITY;
  const filter = Object.entries(checkFilter("list", options.filter));
  let query = await queryOf(threads, config, options.before);
  const owner = ownerOf("list", config);
  while (left > 0) {
    const limit = filter.length === 0 ? Math.min(PAGE, left) : PAGE;
    const page = await threads.storage.list({ ...query, limit });
    const chosen: StoredCheckpoint[] = [];
    for (const stored of page) {
      if (chosen.length === left) break;
      if (isOfAnotherTenant(stored.guard.owner, owner)) continue;
      // Copies to come back to are no steps of the thread; they are found by their ids.
      if (stored.checkpoint.copyOf !== null && query.id === undefined) continue;
      if (await matches(threads, stored, filter)) chosen.push(stored);
    }
    left -= chosen.length;
    yield* readPage(threads, chosen);
    const last = page[page.length - 1];
    if (last === undefined || page.length < limit) return;
    query = behind(query, last);
  }
}

async function matches(
  threads: Threads,
  stored: StoredCheckpoint,
  filter: readonly [string, unknown][],
): Promise<boolean> {
  if (filter.length === 0) return true;
  const { classes } = threads.get(stored.sessionId).log;
  const metadata: Record<string, unknown> = await readMetadata(threads, classes, stored.checkpoint);
  return filter.every(([key, value]) => metadata[key] === value);
}

async function* readPage(
  threads: Threads,
  page: readonly StoredCheckpoint[],
): AsyncGenerator<CheckpointTuple> {
  const parsed = await prefetch(threads, page);
  for (const [i, listed] of page.entries()) {
    const { sessionId, checkpoint } = listed;
    let stored: StoredCheckpoint | undefined = listed;
    let isFirst = true;
    const tuple = await again(async () => {
      if (!isFirst) {
        stored = await threads.storage.checkpoint(sessionId, checkpoint.ns, checkpoint.id);
      }
      const known = isFirst ? parsed?.[i] : undefined;
      isFirst = false;
      return stored && (await readTuple(threads, stored, known)).tuple;
    });
    // What was deleted since the page was read is passed over.
    if (tuple !== undefined) yield tuple;
  }
}

/**
 * One reading for the whole page; its tuples then find everything in memory. `undefined` where a
 * row is corrupt or items are gone: every tuple is then read by itself, and only that row fails.
 */
async function prefetch(
  threads: Threads,
  page: readonly StoredCheckpoint[],
): Promise<Parsed[] | undefined> {
  try {
    return await prefetchAll(threads, page);
  } catch (error) {
    if (error instanceof StorageError && error.code !== "CORRUPT") throw error;
    return undefined;
  }
}

async function prefetchAll(threads: Threads, page: readonly StoredCheckpoint[]): Promise<Parsed[]> {
  const all = await Promise.all(page.map((stored) => parse(threads, stored)));
  for (const sessionId of new Set(page.map((stored) => stored.sessionId))) {
    const own = all.filter(({ stored }) => stored.sessionId === sessionId);
    const thread = threads.get(sessionId);
    for (const one of own) learn(thread, one);
    const trees = own.flatMap((one) => [one.state, ...one.writes.map(({ value }) => value)]);
    await thread.neededItems(trees, (own[0] as Parsed).stored.guard);
  }
  return all;
}
