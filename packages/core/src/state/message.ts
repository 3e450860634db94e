import type { ClassRegistry, MessageClass } from "./classes.js";
import { isDefault, isPlain, withTail } from "./message-layout.js";
import { assign, copyTree, isPlainTree, type Tree, type TreeObject, unescapeKey } from "./tree.js";

type Live = Record<string, unknown>;

/** What follows from the names of a stored message's fields alone; shared by all that have them. */
class FieldNames {
  readonly names: readonly string[];
  /** Where each stands in `Class.layout`. */
  readonly at: readonly number[];
  /** The keys of `lc_kwargs`, where they follow from the fields, and where they stand. */
  readonly kwargs: readonly string[];
  readonly kwargsAt: readonly number[];
  /** An `lc_kwargs` to be copied and filled: faster than adding key after key. */
  readonly kwargsShape: object;

  constructor(Class: MessageClass, names: readonly string[]) {
    this.names = names;
    this.at = names.map((name) => Class.layout.indexOf(name));
    this.kwargs = withTail(Class, names);
    this.kwargsAt = this.kwargs.map((name) => Class.layout.indexOf(name));
    this.kwargsShape = Object.fromEntries(this.kwargs.map((name) => [name, undefined]));
  }

  fits(fields: TreeObject): boolean {
    let i = 0;
    for (const name in fields) {
      if (name !== this.names[i]) return false;
      i += 1;
    }
    return i === this.names.length;
  }
}

const KNOWN_NAMES = new WeakMap<MessageClass, FieldNames[]>();
const MAX_KNOWN = 16;

function namesOf(Class: MessageClass, fields: TreeObject): FieldNames {
  let known = KNOWN_NAMES.get(Class);
  if (known === undefined) {
    known = [];
    KNOWN_NAMES.set(Class, known);
  }
  const same = known.find((names) => names.fits(fields));
  if (same !== undefined) return same;
  const names = new FieldNames(Class, Object.keys(fields));
  if (known.length < MAX_KNOWN) known.push(names);
  return names;
}

/**
 * A stored message laid out like a live one, so that both directions of the hot path, comparing
 * and reviving, walk the fields once and in order.
 */
export class MessageSnapshot {
  readonly Class: MessageClass;
  readonly fields: TreeObject;
  readonly names: FieldNames;
  readonly rest: TreeObject | undefined;
  /** By position in `Class.layout`; `undefined` where the field has its default. */
  readonly trees: readonly (Tree | undefined)[];
  /** Whether the fields stand for themselves. */
  readonly isPlain: boolean;
  /** Whether an object occurs twice: then the order of the fields matters. */
  readonly isShared: boolean;

  /** @param parts `[class, fields, rest?]` */
  constructor(classes: ClassRegistry, parts: readonly Tree[]) {
    const [name, fields, rest] = parts as [string, TreeObject, TreeObject | undefined];
    const Class = classes.messageNamed(name);
    if (Class === undefined) throw new TypeError(`unknown message class ${JSON.stringify(name)}`);
    this.Class = Class;
    this.fields = fields;
    this.names = namesOf(Class, fields);
    this.rest = rest;
    const trees = new Array<Tree | undefined>(Class.layout.length).fill(undefined);
    for (let i = 0; i < this.names.at.length; i += 1) {
      trees[this.names.at[i] as number] = fields[this.names.names[i] as string];
    }
    this.trees = trees;
    this.isPlain = rest === undefined && isPlainTree(fields);
    this.isShared =
      (!this.isPlain && hasReference(fields)) || (rest !== undefined && hasReference(rest));
  }
}

function hasReference(tree: Tree): boolean {
  if (typeof tree !== "object" || tree === null) return false;
  if (Array.isArray(tree)) return tree.some(hasReference);
  for (const key in tree) if (key === "$ref" || hasReference(tree[key] as Tree)) return true;
  return false;
}

/** The live fields of the message being compared; one inside another has a list of its own. */
let spare: unknown[] | undefined = [];

/** Whether encoding the message would give the snapshot. */
export function matchMessage(
  value: object,
  snapshot: MessageSnapshot,
  match: (live: unknown, tree: Tree) => boolean,
): boolean {
  const fields = spare ?? [];
  spare = undefined;
  try {
    return matchFields(value as Live, snapshot, match, fields);
  } finally {
    spare = fields;
  }
}

function matchFields(
  live: Live,
  snapshot: MessageSnapshot,
  match: (live: unknown, tree: Tree) => boolean,
  fields: unknown[],
): boolean {
  if (snapshot.isShared && !matchInOrder(live, snapshot, match)) return false;
  const { Class, trees } = snapshot;
  const { layout, defaults } = Class;
  let i = -1;
  for (const key in live) {
    i += 1;
    if (key !== layout[i]) return false;
    const field = live[key];
    const tree = trees[i];
    fields[i] = field;
    if (tree === undefined) {
      if (field === defaults[i] || key === "lc_kwargs") continue;
      if (!isDefault(field, defaults[i])) return false;
    } else if (typeof field === "string") {
      if (field !== tree) return false;
    } else if (!snapshot.isShared && !match(field, tree)) {
      return false;
    }
  }
  if (i !== layout.length - 1) return false;
  if (snapshot.rest === undefined) return sameKwargs(live.lc_kwargs, snapshot.names, fields);
  return matchRest(live, snapshot.rest, match);
}

