import { StorageError } from "../errors.js";
import { Item } from "../state/item.js";
import type { Segment } from "../state/list.js";
import type { Tree, TreeObject } from "../state/tree.js";
import { mergeRanges, type Range } from "../storage/ranges.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import { storedValue } from "./delta.js";
import { ItemsGone } from "./loader.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";
import { learn } from "./tuples.js";

/** A storage may read more ranges than this as fewer, wider ones, and with them what nobody wants. */
const RANGES_AT_ONCE = 32;
/** Pages of pages of pages: more levels than this are a circle, which no writer makes. */
const MAX_LEVELS = 16;

/** Segments without pages: items in a row, or small elements. */
type Flat = [first: number, count: number] | { readonly v: readonly Tree[] };

const sizeOf = (segment: Flat): number => (Array.isArray(segment) ? segment[1] : segment.v.length);

/**
 * The list that a checkpoint holds in a channel. To know its length, the pages that say which items it
 * is made of are read; of the items themselves, only those that are asked for.
 */
export class StoredList {
  readonly length: number;
  readonly #threads: Threads;
  readonly #stored: StoredCheckpoint;
  readonly #segments: readonly Flat[];

  private constructor(threads: Threads, stored: StoredCheckpoint, segments: readonly Flat[]) {
    this.#threads = threads;
    this.#stored = stored;
    this.#segments = segments;
    this.length = segments.reduce((sum, segment) => sum + sizeOf(segment), 0);
  }

  /**
   * @returns `undefined` where the channel has no value here, or one that can only be read whole
   * @throws ItemsGone where somebody has removed items since the checkpoint was read
   */
  static async open(
    threads: Threads,
    stored: StoredCheckpoint,
    channel: string,
  ): Promise<StoredList | undefined> {
    const thread = threads.get(stored.sessionId);
    return readable(stored, async () => {
      const state = (await threads.texts.read(stored.checkpoint.state)) as TreeObject;
      learn(thread, { stored, state, writes: [] });
      const pages = new Pages(threads, thread, stored);
      const value = storedValue(state.values as TreeObject, channel);
      const segments = value === undefined ? undefined : await segmentsOf(value, pages);
      if (segments === undefined) return undefined;
      const flat = await pages.flatten(segments);
      return refers(flat) ? undefined : new StoredList(threads, stored, flat);
    });
  }

  /** Fresh values of the elements from one index up to another. */
  async read(from: number, to: number): Promise<unknown[]> {
    const thread = this.#threads.get(this.#stored.sessionId);
    return readable(this.#stored, async () => {
      const elements: unknown[] = [];
      const wanted = part(this.#segments, from, to);
      for (let at = 0; at < wanted.length; at += RANGES_AT_ONCE) {
        const segments = wanted.slice(at, at + RANGES_AT_ONCE) as Tree[];
        const reader = await thread.reader([{ $list: segments }], this.#stored.guard);
        reader.list(segments, elements, (tree) => reader.read(tree));
      }
      this.#threads.used(thread);
      return elements;
    });
  }
}

/** The segments of a stored list, where it is one: on its own, or as a DeltaChannel keeps it. */
async function segmentsOf(value: Tree, pages: Pages): Promise<Segment[] | undefined> {
  if (Array.isArray(value)) return [{ v: value }];
  if (typeof value !== "object" || value === null) return undefined;
  const { $list, $page, $class } = value;
  if ($list !== undefined) return $list as unknown as Segment[];
  if ($page !== undefined) return segmentsOf(await pages.page($page as number), pages);
  const [name, fields] = ($class ?? []) as [string?, TreeObject?];
  if (name !== "DeltaSnapshot" || fields?.value === undefined) return undefined;
  return segmentsOf(fields.value, pages);
}

/** The pages of a list, each read once. */
class Pages {
  readonly #threads: Threads;
  readonly #thread: Thread;
  readonly #stored: StoredCheckpoint;

  constructor(threads: Threads, thread: Thread, stored: StoredCheckpoint) {
    this.#threads = threads;
    this.#thread = thread;
    this.#stored = stored;
  }

  async page(seq: number): Promise<Tree> {
    return (await this.#load([seq])).get(seq) as Tree;
  }

  async flatten(segments: readonly Segment[]): Promise<Flat[]> {
    let current = segments;
    for (let level = 0; level <= MAX_LEVELS; level += 1) {
      const seqs = current.flatMap((one) =>
        Array.isArray(one) && one.length === 1 ? [one[0]] : [],
      );
      if (seqs.length === 0) return current as Flat[];
      const trees = await this.#load([...new Set(seqs)].sort((a, b) => a - b));
      current = current.flatMap((one) =>
        Array.isArray(one) && one.length === 1
          ? (trees.get(one[0]) as unknown as Segment[])
          : [one],
      );
    }
    throw new TypeError("the pages of a list form a circle");
  }

  async #load(seqs: readonly number[]): Promise<Map<number, Tree>> {
    const { log } = this.#thread;
    const known = seqs.map((seq) => [seq, log.get(seq)?.tree] as const);
    const trees = new Map(known.filter((entry): entry is [number, Tree] => entry[1] !== undefined));
    const missing = seqs.filter((seq) => !trees.has(seq));
    const ranges = mergeRanges(missing.map((seq): Range => [seq, seq]));
    const parts: Range[][] = [];
    for (let at = 0; at < ranges.length; at += RANGES_AT_ONCE) {
      parts.push(ranges.slice(at, at + RANGES_AT_ONCE));
    }
    await Promise.all(parts.map((part) => this.#fetch(part, trees)));
    const gone = seqs.find((seq) => !trees.has(seq));
    if (gone === undefined) return trees;
    throw new ItemsGone(`item ${gone} of thread ${JSON.stringify(this.#thread.id)} is missing`);
  }

  async #fetch(ranges: readonly Range[], into: Map<number, Tree>): Promise<void> {
    const { log, id } = this.#thread;
    const { generation } = log;
    const records = await this.#threads.storage.items(id, ranges, this.#stored.guard);
    for (const { seq, type, body } of records) {
      // A storage may return others too.
      if (type !== "page") continue;
      const item = Item.read(log, type, await this.#threads.texts.read(body));
      into.set(seq, item.tree);
      // What is remembered must still be there: a prune may have been noticed meanwhile.
      if (log.generation === generation) log.remember(seq, item, body.length);
    }
  }
}

/** The segments that hold the elements from one index up to another. */
function part(segments: readonly Flat[], from: number, to: number): Flat[] {
  const wanted: Flat[] = [];
  let at = 0;
  for (const segment of segments) {
    const size = sizeOf(segment);
    const first = Math.max(from - at, 0);
    const end = Math.min(to - at, size);
    at += size;
    if (first >= end) continue;
    if (Array.isArray(segment)) wanted.push([segment[0] + first, end - first]);
    else wanted.push({ v: segment.v.slice(first, end) });
  }
  return wanted;
}

/** Whether small elements share objects: then one cannot be read without the others. */
const refers = (segments: readonly Flat[]): boolean =>
  segments.some((one) => !Array.isArray(one) && JSON.stringify(one.v).includes('"$ref"'));

/** What is no state that we write is corrupt. */
async function readable<T>({ sessionId, checkpoint }: StoredCheckpoint, read: () => Promise<T>) {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StorageError) throw error;
    const place = `checkpoint ${JSON.stringify(checkpoint.id)} of thread ${JSON.stringify(sessionId)}`;
    throw new StorageError("CORRUPT", "read", `${place} cannot be read`, { cause: error });
  }
}
