/** Item numbers from `first` to `last`, both included. */
export type Range = readonly [first: number, last: number];

/** Sorted, disjoint, and with neighbours joined. */
export function mergeRanges(ranges: Iterable<Range>): Range[] {
  const sorted = [...ranges].sort((a, b) => a[0] - b[0]);
  const merged: [number, number][] = [];
  for (const [first, last] of sorted) {
    const previous = merged[merged.length - 1];
    if (previous !== undefined && first <= previous[1] + 1) {
      previous[1] = Math.max(previous[1], last);
    } else {
      merged.push([first, last]);
    }
  }
  return merged;
}

export function rangeSize(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

/** The numbers from 1 to `end` (excluded) that no range of the merged list covers. */
export function gaps(merged: readonly Range[], end: number): Range[] {
  const out: Range[] = [];
  let next = 1;
  for (const [first, last] of merged) {
    if (first > next) out.push([next, first - 1]);
    next = last + 1;
  }
  if (next < end) out.push([next, end - 1]);
  return out;
}

/**
 * At most `max` ranges that cover the merged list: the narrowest gaps are read along, since a
 * statement with a bounded number of ranges can stay prepared.
 */
export function coverRanges(merged: readonly Range[], max: number): Range[] {
  if (merged.length <= max) return [...merged];
  const widths = merged.slice(1).map(([first], i) => first - (merged[i] as Range)[1]);
  const kept = new Set(
    widths
      .map((width, i) => ({ width, i }))
      .sort((a, b) => b.width - a.width)
      .slice(0, max - 1)
      .map(({ i }) => i),
  );
  const out: [number, number][] = [];
  merged.forEach(([first, last], i) => {
    const previous = out[out.length - 1];
    if (previous === undefined || kept.has(i - 1)) out.push([first, last]);
    else previous[1] = last;
  });
  return out;
}
