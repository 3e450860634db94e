import type { ClassRegistry } from "./classes.js";
import { encodeNumber } from "./encode.js";
import { bytesOf, kindOf } from "./kinds.js";
import { MessageSnapshot, matchMessage } from "./message.js";
import { escapeKey, isTag, type Tree, type TreeObject } from "./tree.js";

type Fields = Record<string, unknown>;

/**
 * Compares live values with the tree they were once encoded to, without encoding them again.
 * `true` means that encoding would give this very tree, but for what could not be stored anyway
 * (a symbol key or a named property of an array, added since), and for objects of equal contents
 * that have become one. `false` is always safe: the value
 * is then encoded and compared as text.
 */
export class Matcher {
  readonly #classes: ClassRegistry;
  readonly #match = (live: unknown, tree: Tree): boolean => this.#value(live, tree);
  #shared: Map<number, object> | undefined;
  /** Keys and trees of the objects being compared, innermost last: spares a list per object. */
  readonly #keys: string[] = [];
  readonly #trees: Tree[] = [];
  #depth = 0;

  constructor(classes: ClassRegistry) {
    this.#classes = classes;
  }

  matches(live: unknown, tree: Tree): boolean {
    this.#begin();
    return this.#value(live, tree);
  }

  matchesMessage(live: object, snapshot: MessageSnapshot): boolean {
    this.#begin();
    return this.#message(live, snapshot);
  }

  #begin(): void {
    this.#shared = undefined;
    this.#depth = 0;
  }

  #value(live: unknown, tree: Tree): boolean {
    if (typeof live !== "object" || live === null) return this.#primitive(live, tree);
    if (typeof tree !== "object" || tree === null) return false;
    if (Array.isArray(tree)) return this.#array(live, tree);
    return this.#object(live, tree);
  }

  #primitive(live: unknown, tree: Tree): boolean {
    if (typeof live === "number") {
      if (live === tree) return live !== 0 || !Object.is(live, -0);
      return sameTag(encodeNumber(live), tree, "$number");
    }
    if (live === tree) return true;
    if (typeof tree !== "object" || tree === null || Array.isArray(tree)) return false;
    if (live === undefined) return Object.hasOwn(tree, "$undefined");
    return typeof live === "bigint" && tree.$bigint === String(live);
  }

  #array(live: object, tree: Tree[]): boolean {
    if (!Array.isArray(live) || live.length !== tree.length || kindOf(live) !== "array") {
      return false;
    }
    for (let i = 0; i < tree.length; i += 1) {
      if (live[i] === undefined && !(i in live)) return false;
      if (!this.#value(live[i], tree[i] as Tree)) return false;
    }
    return true;
  }

  #object(live: object, tree: TreeObject): boolean {
    const from = this.#depth;
    let to = from;
    for (const key in tree) {
      if (to === from && isTag(key)) return this.#tagged(live, key, tree[key] as Tree);
      this.#keys[to] = key;
      this.#trees[to] = tree[key] as Tree;
      to += 1;
    }
    if (kindOf(live) !== "plain") return false;
    return this.#sameFields(live as Fields, from, to);
  }

  #fields(live: Fields, tree: TreeObject): boolean {
    const from = this.#depth;
    let to = from;
    for (const key in tree) {
      this.#keys[to] = key;
      this.#trees[to] = tree[key] as Tree;
      to += 1;
    }
    return this.#sameFields(live, from, to);
  }

  #sameFields(live: Fields, from: number, to: number): boolean {
    this.#depth = to;
    let at = from;
    for (const key in live) {
      if (at === to || escapeKey(key) !== this.#keys[at]) return false;
      if (!this.#value(live[key], this.#trees[at] as Tree)) return false;
      at += 1;
    }
    this.#depth = from;
    return at === to;
  }

  #tagged(live: object, tag: string, body: Tree): boolean {
    switch (tag) {
      case "$def": {
        const [id, tree] = body as [number, Tree];
        this.#shared ??= new Map();
        this.#shared.set(id, live);
        return this.#value(live, tree);
      }
      case "$ref":
        return this.#shared?.get(body as number) === live;
      case "$message":
        return this.#message(live, new MessageSnapshot(this.#classes, body as Tree[]));
      case "$bare":
        return kindOf(live) === "bare" && this.#fields(live as Fields, body as TreeObject);
      case "$date":
        return kindOf(live) === "date" && sameTime((live as Date).getTime(), body);
      case "$url":
        return kindOf(live) === "url" && (live as URL).href === body;
      case "$bytes":
        return kindOf(live) === "bytes" && sameBytes(live, body as [string, string]);
      case "$map":
        return kindOf(live) === "map" && this.#entries([...(live as Map<unknown, unknown>)], body);
      case "$set":
        return kindOf(live) === "set" && this.#array([...(live as Set<unknown>)], body as Tree[]);
      case "$class":
        return this.#instance(live, body as Tree[]);
      default:
        // Errors, regular expressions and sparse arrays are rare enough to be compared as text.
        return false;
    }
  }

  #entries(live: [unknown, unknown][], body: Tree): boolean {
    const tree = body as [Tree, Tree][];
    if (live.length !== tree.length) return false;
    return live.every(
      ([key, value], i) =>
        this.#value(key, (tree[i] as Tree[])[0] as Tree) &&
        this.#value(value, (tree[i] as Tree[])[1] as Tree),
    );
  }

  #instance(live: object, [name, fields, symbols]: Tree[]): boolean {
    if (this.#classes.valueOf(live)?.name !== name || symbols !== undefined) return false;
    return this.#fields(live as Fields, fields as TreeObject);
  }

  #message(live: object, snapshot: MessageSnapshot): boolean {
    return (
      this.#classes.isMessage(live, snapshot.Class) && matchMessage(live, snapshot, this.#match)
    );
  }
}

function sameTag(encoded: Tree, tree: Tree, tag: string): boolean {
  if (typeof encoded !== "object" || typeof tree !== "object" || tree === null) return false;
  return (encoded as TreeObject)[tag] === (tree as TreeObject)[tag];
}

function sameTime(time: number, body: Tree): boolean {
  return Number.isNaN(time) ? body === null : time === body;
}

function sameBytes(live: object, [name, base64]: [string, string]): boolean {
  const [liveName, bytes] = bytesOf(live);
  return liveName === name && bytes.equals(Buffer.from(base64, "base64"));
}
