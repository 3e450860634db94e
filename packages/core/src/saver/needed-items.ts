import { Item } from "../state/item.js";
import { namedInPage, namedItems } from "../state/named.js";
import type { Tree } from "../state/tree.js";
import { mergeRanges, type Range } from "../storage/ranges.js";
import type { Era, ItemSize } from "../storage/storage.js";
import { ItemsGone } from "./loader.js";
import type { Threads } from "./threads.js";

const READ_AT_ONCE = 500;
/** Items of these types name no others. */
const LEAVES: ReadonlySet<string> = new Set(["text", "value"]);

/**
 * All items that trees need, directly or through others. Only items that may name others are read, and
 * none is kept in memory.
 * @param stored the items that are there
 * @throws ItemsGone where one is missing, or somebody has removed items since
 */
export async function neededItems(
  threads: Threads,
  sessionId: string,
  stored: readonly ItemSize[],
  trees: Iterable<Tree>,
  at: Era,
): Promise<Range[]> {
  const types = new Map(stored.map(({ seq, type }) => [seq, type]));
  const opened = new Set<number>();
  const needed: Range[] = [];
  let wanted = mergeRanges(namedItems(trees));
  while (wanted.length > 0) {
    needed.push(...wanted);
    const toOpen: number[] = [];
    for (const seq of numbersIn(wanted)) {
      const type = types.get(seq);
      if (type === undefined) throw missing(sessionId, seq);
      if (LEAVES.has(type) || opened.has(seq)) continue;
      opened.add(seq);
      toOpen.push(seq);
    }
    wanted = mergeRanges(await namedInItems(threads, sessionId, toOpen, at));
  }
  return mergeRanges(needed);
}

async function namedInItems(
  { storage, texts }: Threads,
  sessionId: string,
  seqs: readonly number[],
  at: Era,
): Promise<Range[]> {
  const named: Range[] = [];
  for (let i = 0; i < seqs.length; i += READ_AT_ONCE) {
    const open = new Set(seqs.slice(i, i + READ_AT_ONCE));
    const ranges = mergeRanges([...open].map((seq): Range => [seq, seq]));
    for (const { seq, type, body } of await storage.items(sessionId, ranges, at)) {
      // A storage may read others along.
      if (!open.delete(seq)) continue;
      const text = texts.read(body);
      const tree = text instanceof Promise ? await text : text;
      if (type === "page") named.push(...namedInPage(tree));
      const base = type === "page" ? undefined : Item.baseOf(tree);
      if (base !== undefined) named.push([base, base]);
    }
    const [gone] = open;
    if (gone !== undefined) throw missing(sessionId, gone);
  }
  return named;
}

function* numbersIn(ranges: readonly Range[]): Generator<number> {
  for (const [first, last] of ranges) for (let seq = first; seq <= last; seq += 1) yield seq;
}

function missing(sessionId: string, seq: number): ItemsGone {
  return new ItemsGone(`item ${seq} of thread ${JSON.stringify(sessionId)} is missing`);
}
