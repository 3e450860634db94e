import type { Range } from "../storage/ranges.js";
import type { ClassRegistry } from "./classes.js";
import { Encoder } from "./encode.js";
import { Item, type ItemKeeper, type Owners } from "./item.js";
import { INLINE_CHARS } from "./list.js";
import { Matcher } from "./match.js";
import type { Tree, TreeObject } from "./tree.js";

type Path = (string | number)[];

/** So many stored versions of one message are remembered: an edit on each of some branches. */
const MAX_SAME_ID = 8;

/**
 * What this process knows of one thread's items: those it stored or loaded, by number, by text,
 * by message id, and by the live objects that stand for them.
 */
export class ItemLog implements ItemKeeper {
  readonly classes: ClassRegistry;
  /** Whoever keeps this log; held so that it lives as long as the log. */
  keeper: object | undefined;
  /** Raised when numbers that were believed are no longer certain (after a prune). */
  generation = 1;
  /** Characters held, for the cache's bound. */
  size = 0;
  readonly #bySeq = new Map<number, { item: Item; size: number }>();
  readonly #texts = new Map<string, Item>();
  readonly #pages = new Map<string, Item>();
  /** A message is found by its id and then compared: cheaper than a weak entry per live object. */
  readonly #messages = new Map<string, Item[]>();
  readonly #lists = new Map<string, Item[]>();
  readonly #live = new WeakMap<object, Item>();
  readonly #matcher: Matcher;

  constructor(classes: ClassRegistry) {
    this.classes = classes;
    this.#matcher = new Matcher(classes);
  }

  isStored(item: Item): boolean {
    return item.generation === this.generation;
  }

  get(seq: number): Item | undefined {
    return this.#bySeq.get(seq)?.item;
  }

  /** Remembers an item that the storage acknowledged or returned. */
  remember(seq: number, item: Item, size: number): void {
    item.seq = seq;
    item.generation = this.generation;
    if (this.#bySeq.has(seq)) return;
    this.#bySeq.set(seq, { item, size });
    this.size += size;
    if (item.kind === "text") this.#texts.set(item.tree as string, item);
    else if (item.kind === "page") this.#pages.set(JSON.stringify(item.tree), item);
    else if (item.messageId !== undefined) this.#addMessage(item.messageId, item);
  }

  #addMessage(id: string, item: Item): void {
    const same = this.#messages.get(id) ?? [];
    if (same.includes(item)) return;
    this.#messages.set(id, [item, ...same].slice(0, MAX_SAME_ID));
  }

  /** Drops the oldest items until at most `limit` characters are held. */
  shrink(limit: number): void {
    if (this.size > limit) this.#lists.clear();
    for (const [seq, { item, size }] of this.#bySeq) {
      if (this.size <= limit) return;
      this.#bySeq.delete(seq);
      this.size -= size;
      if (item.kind === "text") this.#texts.delete(item.tree as string);
      else if (item.kind === "page") this.#pages.delete(JSON.stringify(item.tree));
      else if (item.messageId !== undefined) this.#messages.delete(item.messageId);
    }
  }

  /** Forgets all numbers. */
  forget(): void {
    this.generation += 1;
    this.size = 0;
    this.#bySeq.clear();
    this.#texts.clear();
    this.#pages.clear();
    this.#messages.clear();
    this.#lists.clear();
  }

  /** Says that a live object was made from an item. */
  adopt(live: object, item: Item): void {
    if (item.messageId === undefined) this.#live.set(live, item);
  }

  /** The items that stood last time in the list at a path: the first guess for the next time. */
  lastList(path: string): Item[] | undefined {
    return this.#lists.get(path);
  }

  rememberList(path: string, items: Item[]): void {
    this.#lists.set(path, items);
  }

  /**
   * The item of an unchanged object that was stored or loaded before.
   * @param guess the item that it probably is
   */
  known(live: object, owners: Owners, guess?: Item): Item | undefined {
    const { id } = live as { id?: unknown };
    if (guess !== undefined && guess.messageId === id && id !== undefined) {
      if (this.#stands(live, guess, owners)) return guess;
    }
    const same = typeof id === "string" ? this.#messages.get(id) : undefined;
    if (same !== undefined) {
      for (const item of same) if (this.#stands(live, item, owners)) return item;
    }
    const item = this.#live.get(live);
    return item !== undefined && this.#stands(live, item, owners) ? item : undefined;
  }

  #stands(live: object, item: Item, owners: Owners): boolean {
    const matches =
      item.kind === "message"
        ? this.#matcher.matchesMessage(live, item.snapshot)
        : this.#matcher.matches(live, item.tree);
    return matches && owners.claim(item, live);
  }

  /** The item of an object, new if it was not stored before or has changed since. */
  encode(live: object, path: Path, owners: Owners): Item {
    const known = this.known(live, owners);
    if (known !== undefined) return known;
    const tree = new Encoder(this.classes, path).encode(live) as TreeObject;
    const message = tree.$message as Tree[] | undefined;
    const item =
      message === undefined
        ? new Item(this, "value", tree)
        : new Item(this, "message", message, this.#baseOf(live, message));
    const before = this.#sameText(live, item, owners);
    if (before !== undefined) return before;
    if (item.messageId === undefined) this.#live.set(live, item);
    else this.#addMessage(item.messageId, item);
    owners.claim(item, live);
    return item;
  }

  #baseOf(live: object, message: Tree[]): Item | undefined {
    const base = this.#live.get(live);
    return base?.isBaseOf(message) ? base : undefined;
  }

  /** An item that the matcher could not compare, but that has the very text of the new one. */
  #sameText(live: object, item: Item, owners: Owners): Item | undefined {
    const same =
      item.messageId === undefined ? [this.#live.get(live)] : this.#messages.get(item.messageId);
    return same?.find(
      (other): other is Item =>
        other !== undefined && sameText(other, item) && owners.claim(other, live),
    );
  }

  text(text: string): Item {
    let item = this.#texts.get(text);
    if (item === undefined) {
      item = new Item(this, "text", text);
      this.#texts.set(text, item);
    }
    return item;
  }

  page(text: string, tree: Tree): Item {
    return this.#pages.get(text) ?? new Item(this, "page", tree);
  }

  /** Of the wanted numbers, those that have to be read. */
  missing(ranges: Iterable<Range>): Range[] {
    const out: Range[] = [];
    for (const [first, last] of ranges) {
      let from = -1;
      for (let seq = first; seq <= last; seq += 1) {
        if (this.#bySeq.has(seq)) {
          if (from >= 0) out.push([from, seq - 1]);
          from = -1;
        } else if (from < 0) {
          from = seq;
        }
      }
      if (from >= 0) out.push([from, last]);
    }
    return out;
  }
}

/** Strings up to this length stand in the manifest itself. */
export const TEXT_ITEM_CHARS = INLINE_CHARS / 4;

function sameText(a: Item, b: Item): boolean {
  return a.kind === b.kind && JSON.stringify(a.tree) === JSON.stringify(b.tree);
}
