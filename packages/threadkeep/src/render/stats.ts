import type { SessionStats } from "@threadkeep/core";
import type { SessionSum, Sums } from "../sums.js";
import type { Paint } from "./paint.js";
import { type Cell, type Column, table } from "./table.js";
import { bytes, count, number, oneLine } from "./text.js";

/** What a session takes. */
export function renderStats(stats: SessionStats, paint: Paint): string {
  const head = `${paint.colours.bold(oneLine(stats.session))}: ${totals(stats)}`;
  return joined([head, ...sizes(stats, paint)]);
}

/** What many sessions take. */
export function renderSums(sums: Sums, paint: Paint): string {
  if (sums.sessions === 0) return "No sessions.\n";
  const head = `${paint.colours.bold(count(sums.sessions, "session"))}: ${totals(sums)}`;
  return joined([head, ...sizes(sums, paint), largest(sums, paint)]);
}

type Totals = Pick<SessionStats, "checkpoints" | "rows" | "bytes">;

const totals = ({ checkpoints, rows, bytes: size }: Totals): string =>
  `${bytes(size)} in ${count(rows, "row")}, ${count(checkpoints, "checkpoint")}`;

const joined = (parts: readonly string[]): string =>
  `${parts.filter((part) => part !== "").join("\n\n")}\n`;

const RIGHT = "right";
const named = (head: string): Column => ({ head, cut: { to: 12 } });
const BYTES: Column = { head: "bytes", align: RIGHT };

function sizes({ tables, channels }: Pick<Sums, "tables" | "channels">, paint: Paint): string[] {
  const columns = (name: string, what: string) => [
    named(name),
    { head: what, align: RIGHT },
    BYTES,
  ];
  const tableRows = tables.map((one): Cell[] => [one.table, number(one.rows), bytes(one.bytes)]);
  const channelRows = channels.map((one): Cell[] => [
    one.channel,
    number(one.items),
    bytes(one.bytes),
  ]);
  return [
    table(columns("table", "rows") as Column[], tableRows, paint),
    channels.length === 0
      ? ""
      : table(columns("channel, newest state", "items") as Column[], channelRows, paint),
  ];
}

function largest({ sessions, largest: found }: Sums, paint: Paint): string {
  if (sessions === 1) return "";
  const columns: Column[] = [
    { head: "largest sessions", cut: { to: 36, atLast: 20 } },
    { head: "checkpoints", align: RIGHT },
    { head: "rows", align: RIGHT },
    BYTES,
    { head: "title", cut: { to: 8 } },
  ];
  const rows = found.map((one: SessionSum): Cell[] => [
    one.session,
    number(one.checkpoints),
    number(one.rows),
    bytes(one.bytes),
    one.title ?? "",
  ]);
  return table(columns, rows, paint);
}
