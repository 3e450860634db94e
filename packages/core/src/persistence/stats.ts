import { StorageError } from "../errors.js";
import { again } from "../saver/loader.js";
import { neededItems } from "../saver/needed-items.js";
import { type Tree, type TreeObject, unescapeKey } from "../state/tree.js";
import { checkId } from "../storage/ids.js";
import { mergeRanges, type Range } from "../storage/ranges.js";
import type { ItemSize, StoredCheckpoint, TableSize } from "../storage/storage.js";
import type { Core } from "./core.js";

/** What a channel takes in the newest checkpoints. */
export interface ChannelSize {
  readonly channel: string;
  /** Items that its value is put together from: messages, documents, pages of lists. */
  readonly items: number;
  /** Of these, and of what stands in the checkpoints themselves, in UTF-8. */
  readonly bytes: number;
}

/** What a session takes in the database, indexes and the engine's own overhead aside. */
export interface SessionStats {
  readonly session: string;
  /** In all tables. */
  readonly rows: number;
  /** Of the rows' texts, in UTF-8. */
  readonly bytes: number;
  readonly checkpoints: number;
  readonly tables: readonly TableSize[];
  /**
   * What is needed by the newest checkpoint of each namespace, the largest channel first. An item that two
   * channels share is counted for both; what only older checkpoints need is in none.
   */
  readonly channels: readonly ChannelSize[];
}

/**
 * The size of a session, by table and by channel.
 * @throws StorageError `NOT_FOUND`, `INVALID_ARGUMENT`
 */
export async function stats(core: Core, sessionId: string): Promise<SessionStats> {
  checkId("stats", "sessionId", sessionId);
  const tables = await core.storage.sizes(sessionId);
  if (tables.length === 0) {
    const what = `there is no session ${JSON.stringify(sessionId)}`;
    throw new StorageError("NOT_FOUND", "stats", what);
  }
  return {
    session: sessionId,
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
    checkpoints: tables.find(({ table }) => table === "agent_state")?.rows ?? 0,
    tables,
    channels: await again(() => channelSizes(core, sessionId)),
  };
}

async function channelSizes(core: Core, sessionId: string): Promise<ChannelSize[]> {
  const { storage } = core;
  const trees = new Map<string, { at: StoredCheckpoint; tree: Tree }[]>();
  for (const ns of await storage.namespaces(sessionId)) {
    const at = await storage.checkpoint(sessionId, ns, undefined);
    if (at === undefined) continue;
    const { values } = (await core.threads.texts.read(at.checkpoint.state)) as TreeObject;
    for (const [key, tree] of Object.entries(values as TreeObject)) {
      const channel = unescapeKey(key);
      trees.set(channel, [...(trees.get(channel) ?? []), { at, tree: tree as Tree }]);
    }
  }
  const items = await storage.itemSizes(sessionId);
  const bytesOf = new Map(items.map(({ seq, bytes }) => [seq, bytes]));
  const channels: ChannelSize[] = [];
  for (const [channel, parts] of trees) {
    const ranges = await rangesOf(core, sessionId, items, parts);
    let [count, bytes] = [0, 0];
    for (const { tree } of parts) bytes += Buffer.byteLength(JSON.stringify(tree));
    for (const [first, last] of ranges) {
      for (let seq = first; seq <= last; seq += 1) bytes += bytesOf.get(seq) ?? 0;
      count += last - first + 1;
    }
    channels.push({ channel, items: count, bytes });
  }
  return channels.sort((a, b) => b.bytes - a.bytes || (a.channel < b.channel ? -1 : 1));
}

async function rangesOf(
  core: Core,
  sessionId: string,
  items: readonly ItemSize[],
  parts: readonly { at: StoredCheckpoint; tree: Tree }[],
): Promise<Range[]> {
  const ranges: Range[] = [];
  for (const { at, tree } of parts) {
    ranges.push(...(await neededItems(core.threads, sessionId, items, [tree], at.guard)));
  }
  return mergeRanges(ranges);
}
