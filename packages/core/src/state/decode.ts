import type { ClassRegistry } from "./classes.js";
import { bytesFrom, ERROR_CLASSES } from "./kinds.js";
import { MessageSnapshot, reviveMessage } from "./message.js";
import { assign, type Tree, type TreeObject, tagOf, unescapeKey } from "./tree.js";

/** What a tree needs from outside to become live values. */
export interface DecodeContext {
  readonly classes: ClassRegistry;
  /** A fresh value of an item. */
  item(seq: number): unknown;
  /** The tree of a page. */
  page(seq: number): Tree;
  /** Appends the elements of a segment list, see `list.ts`. */
  list(segments: Tree[], into: unknown[], decode: (tree: Tree) => unknown): void;
}

/** Makes fresh live values of one document; nothing in them is shared with the tree. */
export class Decoder {
  readonly #context: DecodeContext;
  readonly #plain = (tree: Tree): unknown => this.#decode(tree, undefined);
  #shared: Map<number, unknown> | undefined;

  constructor(context: DecodeContext) {
    this.#context = context;
  }

  /** @throws Error when the tree is not one that the encoder makes */
  decode(tree: Tree): unknown {
    return this.#decode(tree, undefined);
  }

  #decode(tree: Tree, id: number | undefined): unknown {
    if (typeof tree !== "object" || tree === null) return tree;
    if (Array.isArray(tree)) {
      const array = this.#share(id, new Array<unknown>(tree.length));
      for (let i = 0; i < tree.length; i += 1) array[i] = this.#decode(tree[i] as Tree, undefined);
      return array;
    }
    const tag = tagOf(tree);
    if (tag !== undefined) return this.#tagged(tag, tree[tag] as Tree, id);
    return this.#fields(tree, this.#share(id, {}));
  }

  #share<T>(id: number | undefined, value: T): T {
    if (id !== undefined) {
      this.#shared ??= new Map();
      this.#shared.set(id, value);
    }
    return value;
  }

  #fields<T extends object>(tree: TreeObject, into: T): T {
    for (const key in tree) {
      assign(into, unescapeKey(key), this.#decode(tree[key] as Tree, undefined));
    }
    return into;
  }

  #tagged(tag: string, body: Tree, id: number | undefined): unknown {
    switch (tag) {
      case "$undefined":
        return undefined;
      case "$number":
        return Number(body);
      case "$bigint":
        return BigInt(body as string);
      case "$def": {
        const [shared, tree] = body as [number, Tree];
        return this.#decode(tree, shared);
      }
      case "$ref": {
        if (!this.#shared?.has(body as number)) throw new TypeError("a $ref without its $def");
        return this.#shared.get(body as number);
      }
      case "$item":
        return this.#context.item(body as number);
      case "$page":
        return this.#decode(this.#context.page(body as number), id);
      case "$list": {
        const array = this.#share(id, [] as unknown[]);
        this.#context.list(body as Tree[], array, (tree) => this.#decode(tree, undefined));
        return array;
      }
      case "$message":
        return this.#message(body as Tree[], id);
      case "$class":
        return this.#instance(body as Tree[], id);
      default:
        return this.#builtIn(tag, body, id);
    }
  }

  #builtIn(tag: string, body: Tree, id: number | undefined): unknown {
    switch (tag) {
      case "$bare":
        return this.#fields(body as TreeObject, this.#share(id, Object.create(null) as object));
      case "$date":
        return this.#share(id, new Date(body === null ? Number.NaN : (body as number)));
      case "$url":
        return this.#share(id, new URL(body as string));
      case "$regexp": {
        const [source, flags, lastIndex] = body as [string, string, number];
        const regexp = this.#share(id, new RegExp(source, flags));
        regexp.lastIndex = lastIndex;
        return regexp;
      }
      case "$bytes": {
        const [name, base64] = body as [string, string];
        return this.#share(id, bytesFrom(name, base64));
      }
      case "$map": {
        const map = this.#share(id, new Map<unknown, unknown>());
        for (const [key, value] of body as [Tree, Tree][]) {
          map.set(this.#decode(key, undefined), this.#decode(value, undefined));
        }
        return map;
      }
      case "$set": {
        const set = this.#share(id, new Set<unknown>());
        for (const element of body as Tree[]) set.add(this.#decode(element, undefined));
        return set;
      }
      case "$sparse": {
        const [length, entries] = body as [number, [number, Tree][]];
        const array = this.#share(id, new Array<unknown>(length));
        for (const [index, value] of entries) array[index] = this.#decode(value, undefined);
        return array;
      }
      case "$error":
        return this.#error(body as [string, [string, Tree, "hidden"?][]], id);
      default:
        throw new TypeError(`unknown tag ${JSON.stringify(tag)}`);
    }
  }

  #error([name, entries]: [string, [string, Tree, "hidden"?][]], id: number | undefined): Error {
    const Class = Object.hasOwn(ERROR_CLASSES, name) ? ERROR_CLASSES[name] : undefined;
    if (Class === undefined) throw new TypeError(`unknown error class ${JSON.stringify(name)}`);
    // A real Error first: only it has the internal slot by which tools recognise an error.
    const error = this.#share(id, new Error());
    delete error.stack;
    Object.setPrototypeOf(error, Class.prototype);
    for (const [key, tree, hidden] of entries) {
      Object.defineProperty(error, key, {
        value: this.#decode(tree, undefined),
        enumerable: hidden === undefined,
        writable: true,
        configurable: true,
      });
    }
    return error;
  }

  #instance([name, fields, symbols]: Tree[], id: number | undefined): object {
    const Class = this.#context.classes.valueNamed(name as string);
    if (Class === undefined) {
      throw new TypeError(
        `class ${JSON.stringify(name)} is not allowed; add it to the \`classes\` option`,
      );
    }
    const instance = this.#share(id, Object.create(Class.prototype) as object);
    this.#fields(fields as TreeObject, instance);
    if (symbols !== undefined) {
      for (const key of Object.keys(symbols as TreeObject)) {
        const symbol = Symbol.for(unescapeKey(key));
        (instance as Record<symbol, unknown>)[symbol] = this.#decode(
          (symbols as TreeObject)[key] as Tree,
          undefined,
        );
      }
    }
    return instance;
  }

  /** A fresh message of an item. */
  message(snapshot: MessageSnapshot): object {
    return reviveMessage(snapshot, this.#plain, undefined);
  }

  #message(parts: Tree[], id: number | undefined): object {
    const snapshot = new MessageSnapshot(this.#context.classes, parts);
    return reviveMessage(snapshot, this.#plain, (message) => this.#share(id, message));
  }
}