function matchInOrder(
  live: Live,
  { fields }: MessageSnapshot,
  match: (live: unknown, tree: Tree) => boolean,
): boolean {
  for (const key in fields) if (!match(live[key], fields[key] as Tree)) return false;
  return true;
}

function sameKwargs(
  kwargs: unknown,
  { kwargs: names, kwargsAt }: FieldNames,
  fields: readonly unknown[],
): boolean {
  if (typeof kwargs !== "object" || kwargs === null) return false;
  if (Object.getPrototypeOf(kwargs) !== Object.prototype) return false;
  let i = 0;
  for (const key in kwargs) {
    const own = (kwargs as Live)[key];
    const field = fields[kwargsAt[i] as number];
    if (key !== names[i] || (own !== field && !Object.is(own, field))) return false;
    i += 1;
  }
  return i === names.length;
}

function matchRest(
  live: Live,
  rest: TreeObject,
  match: (live: unknown, tree: Tree) => boolean,
): boolean {
  const own = rest.kwargs as [string, Tree?][] | undefined;
  const kwargs = live.lc_kwargs;
  // Added or missing fields are rare enough to be compared by their encoding, see `ItemLog`.
  if (own === undefined || Object.keys(rest).length > 1 || !isPlain(kwargs)) return false;
  const names = Object.keys(kwargs);
  if (names.length !== own.length) return false;
  return own.every(([name, tree], i) => {
    if (name !== names[i]) return false;
    return tree === undefined ? Object.is(kwargs[name], live[name]) : match(kwargs[name], tree);
  });
}

/**
 * A fresh message.
 * @param share called with the message before its fields are decoded
 */
export function reviveMessage(
  snapshot: MessageSnapshot,
  decodeAny: (tree: Tree) => unknown,
  share: ((message: object) => void) | undefined,
): object {
  const { Class, trees, rest } = snapshot;
  const { layout, defaults, symbols } = Class;
  const decode = snapshot.isPlain ? copyTree : decodeAny;
  const live = Class.blank() as Live;
  share?.(live);
  const shared = snapshot.isShared ? decodeInOrder(snapshot.fields, decode) : undefined;
  const absent = rest?.absent as string[] | undefined;
  const kwargs: Live = rest === undefined ? { ...snapshot.names.kwargsShape } : {};
  for (let i = 0; i < layout.length; i += 1) {
    const key = layout[i] as string;
    const tree = trees[i];
    if (tree !== undefined) live[key] = shared === undefined ? decode(tree) : shared[key];
    else if (key === "lc_kwargs") live[key] = kwargs;
    else if (absent === undefined || !absent.includes(key)) live[key] = fresh(defaults[i]);
    else delete live[key];
  }
  for (let i = 0; i < symbols.length; i += 1) {
    const [symbol, value] = symbols[i] as readonly [symbol, unknown];
    (live as Record<symbol, unknown>)[symbol] = value;
  }
  if (rest === undefined || !reviveRest(live, kwargs, rest, decode)) {
    const names = snapshot.names.kwargs;
    for (let i = 0; i < names.length; i += 1) kwargs[names[i] as string] = live[names[i] as string];
  }
  return live;
}

/** An object that occurs twice is defined where the encoder met it first. */
function decodeInOrder(fields: TreeObject, decode: (tree: Tree) => unknown): Live {
  const decoded: Live = {};
  for (const key in fields) decoded[key] = decode(fields[key] as Tree);
  return decoded;
}

/** @returns whether `lc_kwargs` was among the rest */
function reviveRest(
  live: Live,
  kwargs: Live,
  rest: TreeObject,
  decode: (tree: Tree) => unknown,
): boolean {
  const extra = (rest.extra ?? {}) as TreeObject;
  for (const key of Object.keys(extra)) {
    assign(live, unescapeKey(key), decode(extra[key] as Tree));
  }
  if (rest.lc_kwargs !== undefined) {
    live.lc_kwargs = decode(rest.lc_kwargs as Tree);
    return true;
  }
  const own = rest.kwargs as [string, Tree?][] | undefined;
  for (const [key, tree] of own ?? []) {
    assign(kwargs, key, tree === undefined ? live[key] : decode(tree));
  }
  return own !== undefined;
}

/** A fresh copy of a message field's default: a primitive, `{}`, `[]` or a list of strings. */
function fresh(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (!Array.isArray(value)) return {};
  return value.length === 0 ? [] : value.slice();
}
