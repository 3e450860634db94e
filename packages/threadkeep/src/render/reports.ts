import type { EraseReport, ExpireReport, RetentionPruneReport } from "@threadkeep/core";
import type { Paint } from "./paint.js";
import { table } from "./table.js";
import { bytes, count, number } from "./text.js";

/** What a prune takes, in words. */
export function pruneWords({
  sessions,
  checkpoints,
  rows,
  bytes: size,
}: RetentionPruneReport): string {
  const what = `${count(checkpoints, "checkpoint")} of ${count(sessions, "session")}`;
  return `${what}: ${count(rows, "row")}, ${bytes(size)}`;
}

/** What an expiry takes, in words. */
export function expireWords({ sessions, rows, bytes: size }: ExpireReport): string {
  return `${count(sessions, "session")}: ${count(rows, "row")}, ${bytes(size)}`;
}

export function renderErased(report: EraseReport, paint: Paint): string {
  const head = `Erased ${expireWords(report)}.\n`;
  const rows = Object.entries(report.tables).filter(([, value]) => value > 0);
  if (rows.length === 0) return head;
  const columns = [{ head: "table" }, { head: "rows", align: "right" }] as const;
  const cells = rows.map(([name, value]) => [name, number(value)]);
  return `${head}\n${table(columns, cells, paint)}\n`;
}
