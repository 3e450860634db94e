import { StorageError } from "../errors.js";
import { Item } from "../state/item.js";
import type { ItemLog } from "../state/item-log.js";
import { namedItems } from "../state/named.js";
import type { Tree } from "../state/tree.js";
import { mergeRanges, type Range } from "../storage/ranges.js";
import type { ItemRecord, Storage } from "../storage/storage.js";
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

  /** @throws StorageError `CORRUPT` where an item is missing */
  async load(trees: Iterable<Tree>): Promise<Loaded> {
    const items = new Map<number, Item>();
    const waiting = new Map<number, { record: ItemRecord; body: Tree }>();
    const ranges: Range[] = [];
    let wanted = mergeRanges(namedItems(trees));
    for (let level = 0; wanted.length > 0; level += 1) {
      if (level > MAX_LEVELS) throw this.#missing((wanted[0] as Range)[0]);
      ranges.push(...wanted);
      const missing = this.#log.missing(wanted);
      if (missing.length > 0) {
        for (const record of await this.#storage.items(this.#sessionId, missing)) {
          const body = this.#texts.read(record.body);
          // Most texts are plain JSON: no turn of the queue for each of them.
          waiting.set(record.seq, { record, body: body instanceof Promise ? await body : body });
        }
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
        if (item !== undefined) named.push(...item.named);
        else if (!waiting.has(seq)) throw this.#missing(seq);
      }
    }
    return named;
  }

  #find(seq: number, items: ReadonlyMap<number, Item>): Item | undefined {
    return items.get(seq) ?? this.#log.get(seq);
  }

  #missing(seq: number): StorageError {
    const message = `item ${seq} of thread ${JSON.stringify(this.#sessionId)} is missing`;
    return new StorageError("CORRUPT", "read", message);
  }
}
