import { StorageError } from "../errors.js";
import type { ClassRegistry, PlainClass } from "./classes.js";
import { encodeMessage, type PartEncoder } from "./encode-message.js";
import { bytesOf, type Kind, kindOf } from "./kinds.js";
import { formatPath } from "./path.js";
import { assign, escapeKey, type Tree } from "./tree.js";

/** Deeper values are refused: recursion would end in a stack overflow somewhere. */
export const MAX_DEPTH = 1000;

/** A tree under construction; the open encoder (`draft.ts`) also puts items and lists into it. */
// biome-ignore lint/suspicious/noExplicitAny: what stands in a node depends on the encoder
type Node = any;

interface Occurrence {
  readonly parent: Node;
  readonly key: string | number;
  id?: number;
}

/** Encodes live values of one document; objects that occur twice in it stay one object. */
export class Encoder {
  protected readonly classes: ClassRegistry;
  readonly #path: (string | number)[];
  readonly #parts: PartEncoder = {
    child: (value, parent, key, name) => this.child(value, parent, key, name),
    refuse: (why) => this.refuse(why),
  };
  readonly #seen = new Map<object, Occurrence>();
  #shared = 0;

  /** @param path where the document stands, for error messages */
  constructor(classes: ClassRegistry, path: (string | number)[]) {
    this.classes = classes;
    this.#path = path;
  }

  /** @throws StorageError `NOT_SERIALIZABLE` naming the path of what cannot be stored exactly. */
  encode(value: unknown): Node {
    const root: Node[] = [];
    const depth = this.#path.length;
    try {
      this.build(value, root, 0);
    } catch (error) {
      // A throwing getter or proxy trap is the value's fault, so it is reported at its path.
      if (error instanceof StorageError) throw error;
      throw this.refuse("reading it throws", error);
    }
    this.#path.length = depth;
    return root[0];
  }

  /** Lets a subclass put something else in the place of a value. */
  protected place(_value: unknown, _parent: Node, _key: string | number): boolean {
    return false;
  }

  protected path(): readonly (string | number)[] {
    return this.#path;
  }

  protected refuse(why: string, cause?: unknown): StorageError {
    return new StorageError(
      "NOT_SERIALIZABLE",
      "encode",
      `${formatPath(this.#path)} cannot be stored exactly: ${why}`,
      cause === undefined ? {} : { cause },
    );
  }

  protected child(value: unknown, parent: Node, key: string | number, name: string | number): void {
    this.#path.push(name);
    if (this.#path.length > MAX_DEPTH) {
      this.#path.length = 12;
      throw this.refuse(`it is nested deeper than ${MAX_DEPTH} levels`);
    }
    this.build(value, parent, key);
    this.#path.pop();
  }

  protected build(value: unknown, parent: Node, key: string | number): void {
    if (this.place(value, parent, key)) return;
    switch (typeof value) {
      case "string":
      case "boolean":
        assign(parent, key as string, value);
        return;
      case "number":
        assign(parent, key as string, encodeNumber(value));
        return;
      case "undefined":
        assign(parent, key as string, { $undefined: true });
        return;
      case "bigint":
        assign(parent, key as string, { $bigint: String(value) });
        return;
      case "object":
        if (value === null) assign(parent, key as string, null);
        else this.#object(value, parent, key);
        return;
      default:
        throw this.refuse(`it is a ${typeof value}`);
    }
  }

  /** Whether the object stands in the document already; then a reference to it is placed. */
  protected reused(value: object, parent: Node, key: string | number): boolean {
    const first = this.#seen.get(value);
    if (first === undefined) {
      this.#seen.set(value, { parent, key });
      return false;
    }
    if (first.id === undefined) {
      first.id = ++this.#shared;
      const node = first.parent[first.key] as Node;
      assign(first.parent, first.key as string, { $def: [first.id, node] });
    }
    assign(parent, key as string, { $ref: first.id });
    return true;
  }

  #object(value: object, parent: Node, key: string | number): void {
    if (this.reused(value, parent, key)) return;
    const kind = kindOf(value);
    if (kind !== undefined) return this.#builtIn(kind, value, parent, key);
    const message = this.classes.messageOf(value);
    if (message !== undefined) {
      const parts: Node[] = [];
      assign(parent, key as string, { $message: parts });
      return encodeMessage(message, value as Record<string, unknown>, parts, this.#parts);
    }
    const plain = this.classes.valueOf(value);
    if (plain !== undefined) return this.#instance(plain, value, parent, key);
    throw this.refuse(
      `it is an instance of ${className(value)}; add the class to the \`classes\` option`,
    );
  }

  #builtIn(kind: Kind, value: object, parent: Node, key: string | number): void {
    switch (kind) {
      case "array":
        return this.array(value as unknown[], parent, key);
      case "plain": {
        const node: Node = {};
        assign(parent, key as string, node);
        return this.#fields(value, node);
      }
      case "bare": {
        const node: Node = {};
        assign(parent, key as string, { $bare: node });
        return this.#fields(value, node);
      }
      case "date": {
        this.#refuseNames(value);
        const time = (value as Date).getTime();
        return assign(parent, key as string, { $date: Number.isNaN(time) ? null : time });
      }
      case "map":
        return this.#map(value as Map<unknown, unknown>, parent, key);
      case "set": {
        this.#refuseNames(value);
        const node: Node[] = [];
        assign(parent, key as string, { $set: node });
        let i = 0;
        for (const element of value as Set<unknown>) {
          this.child(element, node, i, i);
          i += 1;
        }
        return;
      }
      case "regexp": {
        this.#refuseNames(value);
        const { source, flags, lastIndex } = value as RegExp;
        return assign(parent, key as string, { $regexp: [source, flags, lastIndex] });
      }
      case "url":
        this.#refuseNames(value);
        return assign(parent, key as string, { $url: (value as URL).href });
      case "bytes": {
        const [name, bytes] = bytesOf(value);
        return assign(parent, key as string, { $bytes: [name, bytes.toString("base64")] });
      }
      case "error":
        return this.#error(value as Error, parent, key);
    }
  }

  /** Own enumerable fields; a symbol key has no exact stored form. */
  #fields(value: object, node: Node): void {
    this.#refuseSymbols(value);
    for (const name of Object.keys(value)) {
      this.child((value as Record<string, unknown>)[name], node, escapeKey(name), name);
    }
  }

  #refuseSymbols(value: object): void {
    for (const symbol of Object.getOwnPropertySymbols(value)) {
      if (Object.prototype.propertyIsEnumerable.call(value, symbol)) {
        throw this.refuse(`it has the symbol key ${String(symbol)}`);
      }
    }
  }

  /** Own properties of an object that is stored by its contents alone. */
  #refuseNames(value: object): void {
    this.#refuseSymbols(value);
    const [name] = Object.keys(value);
    if (name !== undefined) throw this.refuse(`it has the own property ${JSON.stringify(name)}`);
  }

  protected array(value: unknown[], parent: Node, key: string | number): void {
    if (!isDense(value)) return this.#sparse(value, parent, key);
    const node: Node[] = new Array(value.length);
    assign(parent, key as string, node);
    for (let i = 0; i < value.length; i += 1) this.child(value[i], node, i, i);
  }

  #sparse(value: unknown[], parent: Node, key: string | number): void {
    const keys = Object.keys(value);
    if (keys.some((name) => !isIndex(name))) throw this.refuse("the array has named properties");
    const entries: Node[] = [];
    assign(parent, key as string, { $sparse: [value.length, entries] });
    for (const name of keys) {
      const entry: Node[] = [Number(name), null];
      entries.push(entry);
      this.child(value[Number(name)], entry, 1, Number(name));
    }
  }

  #map(value: Map<unknown, unknown>, parent: Node, key: string | number): void {
    this.#refuseNames(value);
    const node: Node[] = [];
    assign(parent, key as string, { $map: node });
    let i = 0;
    for (const [k, v] of value) {
      const entry: Node[] = [null, null];
      node.push(entry);
      this.child(k, entry, 0, `key ${i}`);
      this.child(v, entry, 1, typeof k === "string" ? k : i);
      i += 1;
    }
  }

  #error(value: Error, parent: Node, key: string | number): void {
    this.#refuseSymbols(value);
    const entries: Node[] = [];
    const name = (Object.getPrototypeOf(value) as Error).constructor.name;
    assign(parent, key as string, { $error: [name, entries] });
    for (const own of Object.getOwnPropertyNames(value)) {
      const isHidden = !Object.prototype.propertyIsEnumerable.call(value, own);
      const entry: Node[] = isHidden ? [own, null, "hidden"] : [own, null];
      entries.push(entry);
      this.child((value as unknown as Record<string, unknown>)[own], entry, 1, own);
    }
  }

  #instance(plain: PlainClass, value: object, parent: Node, key: string | number): void {
    const fields: Node = {};
    const parts: Node[] = [plain.name, fields];
    assign(parent, key as string, { $class: parts });
    for (const name of Object.keys(value)) {
      this.child((value as Record<string, unknown>)[name], fields, escapeKey(name), name);
    }
    const symbols = Object.getOwnPropertySymbols(value);
    if (symbols.length === 0) return;
    const named: Node = {};
    parts.push(named);
    for (const symbol of symbols) {
      const name = Symbol.keyFor(symbol);
      if (name === undefined) throw this.refuse(`it has the symbol key ${String(symbol)}`);
      this.child((value as Record<symbol, unknown>)[symbol], named, escapeKey(name), name);
    }
  }
}

export function encodeNumber(value: number): Tree {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return { $number: Object.is(value, -0) ? "-0" : String(value) };
}

/** Whether an array has all of its elements and nothing else: names come behind numbers. */
export function isDense(value: unknown[]): boolean {
  const keys = Object.keys(value);
  return keys.length === value.length && (keys.at(-1) ?? "-1") === String(value.length - 1);
}

function isIndex(name: string): boolean {
  return /^(0|[1-9]\d*)$/.test(name);
}

function className(value: object): string {
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === "string" && name ? name : "a class";
}
