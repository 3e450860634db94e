import Table from "cli-table3";
import stringWidth from "string-width";
import type { Paint } from "./paint.js";
import { fit, oneLine } from "./text.js";

export interface Column {
  readonly head: string;
  readonly align?: "left" | "right";
  /** How it may be cut to fit the screen. Default: not at all. */
  readonly cut?: Cut;
}

export interface Cut {
  /** Which end goes. Default: `end`. */
  readonly side?: "start" | "end";
  /** What is left of it at least; of two columns, the one with more of that left is cut first. */
  readonly to: number;
  /** Where all columns are cut and there is still too little room. Default: `to`. */
  readonly atLast?: number;
}

export type Style = (text: string) => string;
export type Cell = string | { readonly text: string; readonly style: Style };

const GAP = 2;

/** Aligned columns. The cells' texts may be anybody's: they are made harmless here. */
export function table(columns: readonly Column[], rows: readonly Cell[][], paint: Paint): string {
  const texts = rows.map((row) => row.map((cell) => oneLine(textOf(cell))));
  const widths = fitting(columns, texts, paint.width);
  const cut = (text: string, index: number) =>
    fit(text, widths[index] as number, columns[index]?.cut?.side);
  const layout = new Table({
    head: columns.map(({ head }, index) => paint.colours.dim(cut(head, index))),
    colAligns: columns.map(({ align }) => align ?? "left"),
    chars: NO_BORDERS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  for (const [index, row] of rows.entries()) {
    layout.push(row.map((cell, at) => styleOf(cell)(cut(texts[index]?.[at] as string, at))));
  }
  return trimmed(layout.toString());
}

const NO_BORDERS = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid"]
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat("left-mid", "mid-mid", "right-mid")
    .map((side) => [side, ""])
    .concat([["middle", " ".repeat(GAP)]]),
);

const textOf = (cell: Cell): string => (typeof cell === "string" ? cell : cell.text);
const styleOf = (cell: Cell): Style =>
  typeof cell === "string" || cell.text === "" ? (text) => text : cell.style;

function fitting(columns: readonly Column[], rows: readonly string[][], width: number): number[] {
  const widths = columns.map(({ head }, index) =>
    rows.reduce(
      (most, row) => Math.max(most, stringWidth(row[index] as string)),
      stringWidth(head),
    ),
  );
  const room = width - GAP * (columns.length - 1);
  return cutTo(cutTo(widths, room, columns, "to"), room, columns, "atLast");
}

function cutTo(
  given: readonly number[],
  room: number,
  columns: readonly Column[],
  limit: "to" | "atLast",
): number[] {
  const widths = [...given];
  const least = columns.map(({ cut }) => cut?.[limit] ?? cut?.to ?? Infinity);
  let excess = widths.reduce((sum, one) => sum + one, 0) - room;
  for (; excess > 0; excess -= 1) {
    const surplus = widths.map((one, index) => one / (least[index] as number));
    const most = Math.max(...surplus);
    if (most <= 1) break;
    (widths[surplus.indexOf(most)] as number) -= 1;
  }
  return widths;
}

const trimmed = (text: string): string =>
  text
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
