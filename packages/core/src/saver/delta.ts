import type { DeltaChannelHistory } from "@langchain/langgraph-checkpoint";
import type { Reader } from "../state/manifest.js";
import { escapeKey, type Tree, type TreeObject } from "../state/tree.js";
import type { CheckpointRecord, Guard } from "../storage/storage.js";
import { again } from "./loader.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";
import { parseWrites } from "./tuples.js";

const CHAIN_PAGE = 256;

interface Link {
  readonly guard: Guard;
  readonly record: CheckpointRecord;
  readonly values: TreeObject;
}

/** How far back a channel's walk goes: to the nearest stored value, its own writes included. */
interface Walk {
  readonly depth: number;
  readonly seed: Tree | undefined;
}

/** What a manifest stores for a channel; a stored `undefined` is no value to begin with. */
export function storedValue(values: TreeObject, channel: string): Tree | undefined {
  const key = escapeKey(channel);
  const value = Object.hasOwn(values, key) ? values[key] : undefined;
  const isUndefined = typeof value === "object" && value !== null && "$undefined" in value;
  return isUndefined ? undefined : value;
}

/** Ancestors nearest first, until every channel has met a stored value or the chain ends. */
async function chainOf(
  threads: Threads,
  thread: Thread,
  ns: string,
  id: string,
  channels: readonly string[],
): Promise<Link[]> {
  const chain: Link[] = [];
  const open = new Set(channels);
  const seen = new Set([id]);
  let from = id;
  while (open.size > 0) {
    const page = await threads.storage.ancestors(thread.id, ns, from, CHAIN_PAGE);
    for (const { checkpoint: record, guard } of page) {
      if (open.size === 0 || seen.has(record.id)) return chain;
      seen.add(record.id);
      const state = (await threads.texts.read(record.state)) as TreeObject;
      const values = state.values as TreeObject;
      chain.push({ guard, record, values });
      for (const channel of open) {
        if (storedValue(values, channel) !== undefined) open.delete(channel);
      }
      from = record.id;
    }
    if (page.length < CHAIN_PAGE) break;
  }
  return chain;
}

function walkOf(chain: readonly Link[], channel: string): Walk {
  const at = chain.findIndex((link) => storedValue(link.values, channel) !== undefined);
  if (at < 0) return { depth: chain.length, seed: undefined };
  return { depth: at + 1, seed: storedValue((chain[at] as Link).values, channel) };
}

/**
 * What each channel's value is rebuilt from: the nearest stored value among the ancestors and the
 * writes since, oldest first, in the order in which LangGraph applied them. One recursive
 * statement per 256 ancestors and one for all writes.
 */
export function deltaHistory(
  ...args: Parameters<typeof readHistory>
): Promise<Record<string, DeltaChannelHistory>> {
  return again(() => readHistory(...args));
}

async function readHistory(
  threads: Threads,
  thread: Thread,
  ns: string,
  id: string,
  channels: readonly string[],
): Promise<Record<string, DeltaChannelHistory>> {
  const chain = await chainOf(threads, thread, ns, id, channels);
  const era = chain[0]?.guard;
  if (era === undefined) return Object.fromEntries(channels.map((name) => [name, { writes: [] }]));
  thread.sawGuard(era);
  const walks = new Map(channels.map((channel) => [channel, walkOf(chain, channel)]));
  const depth = Math.max(0, ...[...walks.values()].map((walk) => walk.depth));
  const records =
    depth === 0 ? [] : await threads.storage.ancestorWrites(thread.id, ns, id, depth, channels);
  const writes = await parseWrites(threads, records);
  const seeds = [...walks.values()].flatMap(({ seed }) => (seed === undefined ? [] : [seed]));
  const reader = await thread.reader([...seeds, ...writes.map(({ value }) => value)], era);
  return Object.fromEntries(
    [...walks].map(([channel, walk]) => [channel, replay(reader, chain, walk, channel, writes)]),
  );
}

function replay(
  reader: Reader,
  chain: readonly Link[],
  { depth, seed }: Walk,
  channel: string,
  writes: Awaited<ReturnType<typeof parseWrites>>,
): DeltaChannelHistory {
  const own = writes.filter(({ record }) => record.channel === channel);
  const byCheckpoint = new Map<string, typeof own>();
  for (const write of own) {
    const { checkpointId } = write.record;
    const same = byCheckpoint.get(checkpointId);
    if (same === undefined) byCheckpoint.set(checkpointId, [write]);
    else same.push(write);
  }
  const oldestFirst = chain.slice(0, depth).reverse();
  const history: DeltaChannelHistory = {
    writes: oldestFirst.flatMap(({ record }) =>
      (byCheckpoint.get(record.id) ?? []).map((write): [string, string, unknown] => [
        write.record.taskId,
        channel,
        reader.readApart(write.value),
      ]),
    ),
  };
  if (seed !== undefined) history.seed = reader.readApart(seed);
  return history;
}
