import { type TreeObject, unescapeKey } from "../state/tree.js";
import { checkpointKey } from "../storage/keys.js";
import { storedValue } from "./delta.js";
import type { Header, Snapshot } from "./snapshot.js";

/**
 * Whether a checkpoint stays for its own sake.
 * @param newer how many of its namespace are newer than the state that it holds, copies aside
 */
export type IsKept = (header: Header, newer: number) => boolean;

/** A checkpoint among those of its thread. */
interface Link {
  readonly header: Header;
  readonly parent: Link | undefined;
  /** The channels that its tasks wrote to. */
  readonly written: ReadonlySet<string>;
}

/**
 * Keys of the checkpoints that stay, with the ancestors that they are rebuilt from.
 * @param roots the root graph's checkpoint, by the key of one that stays only as long as that one
 */
export function keepSet(
  snapshot: Snapshot,
  isKept: IsKept,
  roots: ReadonlyMap<string, string>,
): Set<string> {
  const newer = newerOf(snapshot.headers);
  const links = linksOf(snapshot).filter(({ header }) => isKept(header, newer(header)));
  const kept = new Set<string>();
  const keep = (link: Link) => {
    kept.add(link.header.key);
    for (const ancestor of neededBy(link)) kept.add(ancestor.header.key);
  };
  for (const link of links) if (!roots.has(link.header.key)) keep(link);
  const isUnderWay = underWayIn(snapshot.headers);
  for (const link of links) {
    const root = roots.get(link.header.key);
    if (root === undefined) continue;
    const key = checkpointKey("", root);
    if (kept.has(key) || isUnderWay(link.header, key)) keep(link);
  }
  return kept;
}

/** LangGraph may send a subgraph's checkpoint before that of the root: then the root's comes after it. */
function underWayIn(headers: readonly Header[]): (header: Header, root: string) => boolean {
  const keys = new Set(headers.map(({ key }) => key));
  const newest = headers.find(({ record: { ns, copyOf } }) => ns === "" && copyOf === null);
  const version = newest?.record.version ?? 0;
  return ({ record }, root) => !keys.has(root) && record.version > version;
}

/** A copy to come back to is as old as the state that it keeps, and pushes nothing out. */
function newerOf(headers: readonly Header[]): (header: Header) => number {
  const versions = new Map<string, number[]>();
  for (const { record } of headers) {
    if (record.copyOf !== null) continue;
    const own = versions.get(record.ns);
    if (own === undefined) versions.set(record.ns, [record.version]);
    else own.push(record.version);
  }
  for (const own of versions.values()) own.sort((a, b) => b - a);
  return ({ record: { ns, version, copyOf } }) =>
    countAbove(versions.get(ns) ?? [], copyOf ?? version);
}

/** How many of the falling numbers are above a bound. */
function countAbove(falling: readonly number[], bound: number): number {
  let [low, high] = [0, falling.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((falling[middle] as number) > bound) low = middle + 1;
    else high = middle;
  }
  return low;
}

function linksOf({ headers, writes }: Snapshot): Link[] {
  const written = new Map<string, Set<string>>();
  for (const { ns, checkpointId, channel } of writes) {
    const key = checkpointKey(ns, checkpointId);
    const channels = written.get(key);
    if (channels === undefined) written.set(key, new Set([channel]));
    else channels.add(channel);
  }
  const links = new Map<string, { header: Header; parent: Link | undefined; written: Set<string> }>(
    headers.map((header) => {
      const { key } = header;
      return [key, { header, parent: undefined, written: written.get(key) ?? new Set() }];
    }),
  );
  for (const link of links.values()) {
    const { ns, parentId } = link.header.record;
    if (parentId !== null) link.parent = links.get(checkpointKey(ns, parentId));
  }
  return [...links.values()];
}

/** The ancestors that LangGraph reads to rebuild the checkpoint's channels. */
function neededBy(link: Link): Link[] {
  const open = new Set(rebuiltChannels(link.header));
  // Before format 4 the pending sends stood at the parent.
  let depth = (link.header.state.v as number) < 4 ? 1 : 0;
  if (depth === 0 && open.size === 0) return [];
  const chain: Link[] = [];
  const seen = new Set([link]);
  for (let at = link.parent; at !== undefined && !seen.has(at); at = at.parent) {
    seen.add(at);
    chain.push(at);
    for (const channel of open) {
      const isSeed = hasValue(at.header, channel);
      if (isSeed || at.written.has(channel)) depth = Math.max(depth, chain.length);
      if (isSeed) open.delete(channel);
    }
    if (open.size === 0) break;
  }
  return chain.slice(0, depth);
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
