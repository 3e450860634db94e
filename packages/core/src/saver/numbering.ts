import type { Item } from "../state/item.js";
import type { ItemLog } from "../state/item-log.js";
import type { Numbering } from "../state/list.js";
import type { Tree } from "../state/tree.js";

/** Gives numbers to the items of one batch that are not stored yet. */
export class BatchNumbering implements Numbering {
  readonly #log: ItemLog;
  readonly #fresh = new Map<Item, number>();
  readonly #pages = new Map<string, Item>();
  #next: number;

  constructor(log: ItemLog, next: number) {
    this.#log = log;
    this.#next = next;
  }

  get next(): number {
    return this.#next;
  }

  get fresh(): ReadonlyMap<Item, number> {
    return this.#fresh;
  }

  /** A number of its own for something that is no item. */
  take(): number {
    this.#next += 1;
    return this.#next - 1;
  }

  seq(item: Item): number {
    if (this.#log.isStored(item)) return item.seq;
    let seq = this.#fresh.get(item);
    if (seq === undefined) {
      seq = this.#next;
      this.#next += 1;
      this.#fresh.set(item, seq);
    }
    return seq;
  }

  page(text: string, tree: Tree): Item {
    let page = this.#pages.get(text);
    if (page === undefined) {
      page = this.#log.page(text, tree);
      this.#pages.set(text, page);
    }
    return page;
  }
}
