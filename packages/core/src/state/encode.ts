import { StorageError } from "../errors.js";
import type { ClassRegistry, MessageClass, PlainClass } from "./classes.js";
import { bytesOf, type Kind, kindOf } from "./kinds.js";
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
    if (message !== undefined) return this.message(message, value, parent, key);
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
        const time = (value as Date).getTime();
        return assign(parent, key as string, { $date: Number.isNaN(time) ? null : time });
      }
      case "map":
        return this.#map(value as Map<unknown, unknown>, parent, key);
      case "set": {
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
        const { source, flags, lastIndex } = value as RegExp;
        return assign(parent, key as string, { $regexp: [source, flags, lastIndex] });
      }
      case "url":
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

  protected array(value: unknown[], parent: Node, key: string | number): void {
    const keys = Object.keys(value);
    if (keys.length !== value.length) {
      if (keys.some((name) => !isIndex(name))) throw this.refuse("the array has named properties");
      return this.#sparse(value, keys, parent, key);
    }
    const node: Node[] = new Array(value.length);
    assign(parent, key as string, node);
    for (let i = 0; i < value.length; i += 1) this.child(value[i], node, i, i);
  }

  #sparse(value: unknown[], keys: string[], parent: Node, key: string | number): void {
    const entries: Node[] = [];
    assign(parent, key as string, { $sparse: [value.length, entries] });
    for (const name of keys) {
      const entry: Node[] = [Number(name), null];
      entries.push(entry);
      this.child(value[Number(name)], entry, 1, Number(name));
    }
  }

  #map(value: Map<unknown, unknown>, parent: Node, key: string | number): void {
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
    const fields: Node = {};
    const hidden: Node = {};
    const name = (Object.getPrototypeOf(value) as Error).constructor.name;
    assign(parent, key as string, { $error: [name, fields, hidden] });
    for (const own of Object.getOwnPropertyNames(value)) {
      const visible = Object.prototype.propertyIsEnumerable.call(value, own);
      const field = (value as unknown as Record<string, unknown>)[own];
      this.child(field, visible ? fields : hidden, escapeKey(own), own);
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

  /**
   * `[class, fields, rest?]`: fields that differ from a fresh instance, in the order of
   * `lc_kwargs`, which is then not stored: its values are nearly always the fields themselves.
   */
  protected message(Class: MessageClass, value: object, parent: Node, key: string | number): void {
    const live = value as Record<string, unknown>;
    const fields: Node = {};
    const parts: Node[] = [Class.name, fields];
    assign(parent, key as string, { $message: parts });
    const changed = Class.layout.filter(
      (name, i) =>
        name !== "lc_kwargs" &&
        Object.hasOwn(live, name) &&
        !isDefault(live[name], Class.defaults[i]),
    );
    const kwargs = live.lc_kwargs;
    const order = kwargsOrder(Class, live, kwargs, changed);
    for (const name of order ?? changed) this.child(live[name], fields, name, name);
    const rest = this.#messageRest(Class, live, order === undefined);
    if (rest !== undefined) parts.push(rest);
  }

  #messageRest(Class: MessageClass, live: Record<string, unknown>, withKwargs: boolean): Node {
    const rest: Node = {};
    const absent = Class.fields.filter((name) => !Object.hasOwn(live, name));
    if (absent.length > 0) rest.absent = absent;
    const extra = Object.keys(live).filter(
      (name) => name !== "lc_kwargs" && !Class.fields.includes(name),
    );
    if (extra.length > 0) {
      rest.extra = {};
      for (const name of extra) this.child(live[name], rest.extra, escapeKey(name), name);
    }
    for (const symbol of Object.getOwnPropertySymbols(live)) {
      if (!Class.symbols.some(([known]) => known === symbol)) {
        throw this.refuse(`it has the symbol key ${String(symbol)}`);
      }
    }
    if (withKwargs) this.#kwargs(live, rest);
    return Object.keys(rest).length > 0 ? rest : undefined;
  }

  /** `[name]` where the value is the field of that name, `[name, tree]` where it is its own. */
  #kwargs(live: Record<string, unknown>, rest: Node): void {
    const kwargs = live.lc_kwargs;
    if (!isPlain(kwargs)) {
      this.child(kwargs, rest, "lc_kwargs", "lc_kwargs");
      return;
    }
    rest.kwargs = [];
    for (const name of Object.keys(kwargs)) {
      const entry: Node[] = [name];
      rest.kwargs.push(entry);
      if (!isAlias(live, kwargs, name)) this.child(kwargs[name], entry, 1, name);
    }
  }
}

/**
 * The fields to write so that `lc_kwargs` follows from their order: all of its keys, less those
 * at the end that the constructor adds by itself. `undefined` where it cannot follow.
 */
function kwargsOrder(
  Class: MessageClass,
  live: Record<string, unknown>,
  kwargs: unknown,
  changed: string[],
): string[] | undefined {
  if (!isPlain(kwargs)) return undefined;
  const names = Object.keys(kwargs);
  if (!names.every((name) => Class.fields.includes(name) && isAlias(live, kwargs, name))) {
    return undefined;
  }
  if (!changed.every((name) => names.includes(name))) return undefined;
  const written = [...names];
  while (written.length > 0) {
    const last = written[written.length - 1] as string;
    if (changed.includes(last) || !Class.kwargsTail.includes(last)) break;
    const shorter = written.slice(0, -1);
    if (!sameNames(withTail(Class, shorter), names)) break;
    written.pop();
  }
  return sameNames(withTail(Class, written), names) ? written : undefined;
}

/** The keys of `lc_kwargs` that follow from the written fields. */
export function withTail(Class: MessageClass, written: readonly string[]): string[] {
  return [...written, ...Class.kwargsTail.filter((name) => !written.includes(name))];
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}

function isAlias(live: Record<string, unknown>, kwargs: Record<string, unknown>, name: string) {
  return Object.hasOwn(live, name) && Object.is(live[name], kwargs[name]);
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    kindOf(value) === "plain" &&
    Object.getOwnPropertySymbols(value).length === 0
  );
}

/** Whether a message's field has the value that a fresh message has. */
export function isDefault(value: unknown, fresh: unknown): boolean {
  if (Object.is(value, fresh)) return true;
  if (typeof fresh !== "object" || fresh === null) return false;
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(fresh)) {
    if (!Array.isArray(value) || value.length !== fresh.length) return false;
    for (let i = 0; i < fresh.length; i += 1) if (value[i] !== fresh[i]) return false;
    return Object.getPrototypeOf(value) === Array.prototype;
  }
  for (const _ in value) return false;
  return Object.getPrototypeOf(value) === Object.prototype;
}

export function encodeNumber(value: number): Tree {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return { $number: Object.is(value, -0) ? "-0" : String(value) };
}

function isIndex(name: string): boolean {
  return /^(0|[1-9]\d*)$/.test(name);
}

function className(value: object): string {
  const name = (value as { constructor?: { name?: unknown } }).constructor?.name;
  return typeof name === "string" && name ? name : "a class";
}

/** `["state", "files", 3]` as `state.files[3]`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((part, i) => {
      if (typeof part === "number") return `[${part}]`;
      if (/^[\w$:-]+$/.test(part)) return i === 0 ? part : `.${part}`;
      return `[${JSON.stringify(part)}]`;
    })
    .join("");
}
