import type { StorageError } from "../errors.js";
import type { MessageClass } from "./classes.js";
import { isAlias, isDefault, isPlain, kwargsOrder } from "./message-layout.js";
import { escapeKey } from "./tree.js";

// biome-ignore lint/suspicious/noExplicitAny: what stands in a node depends on the encoder
type Node = any;
type Live = Record<string, unknown>;

/** What an encoder does for the parts of a message. */
export interface PartEncoder {
  child(value: unknown, parent: Node, key: string | number, name: string | number): void;
  refuse(why: string): StorageError;
}

/**
 * `[class, fields, rest?]`: the fields that differ from a fresh instance, in the order of
 * `lc_kwargs`, which is then not stored: its values are nearly always the fields themselves.
 */
export function encodeMessage(
  Class: MessageClass,
  live: Live,
  parts: Node[],
  encoder: PartEncoder,
): void {
  const fields: Node = {};
  parts.push(Class.name, fields);
  const changed = Class.layout.filter(
    (name, i) =>
      name !== "lc_kwargs" && Object.hasOwn(live, name) && !isFresh(live[name], Class.defaults[i]),
  );
  const order = kwargsOrder(Class, live, live.lc_kwargs, changed);
  for (const name of order ?? changed) encoder.child(live[name], fields, name, name);
  const rest: Node = {};
  encodeExtra(Class, live, rest, encoder);
  if (order === undefined) encodeKwargs(live, rest, encoder);
  if (Object.keys(rest).length > 0) parts.push(rest);
}

/** A default, and no named property on it. */
function isFresh(value: unknown, fresh: unknown): boolean {
  return (
    isDefault(value, fresh) && (!Array.isArray(value) || Object.keys(value).length === value.length)
  );
}

/** Fields that were added to the class's own, and names of those that were removed. */
function encodeExtra(Class: MessageClass, live: Live, rest: Node, encoder: PartEncoder): void {
  const absent = Class.fields.filter((name) => !Object.hasOwn(live, name));
  if (absent.length > 0) rest.absent = absent;
  const extra = Object.keys(live).filter(
    (name) => name !== "lc_kwargs" && !Class.fields.includes(name),
  );
  if (extra.length > 0) {
    rest.extra = {};
    for (const name of extra) encoder.child(live[name], rest.extra, escapeKey(name), name);
  }
  for (const symbol of Object.getOwnPropertySymbols(live)) {
    if (!Class.symbols.some(([known]) => known === symbol)) {
      throw encoder.refuse(`it has the symbol key ${String(symbol)}`);
    }
  }
}

/** `[name]` where the value is the field of that name, `[name, tree]` where it is its own. */
function encodeKwargs(live: Live, rest: Node, encoder: PartEncoder): void {
  const kwargs = live.lc_kwargs;
  if (!isPlain(kwargs)) {
    encoder.child(kwargs, rest, "lc_kwargs", "lc_kwargs");
    return;
  }
  rest.kwargs = [];
  for (const name of Object.keys(kwargs)) {
    const entry: Node[] = [name];
    rest.kwargs.push(entry);
    if (!isAlias(live, kwargs, name)) encoder.child(kwargs[name], entry, 1, name);
  }
}
