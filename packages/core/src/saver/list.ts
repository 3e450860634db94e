import type { RunnableConfig } from "@langchain/core/runnables";
import type { CheckpointListOptions, CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { checkId } from "../storage/ids.js";
import type { ListQuery, StoredCheckpoint } from "../storage/storage.js";
import { checkFilter, checkLimit, checkpointIdOf, namespaceOf } from "./config.js";
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
      : await threads.storage.version(sessionId, beforeId);
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

/** Where the page after this one begins. */
function behind(query: Omit<ListQuery, "limit">, last: StoredCheckpoint): Omit<ListQuery, "limit"> {
  const { sessionId, checkpoint } = last;
  if (query.sessionId !== undefined) return { ...query, beforeVersion: checkpoint.version };
  return { ...query, after: { sessionId, ns: checkpoint.ns, id: checkpoint.id } };
}

export async function* listTuples(
  threads: Threads,
  config: RunnableConfig,
  options: CheckpointListOptions,
): AsyncGenerator<CheckpointTuple> {
  let left = checkLimit("list", options.limit) ?? Number.POSITIVE_INFINITY;
  const filter = Object.entries(checkFilter("list", options.filter));
  let query = await queryOf(threads, config, options.before);
  while (left > 0) {
    const limit = filter.length === 0 ? Math.min(PAGE, left) : PAGE;
    const page = await threads.storage.list({ ...query, limit });
    const chosen = page.filter((stored) => matches(threads, stored, filter)).slice(0, left);
    left -= chosen.length;
    yield* readPage(threads, chosen);
    const last = page[page.length - 1];
    if (last === undefined || page.length < limit) return;
    query = behind(query, last);
  }
}

function matches(
  threads: Threads,
  stored: StoredCheckpoint,
  filter: readonly [string, unknown][],
): boolean {
  if (filter.length === 0) return true;
  const { classes } = threads.get(stored.sessionId).log;
  const metadata: Record<string, unknown> = readMetadata(classes, stored.checkpoint);
  return filter.every(([key, value]) => metadata[key] === value);
}

async function* readPage(
  threads: Threads,
  page: readonly StoredCheckpoint[],
): AsyncGenerator<CheckpointTuple> {
  const parsed = await Promise.all(page.map((stored) => parse(threads, stored)));
  const threadOf = (one: Parsed) => threads.get(one.stored.sessionId);
  for (const thread of new Set(parsed.map(threadOf))) {
    const own = parsed.filter((one) => threadOf(one) === thread);
    for (const one of own) learn(thread, one);
    // One reading for the whole page; the tuples then find everything in memory.
    await thread.reader(own.flatMap((one) => [one.state, ...one.writes.map((w) => w.value)]));
  }
  for (const one of parsed) {
    const thread = threadOf(one);
    yield await readTuple(threads, thread, one);
    threads.used(thread);
  }
}
