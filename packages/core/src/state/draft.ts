import { Encoder, isDense } from "./encode.js";
import { Item, type Owners } from "./item.js";
import { type ItemLog, TEXT_ITEM_CHARS } from "./item-log.js";
import { kindOf } from "./kinds.js";
import { INLINE_CHARS, type Numbering, type Segment, SegmentBuilder, seal } from "./list.js";
import { assign, type Tree } from "./tree.js";

/** A tree whose items have no numbers yet. */
export type Draft =
  | null
  | boolean
  | number
  | string
  | Item
  | DraftList
  | Draft[]
  | { [key: string]: Draft };

/** An array of a draft: items and small elements in their order. */
export class DraftList {
  readonly parts: Draft[] = [];
}

/** Objects from this weight on become items of their own. */
const ITEM_WEIGHT = TEXT_ITEM_CHARS;
/** Shorter lists are not worth a guess. */
const GUESS_FROM = 16;
/** Objects above this weight are opened, so that an edit does not store all of them again. */
const OPEN_WEIGHT = 8192;

/**
 * Encodes one channel value or write: messages, long strings and middle-sized objects become
 * items; lists and big objects stay open, so that what did not change is not written again.
 */
export class DraftEncoder extends Encoder {
  readonly #log: ItemLog;
  readonly #owners: Owners;

  constructor(log: ItemLog, owners: Owners, path: (string | number)[]) {
    super(log.classes, path);
    this.#log = log;
    this.#owners = owners;
  }

  protected override place(value: unknown, parent: Draft[], key: string | number): boolean {
    if (typeof value === "string") {
      if (value.length < TEXT_ITEM_CHARS) return false;
      assign(parent, key as string, this.#log.text(value));
      return true;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
    const item = this.#item(value);
    if (item === undefined) return false;
    assign(parent, key as string, item);
    return true;
  }

  #item(value: object): Item | undefined {
    const known = this.#known(value);
    if (known !== undefined) return known;
    return this.#isItem(value)
      ? this.#log.encode(value, [...this.path()], this.#owners)
      : undefined;
  }

  /** What throws when it is read is opened, so that the refusal names its very path. */
  #known(value: object, guess?: Item): Item | undefined {
    try {
      return this.#log.known(value, this.#owners, guess);
    } catch {
      return undefined;
    }
  }

  #isItem(value: object): boolean {
    try {
      if (this.classes.messageOf(value) !== undefined) return true;
      const weight = this.#weigh(value, 0);
      if (weight < ITEM_WEIGHT) return false;
      return kindOf(value) === "bytes" || (weight <= OPEN_WEIGHT && !this.#hasItemList(value));
    } catch {
      return false;
    }
  }

  protected override array(value: unknown[], parent: Draft[], key: string | number): void {
    if (!isDense(value)) return super.array(value, parent, key);
    const list = new DraftList();
    assign(parent, key as string, list);
    const path = JSON.stringify(this.path());
    const guesses = this.#log.lastList(path);
    const items: Item[] = [];
    for (let i = 0; i < value.length; i += 1) {
      const part = value[i];
      const known =
        typeof part === "object" && part !== null ? this.#known(part, guesses?.[i]) : undefined;
      if (known !== undefined) list.parts[i] = known;
      else this.child(part, list.parts, i, i);
      const placed = list.parts[i];
      if (placed instanceof Item) items[i] = placed;
    }
    if (items.length > GUESS_FROM) this.#log.rememberList(path, items);
  }

  /** Lists of heavy elements grow, and their elements often stand elsewhere too. */
  #hasItemList(value: object): boolean {
    return Object.values(value).some(
      (field) =>
        Array.isArray(field) &&
        field.some((part) => typeof part === "object" && this.#weigh(part, 0) >= ITEM_WEIGHT),
    );
  }

  /** Roughly the characters of its tree; beyond `OPEN_WEIGHT` where a message is inside. */
  #weigh(value: unknown, so: number): number {
    if (typeof value === "string") return so + value.length + 2;
    if (typeof value !== "object" || value === null) return so + 8;
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
      return so + (value.byteLength * 4) / 3;
    }
    if (this.classes.messageOf(value) !== undefined) return OPEN_WEIGHT + 1;
    let weight = so + 16;
    for (const [name, part] of partsOf(value)) {
      weight = this.#weigh(part, weight + name.length + 4);
      if (weight > OPEN_WEIGHT) return weight;
    }
    return weight;
  }
}

