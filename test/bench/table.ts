export interface Table {
  readonly title: string;
  /** A line may be broken where a terminal has too little width. */
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly note: string;
}

export const absent = "–";

/** Three significant digits, and never an exponent. */
export function number(value: number | undefined): string {
  if (value === undefined) return absent;
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 6 });
}

export const times = (value: number | undefined): string =>
  value === undefined ? absent : `${number(value)}×`;

export const megabytes = (bytes: number | undefined): string =>
  number(bytes === undefined ? undefined : bytes / 1e6);

export const inOrder = (values: Iterable<number>): number[] =>
  [...new Set(values)].sort((a, b) => a - b);
