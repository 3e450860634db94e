import { describe, invalid } from "../storage/ids.js";

/** Milliseconds, or a number with a unit: `"30d"`, `"12h"`, `"15m"`, `"45s"`. */
export type Duration = number | `${number}${"d" | "h" | "m" | "s"}`;

const UNITS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000 } as const;

/**
 * A duration in milliseconds.
 * @throws StorageError `INVALID_ARGUMENT`
 */
function durationOf(operation: string, name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  const found = typeof value === "string" ? /^(\d+(?:\.\d+)?)([dhms])$/.exec(value) : null;
  if (found !== null) return Number(found[1]) * UNITS[found[2] as keyof typeof UNITS];
  const what = typeof value === "string" ? JSON.stringify(value) : describe(value);
  throw invalid(operation, `${name} must be milliseconds, or text such as "30d", not ${what}`);
}

/**
 * The time that is so long ago, in whole milliseconds since 1970.
 * @throws StorageError `INVALID_ARGUMENT`, also where it is further away than can be counted
 */
export function timeAgo(operation: string, name: string, value: unknown, now: number): number {
  const time = Math.floor(now - durationOf(operation, name, value));
  if (Number.isSafeInteger(time)) return time;
  throw invalid(operation, `${name} is too long: ${value}`);
}

/**
 * The time that is so long ago, or the time itself, in whole milliseconds since 1970.
 * @throws StorageError `INVALID_ARGUMENT`
 */
export function cutoffOf(operation: string, name: string, value: unknown, now: number): number {
  if (!(value instanceof Date)) return timeAgo(operation, name, value, now);
  if (Number.isNaN(value.getTime())) throw invalid(operation, `${name} must say a time`);
  return value.getTime();
}