/** What a value is made of, with names where the tree has some. */
function* partsOf(value: object): Generator<readonly [name: string, part: unknown]> {
  const kind = kindOf(value);
  if (kind === "map") {
    for (const entry of value as Map<unknown, unknown>) for (const part of entry) yield ["", part];
  } else if (kind === "set") {
    for (const part of value as Set<unknown>) yield ["", part];
  } else if (kind === "error") {
    for (const name of Object.getOwnPropertyNames(value)) {
      yield [name, (value as unknown as Record<string, unknown>)[name]];
    }
  } else if (kind === "url") {
    yield ["", (value as URL).href];
  } else {
    for (const name of Object.keys(value)) {
      yield [kind === "array" ? "" : name, (value as Record<string, unknown>)[name]];
    }
  }
}

/** The draft of a stored tree; `undefined` where the log does not hold all of its items. */
export function storedDraft(log: ItemLog, tree: Tree): Draft | undefined {
  if (typeof tree !== "object" || tree === null) return tree;
  if (!Array.isArray(tree) && tree.$item !== undefined) return log.get(tree.$item as number);
  if (!Array.isArray(tree) && tree.$page !== undefined) {
    const page = log.get(tree.$page as number);
    return page && storedDraft(log, page.tree);
  }
  if (!Array.isArray(tree) && tree.$list !== undefined) {
    const list = new DraftList();
    return addStored(log, tree.$list as unknown as Segment[], list.parts) ? list : undefined;
  }
  const copy: Draft[] | { [key: string]: Draft } = Array.isArray(tree) ? [] : {};
  for (const [key, part] of Object.entries(tree)) {
    const draft = storedDraft(log, part as Tree);
    if (draft === undefined) return undefined;
    assign(copy, key, draft);
  }
  return copy;
}

function addStored(log: ItemLog, segments: readonly Segment[], into: Draft[]): boolean {
  return segments.every((segment) => {
    if (!Array.isArray(segment)) {
      const parts = segment.v.map((tree) => storedDraft(log, tree));
      for (const part of parts) if (part !== undefined) into.push(part);
      return !parts.includes(undefined);
    }
    if (segment.length === 1) {
      const page = log.get(segment[0]);
      return page !== undefined && addStored(log, page.tree as unknown as Segment[], into);
    }
    const [first, count] = segment;
    for (let seq = first; seq < first + count; seq += 1) {
      const item = log.get(seq);
      if (item === undefined) return false;
      into.push(item);
    }
    return true;
  });
}

/** The tree of a document, its items numbered; what is too big to stand inline stands in a page. */
export function finishDocument(draft: Draft, numbering: Numbering): Tree {
  const tree = finish(draft, numbering);
  if (typeof tree !== "object" || tree === null || Array.isArray(tree)) return tree;
  const text = JSON.stringify(tree);
  return text.length <= INLINE_CHARS ? tree : { $page: numbering.seq(numbering.page(text, tree)) };
}

function finish(draft: Draft, numbering: Numbering): Tree {
  if (typeof draft !== "object" || draft === null) return draft;
  if (draft instanceof Item) return { $item: numbering.seq(draft) };
  if (draft instanceof DraftList) return finishList(draft, numbering);
  if (Array.isArray(draft)) return draft.map((part) => finish(part, numbering));
  const tree: { [key: string]: Tree } = {};
  for (const key of Object.keys(draft)) {
    assign(tree, key, finish(draft[key] as Draft, numbering));
  }
  return tree;
}

function finishList(list: DraftList, numbering: Numbering): Tree {
  const builder = new SegmentBuilder();
  for (const part of list.parts) {
    if (part instanceof Item) builder.item(numbering.seq(part));
    else builder.value(finish(part, numbering));
  }
  const segments = seal(builder, numbering);
  const [only] = segments;
  if (only === undefined) return [];
  if (segments.length === 1 && !Array.isArray(only)) return only.v;
  return { $list: segments as unknown as Tree[] };
}
