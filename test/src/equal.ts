/**
 * Where two values differ, as `path: what`, or `undefined` where they are the same: prototypes,
 * key order, holes, `-0`, hidden fields of errors, and which objects are one object. A `Buffer`
 * is expected to come back as a `Uint8Array`.
 */
export function difference(actual: unknown, expected: unknown): string | undefined {
  return new Comparison().compare(actual, expected, "value");
}

/** Throws where the values differ. */
export function assertSame(actual: unknown, expected: unknown, what = ""): void {
  const found = difference(actual, expected);
  if (found !== undefined) throw new Error(`${what}${what && ": "}${found}`);
}

class Comparison {
  readonly #partners = new Map<object, object>();
  readonly #taken = new Map<object, object>();

  compare(a: unknown, e: unknown, path: string): string | undefined {
    if (Object.is(a, e) && (typeof a !== "object" || a === null)) return undefined;
    if (typeof a !== "object" || typeof e !== "object" || a === null || e === null) {
      return `${path}: ${show(a)} instead of ${show(e)}`;
    }
    if (this.#partners.has(e) || this.#taken.has(a)) {
      if (this.#partners.get(e) === a && this.#taken.get(a) === e) return undefined;
      return `${path}: shared references differ`;
    }
    this.#partners.set(e, a);
    this.#taken.set(a, e);
    if (prototypeOf(a) !== prototypeOf(e)) return `${path}: another prototype`;
    return this.#contents(a, e, path);
  }

  #contents(a: object, e: object, path: string): string | undefined {
    if (ArrayBuffer.isView(e) || e instanceof ArrayBuffer) {
      return bytes(a).equals(bytes(e)) ? undefined : `${path}: other bytes`;
    }
    if (e instanceof URL) {
      return (a as URL).href === e.href ? undefined : `${path}: another URL`;
    }
    if (e instanceof Date && !Object.is((a as Date).getTime(), e.getTime())) {
      return `${path}: another time`;
    }
    if (e instanceof RegExp && `${a}${(a as RegExp).lastIndex}` !== `${e}${e.lastIndex}`) {
      return `${path}: another expression`;
    }
    if (e instanceof Map || e instanceof Set) {
      const found = this.compareLists([...(a as Set<unknown>)], [...e], `${path}<>`);
      if (found !== undefined) return found;
    }
    return this.#properties(a as Fields, e as Fields, path);
  }

  compareLists(a: readonly unknown[], e: readonly unknown[], path: string): string | undefined {
    if (a.length !== e.length) return `${path}: ${a.length} instead of ${e.length} elements`;
    for (let i = 0; i < e.length; i += 1) {
      // The pair of a map is an array of our own making.
      const isPair = path.endsWith("<>") && Array.isArray(a[i]) && Array.isArray(e[i]);
      const found = isPair
        ? this.compareLists(a[i] as unknown[], e[i] as unknown[], `${path}[${i}]`)
        : this.compare(a[i], e[i], `${path}[${i}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #properties(a: Fields, e: Fields, path: string): string | undefined {
    const names = show(Object.keys(e));
    if (show(Object.keys(a)) !== names) {
      return `${path}: keys ${show(Object.keys(a))} instead of ${names}`;
    }
    if (String(hidden(a)) !== String(hidden(e))) return `${path}: other hidden keys`;
    for (const key of Reflect.ownKeys(e)) {
      const found = this.compare(a[key], e[key], `${path}.${String(key)}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

type Fields = Record<string | symbol, unknown>;

function prototypeOf(value: object): object | null {
  return Buffer.isBuffer(value)
    ? Uint8Array.prototype
    : (Object.getPrototypeOf(value) as object | null);
}

function hidden(value: object): string[] {
  const shown = new Set<string | symbol>(Object.keys(value));
  return Reflect.ownKeys(value)
    .filter((key) => !shown.has(key))
    .map(String)
    .sort();
}

function bytes(value: object): Buffer {
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (!ArrayBuffer.isView(value)) return Buffer.alloc(0);
  return Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
}

function show(value: unknown): string {
  if (Object.is(value, -0)) return "-0";
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.prototype.toString.call(value);
  }
  return JSON.stringify(value) ?? String(value);
}

/** A copy that shares nothing with the value, in which the same objects are shared. */
export function deepCopy<T>(value: T, seen = new Map<object, unknown>()): T {
  if (typeof value !== "object" || value === null) return value;
  const before = seen.get(value);
  if (before !== undefined) return before as T;
  const copy = emptyLike(value);
  seen.set(value, copy);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof URL) {
    return copy as T;
  }
  if (value instanceof Map) {
    for (const [k, v] of value)
      (copy as Map<unknown, unknown>).set(deepCopy(k, seen), deepCopy(v, seen));
  }
  if (value instanceof Set) for (const v of value) (copy as Set<unknown>).add(deepCopy(v, seen));
  for (const key of Reflect.ownKeys(value)) {
    const { enumerable = false } = Object.getOwnPropertyDescriptor(value, key) ?? {};
    const own = deepCopy((value as Fields)[key], seen);
    Object.defineProperty(copy, key, {
      value: own,
      enumerable,
      writable: true,
      configurable: !isLength(value, key),
    });
  }
  return copy as T;
}

function isLength(value: object, key: string | symbol): boolean {
  return (
    (Array.isArray(value) && key === "length") || (value instanceof RegExp && key === "lastIndex")
  );
}

function emptyLike(value: object): object {
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (value instanceof DataView) return new DataView(Uint8Array.from(bytes(value)).buffer);
  if (ArrayBuffer.isView(value)) return (value as Uint8Array).slice();
  if (value instanceof ArrayBuffer) return value.slice(0);
  if (value instanceof URL) return new URL(value.href);
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof RegExp) return new RegExp(value.source, value.flags);
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  if (Array.isArray(value)) return new Array(value.length);
  return Object.create(Object.getPrototypeOf(value) as object | null) as object;
}
