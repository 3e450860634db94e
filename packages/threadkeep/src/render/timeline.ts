import type { NodeRun } from "@threadkeep/core";
import { toolNames } from "../tools.js";
import type { Paint } from "./paint.js";
import { type Cell, type Column, type Style, table } from "./table.js";
import { day, duration, fit, oneLine } from "./text.js";

const ERROR_WIDTH = 60;

/** One line for each run of a node, in the order in which they began; subgraphs are indented. */
export function renderTimeline(runs: readonly NodeRun[], paint: Paint): string {
  const { colours } = paint;
  const days = new Set(runs.map((run) => day(timeOf(run))));
  const isRepeated = runs.some(({ attempt }) => attempt > 1);
  const columns: Column[] = [
    { head: days.size > 1 ? "time (UTC)" : `${[...days][0]} (UTC)` },
    { head: "step", align: "right" },
    { head: "node", cut: { side: "start", to: 20 } },
    ...(isRepeated ? [{ head: "try", align: "right" } as const] : []),
    { head: "status" },
    { head: "took", align: "right" },
    { head: "tools, errors", cut: { to: 14 } },
  ];
  const statuses: Record<NodeRun["status"], Style> = {
    ok: colours.green,
    error: colours.red,
    interrupted: colours.yellow,
  };
  const rows = runs.map((run): Cell[] => {
    const { step, attempt, status, startedAt, endedAt, error } = run;
    return [
      clock(timeOf(run), days.size > 1),
      step === null ? "" : String(step),
      `${INDENT.repeat(run.nodePath.split("/").length - 1)}${run.nodePath}`,
      ...(isRepeated ? [attempt > 1 ? String(attempt) : ""] : []),
      { text: status, style: statuses[status] },
      startedAt === null ? "" : duration(endedAt - startedAt),
      error === undefined
        ? toolNames(run).join(", ")
        : { text: fit(errorWords(error), ERROR_WIDTH), style: colours.red },
    ];
  });
  return table(columns, rows, paint);
}

const timeOf = ({ startedAt, endedAt }: NodeRun): Date => new Date(startedAt ?? endedAt);

function clock(time: Date, withDay: boolean): string {
  const text = time.toISOString().replace("T", " ").replace("Z", "");
  return withDay ? text : text.slice(11);
}

const INDENT = "  ";

const errorWords = ({ name, message }: { name: string; message: string }): string =>
  oneLine(`${name}: ${message}`);
