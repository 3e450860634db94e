import type { Range } from "../storage/ranges.js";
import type { ClassRegistry } from "./classes.js";
import { MessageSnapshot } from "./message.js";
import { namedInPage } from "./named.js";
import { isPlainTree, type Tree, type TreeObject } from "./tree.js";

/**
 * `message`: `[class, fields, rest?]`; `text`: a string; `value`: any tree that names no items;
 * `page`: segments of a list, or the tree of an open object.
 */
export type ItemKind = "message" | "text" | "value" | "page";

/** Whatever keeps items: it lives as long as one of them does. */
export interface ItemKeeper {
  readonly classes: ClassRegistry;
}

/** Shorter messages are written again when they get their id. */
const LIKE_MIN_CHARS = 256;

/** An immutable piece of state. Its number is known once it is stored. */
export class Item {
  readonly kind: ItemKind;
  readonly tree: Tree;
  readonly keeper: ItemKeeper;
  /**
   * A message that was stored before LangGraph gave it its id: this item is like that one, and
   * only the fields behind its own are written.
   */
  readonly base: Item | undefined;
  /** Of a message that has one: its id. */
  readonly messageId: string | undefined;
  seq = 0;
  /** The generation of the log in which the number was acknowledged; 0 while it was not. */
  generation = 0;
  /** See {@link Owners}. */
  owner: object | undefined;
  #snapshot: MessageSnapshot | undefined;
  #isPlain: boolean | undefined;

  constructor(keeper: ItemKeeper, kind: ItemKind, tree: Tree, base?: Item) {
    this.keeper = keeper;
    this.kind = kind;
    this.tree = tree;
    this.base = base;
    const id = kind === "message" ? ((tree as Tree[])[1] as { id?: Tree }).id : undefined;
    this.messageId = typeof id === "string" && id !== "" ? id : undefined;
  }

  /** Of a message: its layout for comparing and reviving. */
  get snapshot(): MessageSnapshot {
    this.#snapshot ??= new MessageSnapshot(this.keeper.classes, this.tree as Tree[]);
    return this.#snapshot;
  }

  /** Of a value: whether its tree stands for itself. */
  get isPlain(): boolean {
    this.#isPlain ??= isPlainTree(this.tree);
    return this.#isPlain;
  }

  /** What the `type` column says: the class of a message, else the kind. */
  get type(): string {
    return this.kind === "message" ? ((this.tree as Tree[])[0] as string) : this.kind;
  }

  /**
   * What the `body` column holds. A usual message is the object of its fields.
   * @param seq numbers the base
   */
  body(seq: (item: Item) => number): Tree {
    if (this.kind !== "message") return this.tree;
    const [, fields, rest] = this.tree as Tree[];
    if (this.base !== undefined) {
      const own = fieldsBehind(this.base, fields as TreeObject);
      if (own !== undefined) return { $like: [seq(this.base), own] };
    }
    return rest === undefined ? (fields as Tree) : { $rest: [fields as Tree, rest] };
  }

  /** The numbers of other items that this one needs. */
  get named(): Range[] {
    if (this.kind === "page") return namedInPage(this.tree);
    return this.base === undefined ? [] : [[this.base.seq, this.base.seq]];
  }

  /** The item that a body is like, if it is like one. */
  static baseOf(body: Tree): number | undefined {
    if (typeof body !== "object" || body === null || Array.isArray(body)) return undefined;
    return (body.$like as [number] | undefined)?.[0];
  }

  /** @param base the item of {@link Item.baseOf} */
  static read(keeper: ItemKeeper, type: string, body: Tree, base?: Item): Item {
    if (type === "text" || type === "value" || type === "page") return new Item(keeper, type, body);
    if (base !== undefined) {
      const [, own] = (body as TreeObject).$like as [number, TreeObject];
      const fields = { ...((base.tree as Tree[])[1] as TreeObject), ...own };
      return new Item(keeper, "message", [type, fields], base);
    }
    const whole = (body as TreeObject).$rest as Tree[] | undefined;
    return new Item(keeper, "message", whole === undefined ? [type, body] : [type, ...whole]);
  }

  /** Whether a message of this tree may be written as being like the item. */
  isBaseOf(message: Tree[]): boolean {
    if (this.kind !== "message" || this.base !== undefined || message.length > 2) return false;
    if ((this.tree as Tree[]).length > 2 || (this.tree as Tree[])[0] !== message[0]) return false;
    if (JSON.stringify((this.tree as Tree[])[1]).length < LIKE_MIN_CHARS) return false;
    return fieldsBehind(this, message[1] as TreeObject) !== undefined;
  }
}

/** The fields that come behind those of the base; `undefined` where the base's do not come first. */
function fieldsBehind(base: Item, fields: TreeObject): TreeObject | undefined {
  const first = Object.entries((base.tree as Tree[])[1] as TreeObject);
  const all = Object.entries(fields);
  const isSame = first.every(([key, tree], i) => {
    const [otherKey, other] = all[i] ?? [];
    return key === otherKey && JSON.stringify(tree) === JSON.stringify(other);
  });
  return isSame ? Object.fromEntries(all.slice(first.length)) : undefined;
}

/** Which live object stands for an item within one encoding: two objects never become one. */
export class Owners {
  readonly #claimed: Item[] = [];

  /** @returns whether the object may stand for the item */
  claim(item: Item, live: object): boolean {
    if (item.owner === undefined) {
      item.owner = live;
      this.#claimed.push(item);
    }
    return item.owner === live;
  }

  /** To be called before anything else encodes: live objects must not outlive the encoding here. */
  release(): void {
    for (const item of this.#claimed) item.owner = undefined;
  }
}
