import { StorageError } from "../errors.js";
import { Item } from "../state/item.js";
import type { ItemLog } from "../state/item-log.js";
import { namedItems } from "../state/named.js";
import type { Tree } from "../state/tree.js";
import { mergeRanges, type Range } from "../storage/ranges.js";
import type { Era, ItemRecord, Storage } from "../storage/storage.js";
import type { Texts } from "./texts.js";

/** Pages of pages of pages: more levels than this are a circle, which no writer makes. */
const MAX_LEVELS = 16;

/** The items that trees need, directly or through other items. */
export interface Loaded {
  readonly items: ReadonlyMap<number, Item>;
  readonly ranges: readonly Range[];
}

/**
 * Fetches what the log does not hold: one statement, and one more for each level of pages or of
 * messages that are like others.
 */
export class ItemLoader {
  readonly #sessionId: string;
  readonly #storage: Storage;
  readonly #texts: Texts;
  readonly #log: ItemLog;

  constructor(sessionId: string, storage: Storage, texts: Texts, log: ItemLog) {
    this.#sessionId = sessionId;
    this.#storage = storage;
    this.#texts = texts;
    this.#log = log;
  }

  /**
   * @param at when the trees were read
   * @throws ItemsGone where an item is missing, or somebody has removed items since
   */
  async load(trees: Iterable<Tree>, at: Era): Promise<Loaded> {
    const { generation } = this.#log;
    const items = new Map<number, Item>();
    const waiting = new Map<number, { record: ItemRecord; body: Tree }>();
    const ranges: Range[] = [];
    let wanted = mergeRanges(namedItems(trees));
    for (let level = 0; wanted.length > 0; level += 1) {
      if (level > MAX_LEVELS) throw this.#missing(wanted);
      ranges.push(...wanted);
      const missing = this.#log.missing(wanted);
      if (missing.length > 0) {
        const records = await this.#storage.items(this.#sessionId, missing, at);
        for (const record of records) {
          const body = this.#texts.read(record.body);
          // Most texts are plain JSON: no turn of the queue for each of them.
          waiting.set(record.seq, { record, body: body instanceof Promise ? await body : body });
        }
        // What is remembered now must still be there: a prune may have been noticed meanwhile.
        if (this.#log.generation !== generation) throw this.#missing(missing);
      }
      const bases = this.#make(waiting, items);
      wanted = mergeRanges([...bases, ...this.#named(wanted, items, waiting)]);
    }
    return { items, ranges };
  }

  /** Makes items of what was fetched. @returns the items that some of them are like */
  #make(
    waiting: Map<number, { record: ItemRecord; body: Tree }>,
    items: Map<number, Item>,
  ): Range[] {
    const bases: Range[] = [];
    for (const { record, body } of waiting.values()) {
      const { seq, type } = record;
      const baseSeq = Item.baseOf(body);
      const base = baseSeq === undefined ? undefined : this.#find(baseSeq, items);
      if (baseSeq !== undefined && base === undefined) {
        bases.push([baseSeq, baseSeq]);
        continue;
      }
      waiting.delete(seq);
      const item = this.#log.get(seq) ?? Item.read(this.#log, type, body, base);
      this.#log.remember(seq, item, record.body.length);
      items.set(seq, item);
    }
    return bases;
  }

  #named(
    wanted: readonly Range[],
    items: ReadonlyMap<number, Item>,
    waiting: ReadonlyMap<number, unknown>,
  ): Range[] {
    const named: Range[] = [];
    for (const [first, last] of wanted) {
      for (let seq = first; seq <= last; seq += 1) {
        const item = this.#find(seq, items);
        if (item === undefined) {
          if (!waiting.has(seq)) throw this.#missing([[seq, seq]]);
        } else if (item.kind === "page" || item.base !== undefined) {
          named.push(...item.named);
        }
      }
    }
    return named;
  }

  #find(seq: number, items: ReadonlyMap<number, Item>): Item | undefined {
    return items.get(seq) ?? this.#log.get(seq);
  }

  #missing(ranges: readonly Range[]): ItemsGone {
    const [first] = ranges[0] as Range;
    return new ItemsGone(`item ${first} of thread ${JSON.stringify(this.#sessionId)} is missing`);
  }
}

/**
 * Somebody removed items between the reading of a checkpoint and that of its items: reading it
 * again helps. If it does not, the row is corrupt.
 */
export class ItemsGone extends StorageError {
  constructor(message: string) {
    super("CORRUPT", "read", message);
  }
}

const MAX_READINGS = 5;

/** Reads again where items were removed between two statements of one reading. */
export async function again<T>(read: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof ItemsGone) || attempt === MAX_READINGS) throw error;
    }
  }
}
