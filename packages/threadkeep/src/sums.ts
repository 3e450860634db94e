import type { Session, SessionStats } from "@threadkeep/core";

/** What one session takes. */
export interface SessionSum {
  readonly session: string;
  readonly title?: string;
  readonly checkpoints: number;
  readonly rows: number;
  readonly bytes: number;
}

/** What many sessions take together. */
export interface Sums {
  readonly sessions: number;
  readonly checkpoints: number;
  readonly rows: number;
  readonly bytes: number;
  readonly tables: SessionStats["tables"];
  readonly channels: SessionStats["channels"];
  /** The largest ones, the largest first. */
  readonly largest: readonly SessionSum[];
}

export const NO_SUMS: Sums = {
  sessions: 0,
  checkpoints: 0,
  rows: 0,
  bytes: 0,
  tables: [],
  channels: [],
  largest: [],
};

/** @param limit how many of the largest sessions are kept by name */
export function addSession(
  sums: Sums,
  { title }: Session,
  stats: SessionStats,
  limit: number,
): Sums {
  const { session, checkpoints, rows, bytes } = stats;
  const one = { session, ...(title === undefined ? {} : { title }), checkpoints, rows, bytes };
  return {
    sessions: sums.sessions + 1,
    checkpoints: sums.checkpoints + checkpoints,
    rows: sums.rows + rows,
    bytes: sums.bytes + bytes,
    tables: summed(sums.tables, stats.tables, "table", ["rows", "bytes"]),
    channels: largestFirst(summed(sums.channels, stats.channels, "channel", ["items", "bytes"])),
    largest: largestFirst([...sums.largest, one]).slice(0, limit),
  };
}

function summed<T extends object, K extends keyof T>(
  known: readonly T[],
  more: readonly T[],
  name: K,
  numbers: readonly (keyof T)[],
): T[] {
  const byName = new Map(known.map((one) => [one[name], one]));
  for (const one of more) {
    const before = byName.get(one[name]);
    const sum = { ...one };
    for (const field of numbers) {
      sum[field] = (Number(before?.[field] ?? 0) + Number(one[field])) as T[typeof field];
    }
    byName.set(one[name], sum);
  }
  return [...byName.values()];
}

const largestFirst = <T extends { readonly bytes: number }>(sizes: T[]): T[] =>
  sizes.sort((a, b) => b.bytes - a.bytes);
