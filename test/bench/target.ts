/** A promise about one or several figures; the worst of them decides. */
export interface Target {
  readonly claim: string;
  readonly measured: string;
  readonly reached: boolean | undefined;
}

export type Named = readonly [label: string, value: number | undefined];

export const atMost = (claim: string, bound: number, values: readonly Named[]): Target =>
  target(`${claim}, at most ${bound}`, values, Math.ceil, (value) => value <= bound);

export const atLeast = (claim: string, bound: number, values: readonly Named[]): Target =>
  target(`${claim}, at least ${bound}`, values, Math.floor, (value) => value >= bound);

/** Figures are rounded towards a miss, and judged unrounded. */
function target(
  claim: string,
  values: readonly Named[],
  round: (value: number) => number,
  holds: (value: number) => boolean,
): Target {
  const known = values.filter((named): named is [string, number] => named[1] !== undefined);
  if (known.length === 0) return { claim, measured: "not measured", reached: undefined };
  return {
    claim,
    measured: known
      .map(([label, value]) => `${(round(value * 100) / 100).toFixed(2)} ${label}`.trim())
      .join(", "),
    reached: known.every(([, value]) => holds(value)),
  };
}
