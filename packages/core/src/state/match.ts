import type { ClassRegistry, MessageClass } from "./classes.js";
import { encodeNumber, isDefault, isPlain, withTail } from "./encode.js";
import { bytesOf, kindOf } from "./kinds.js";
import { escapeKey, type Tree, type TreeObject, tagOf } from "./tree.js";

type Fields = Record<string, unknown>;

/**
 * Compares live values with the tree they were once encoded to, without encoding them again.
 * `true` means that encoding would give this very tree. `false` is always safe: the value is
 * then stored anew.
 */
export class Matcher {
  readonly #classes: ClassRegistry;
  #shared: Map<number, object> | undefined;

  constructor(classes: ClassRegistry) {
    this.#classes = classes;
  }

  matches(live: unknown, tree: Tree): boolean {
    this.#shared = undefined;
    return this.#value(live, tree);
  }

  /** Compares a message with `[class, fields, rest?]`. */
  messageItem(live: object, parts: Tree[]): boolean {
    this.#shared = undefined;
    return this.#message(live, parts);
  }

  #value(live: unknown, tree: Tree): boolean {
    if (typeof live !== "object" || live === null) return this.#primitive(live, tree);
    if (typeof tree !== "object" || tree === null) return false;
    if (Array.isArray(tree)) return this.#array(live, tree);
    const tag = tagOf(tree);
    if (tag !== undefined) return this.#tagged(live, tag, tree[tag] as Tree);
    return kindOf(live) === "plain" && this.#fields(live as Fields, tree);
  }

  #primitive(live: unknown, tree: Tree): boolean {
    if (typeof live === "number") {
      if (live === tree) return !Object.is(live, -0);
      return sameTag(encodeNumber(live), tree, "$number");
    }
    if (live === tree) return true;
    if (typeof tree !== "object" || tree === null || Array.isArray(tree)) return false;
    if (live === undefined) return tagOf(tree) === "$undefined";
    return typeof live === "bigint" && tree["$bigint"] === String(live);
  }

  #array(live: object, tree: Tree[]): boolean {
    if (!Array.isArray(live) || live.length !== tree.length || kindOf(live) !== "array") {
      return false;
    }
    for (let i = 0; i < tree.length; i += 1) {
      if (live[i] === undefined && !(i in live)) return false;
      if (!this.#value(live[i], tree[i] as Tree)) return false;
    }
    return Object.keys(live).length === tree.length;
  }

  #fields(live: Fields, tree: TreeObject): boolean {
    const keys = Object.keys(live);
    let i = 0;
    for (const key in tree) {
      const name = keys[i];
      if (name === undefined || escapeKey(name) !== key) return false;
      if (!this.#value(live[name], tree[key] as Tree)) return false;
      i += 1;
    }
    return i === keys.length && Object.getOwnPropertySymbols(live).length === 0;
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
        return this.#message(live, body as Tree[]);
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
        // Errors, regular expressions and sparse arrays are rare enough to be stored anew.
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

  #message(live: object, [name, fields, rest]: Tree[]): boolean {
    const Class = this.#classes.messageNamed(name as string);
    if (Class === undefined || !this.#classes.isMessage(live, Class)) return false;
    if (!this.#messageFields(live as Fields, Class, fields as TreeObject)) return false;
    if (rest === undefined) return sameKwargs(live as Fields, Class, fields as TreeObject);
    return this.#messageRest(live as Fields, rest as TreeObject);
  }

  #messageFields(live: Fields, Class: MessageClass, fields: TreeObject): boolean {
    let own = 0;
    for (const name in live) {
      if (name !== Class.layout[own]) return false;
      own += 1;
    }
    if (own !== Class.layout.length) return false;
    for (const name in fields) {
      const value = live[name];
      const tree = fields[name] as Tree;
      if ((value !== tree || typeof value === "number") && !this.#value(value, tree)) return false;
    }
    for (let i = 0; i < Class.fields.length; i += 1) {
      const name = Class.fields[i] as string;
      const value = live[name];
      if (value === Class.defaults[i] || fields[name] !== undefined) continue;
      if (!isDefault(value, Class.defaults[i])) return false;
    }
    return true;
  }

  #messageRest(live: Fields, rest: TreeObject): boolean {
    const own = rest["kwargs"] as [string, Tree?][] | undefined;
    const kwargs = live["lc_kwargs"];
    // Added or missing fields are rare enough to be compared by their encoding, see `ItemLog`.
    if (own === undefined || Object.keys(rest).length > 1 || !isPlain(kwargs)) return false;
    const names = Object.keys(kwargs);
    if (names.length !== own.length) return false;
    return own.every(([name, tree], i) => {
      if (name !== names[i]) return false;
      if (tree !== undefined) return this.#value(kwargs[name], tree);
      return Object.is(kwargs[name], live[name]);
    });
  }
}

function sameKwargs(live: Fields, Class: MessageClass, fields: TreeObject): boolean {
  const kwargs = live["lc_kwargs"];
  if (typeof kwargs !== "object" || kwargs === null || kindOf(kwargs) !== "plain") return false;
  const names = kwargsNames(Class, fields);
  let i = 0;
  for (const name in kwargs) {
    if (name !== names[i] || !Object.is((kwargs as Fields)[name], live[name])) return false;
    i += 1;
  }
  return i === names.length;
}

const NAMES = new WeakMap<TreeObject, string[]>();

function kwargsNames(Class: MessageClass, fields: TreeObject): string[] {
  let names = NAMES.get(fields);
  if (names === undefined) {
    names = withTail(Class, Object.keys(fields));
    NAMES.set(fields, names);
  }
  return names;
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
