import type { MessageClass } from "./classes.js";
import { kindOf } from "./kinds.js";

/**
 * The fields to write so that `lc_kwargs` follows from their order: all of its keys, less those
 * at the end that the constructor adds by itself. `undefined` where it cannot follow.
 */
export function kwargsOrder(
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

export function isAlias(
  live: Record<string, unknown>,
  kwargs: Record<string, unknown>,
  name: string,
) {
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
