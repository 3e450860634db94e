import { BaseMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { deepCopy } from "./equal.js";
import { messages } from "./messages.js";

/** Any 16-bit units: NUL, lone surrogates, everything. */
const units = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));

export const texts = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: units, maxLength: 8 }) },
  { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 8 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("", "\0", "\ud800", "\udfff", "__proto__", "$ref", "\u2028"),
  },
  { weight: 1, arbitrary: fc.string({ minLength: 250, maxLength: 700 }) },
);

export const keys = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 6 }) },
  { weight: 1, arbitrary: fc.string({ unit: units, maxLength: 4 }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...["__proto__", "constructor", "toJSON", "prototype", "hasOwnProperty", "toString"],
      ...["$def", "$ref", "$item", "$list", "$undefined", "$message", "$", "$$", "$$ref", "$class"],
      ...["lc", "type", "id", "kwargs", "length", "", "0", "7", "-1", "a.b", "then", "v"],
    ),
  },
);

const scalars = fc.oneof(
  fc.constantFrom(null, undefined, true, false, 0, -0, Number.NaN, Infinity, -Infinity, 2 ** 53),
  fc.integer(),
  fc.double(),
  fc.bigInt(),
);

const dates = fc.date({ noInvalidDate: false });

/** A flag that the compiler's target does not know yet. */
const SETS = "v";

const regexps = fc
  .constantFrom(/a/, /^x\/y$/giu, /(?<n>.)\k<n>/ms, /\//y, new RegExp("[a--b]", SETS), / /d)
  .map((r) => {
    const copy = new RegExp(r.source, r.flags);
    copy.lastIndex = 3;
    return copy;
  });

const urls = fc
  .webUrl({ withQueryParameters: true, withFragments: true })
  .map((text) => new URL(text));

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b)),
  fc.uint8Array({ minLength: 300, maxLength: 600 }),
  fc.uint8Array({ minLength: 4, maxLength: 9 }).map((b) => b.subarray(1, 3)),
  fc.uint8ClampedArray({ maxLength: 9 }),
  fc.int8Array({ maxLength: 9 }),
  fc.int16Array({ maxLength: 9 }),
  fc.uint16Array({ maxLength: 9 }),
  fc.int32Array({ maxLength: 9 }),
  fc.uint32Array({ maxLength: 9 }),
  fc.float32Array({ maxLength: 9 }),
  fc.float64Array({ maxLength: 9 }),
  fc.bigInt64Array({ maxLength: 9 }),
  fc.bigUint64Array({ maxLength: 9 }),
  fc.uint8Array({ maxLength: 9 }).map((b) => new DataView(b.slice().buffer)),
  fc.uint8Array({ maxLength: 9 }).map((b) => b.slice().buffer),
);

export function fromEntries(
  entries: readonly (readonly [string, unknown])[],
  bare = false,
): object {
  const object = bare ? (Object.create(null) as object) : {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return object;
}

const ERRORS = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];

function makeError([Class, text, cause, entries]: [
  ErrorConstructor,
  string,
  unknown,
  [string, unknown][],
]) {
  const error = cause === undefined ? new Class(text) : new Class(text, { cause });
  for (const [key, value] of entries) {
    if (key !== "stack")
      Object.defineProperty(error, key, {
        value,
        enumerable: key.length % 2 === 0,
        writable: true,
        configurable: true,
      });
  }
  return error;
}

const { value: trees } = fc.letrec<{ value: unknown; entries: [string, unknown][] }>((tie) => ({
  entries: fc.array(fc.tuple(keys, tie("value")), { maxLength: 5 }),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    { weight: 5, arbitrary: scalars },
    { weight: 5, arbitrary: texts },
    { weight: 5, arbitrary: tie("entries").map((entries) => fromEntries(entries)) },
    { weight: 1, arbitrary: tie("entries").map((entries) => fromEntries(entries, true)) },
    { weight: 4, arbitrary: fc.array(tie("value"), { maxLength: 5 }) },
    { weight: 1, arbitrary: fc.sparseArray(tie("value"), { maxLength: 9, maxNumElements: 4 }) },
    {
      weight: 2,
      arbitrary: fc
        .array(fc.tuple(tie("value"), tie("value")), { maxLength: 4 })
        .map((e) => new Map(e)),
    },
    { weight: 2, arbitrary: fc.array(tie("value"), { maxLength: 4 }).map((e) => new Set(e)) },
    { weight: 1, arbitrary: dates },
    { weight: 1, arbitrary: regexps },
    { weight: 1, arbitrary: urls },
    { weight: 2, arbitrary: bytes },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(...ERRORS), texts, tie("value"), tie("entries"))
        .map((e) => makeError(e as never)),
    },
    { weight: 2, arbitrary: messages },
  ),
}));

/** Every supported kind; no object occurs twice. */
export const values: fc.Arbitrary<unknown> = trees.map((tree) => deepCopy(tree));

/** The same, with some objects occurring twice or inside themselves. */
export const sharingValues: fc.Arbitrary<unknown> = fc
  .tuple(trees, fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 3 }))
  .map(([tree, links]) => {
    const value = deepCopy(tree);
    for (const [from, to] of links) link(value, from, to);
    return value;
  });

/** Lets one container of the value hold another one too. */
function link(value: unknown, from: number, to: number): void {
  const containers = [...reachable(value)].filter((c) => !ArrayBuffer.isView(c));
  if (containers.length === 0) return;
  const holder = containers[from % containers.length] as object;
  const held = containers[to % containers.length] as object;
  if (Array.isArray(holder)) holder.push(held);
  else if (holder instanceof Map) holder.set(held, held);
  else if (holder instanceof Set) holder.add(held);
  else if (isRecord(holder)) (holder as Record<string, unknown>).link = held;
}

function isRecord(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || prototype === Object.prototype || value instanceof Error;
}

/** All objects that can be reached from the value. */
export function reachable(value: unknown, found = new Set<object>()): Set<object> {
  if (typeof value !== "object" || value === null || found.has(value)) return found;
  found.add(value);
  if (value instanceof Map)
    for (const pair of value) for (const part of pair) reachable(part, found);
  if (value instanceof Set) for (const part of value) reachable(part, found);
  if (ArrayBuffer.isView(value) || value instanceof BaseMessage) return found;
  for (const key of Reflect.ownKeys(value)) {
    // What LangChain keeps for itself in a message is nobody's to share.
    if (typeof key === "string" && key.startsWith("lc_")) continue;
    reachable((value as Record<string | symbol, unknown>)[key], found);
  }
  return found;
}

/** Whether an object is inside itself. */
export function isCyclic(value: unknown, above: ReadonlySet<object> = new Set()): boolean {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return false;
  if (above.has(value)) return true;
  const inside = new Set([...above, value]);
  const parts: unknown[] = Reflect.ownKeys(value).map(
    (key) => (value as Record<string | symbol, unknown>)[key],
  );
  if (value instanceof Map) parts.push(...[...value].flat(1));
  if (value instanceof Set) parts.push(...value);
  return parts.some((part) => isCyclic(part, inside));
}
