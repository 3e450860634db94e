import type { ModelCall } from "@threadkeep/core";
import type { Paint } from "./paint.js";
import { type Cell, type Column, table } from "./table.js";
import { duration, number } from "./text.js";

/** What the calls of one model took together. */
export interface ModelSum {
  /** `undefined` where it is not known. */
  readonly model: string | undefined;
  readonly calls: number;
  readonly failed: number;
  readonly aborted: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  /** Mean time until an answer was whole, in milliseconds. */
  readonly latencyMs: number;
}

/** Calls by model, in the order in which the models were first called. */
export function sumModelCalls(calls: readonly ModelCall[]): ModelSum[] {
  const byModel = new Map<string | undefined, ModelCall[]>();
  for (const call of calls) {
    const known = byModel.get(call.model);
    if (known === undefined) byModel.set(call.model, [call]);
    else known.push(call);
  }
  return [...byModel].map(([model, its]) => {
    const sum = (value: (call: ModelCall) => number | undefined) =>
      its.reduce((total, call) => total + (value(call) ?? 0), 0);
    const number = (status: ModelCall["status"]) => sum((call) => (call.status === status ? 1 : 0));
    return {
      model,
      calls: its.length,
      failed: number("error"),
      aborted: number("aborted"),
      inputTokens: sum((call) => call.inputTokens),
      outputTokens: sum((call) => call.outputTokens),
      totalTokens: sum((call) => call.totalTokens),
      latencyMs: Math.round(sum((call) => call.latencyMs) / its.length),
    };
  });
}

const COLUMNS: readonly Column[] = [
  { head: "model", cut: { to: 12 } },
  { head: "calls", align: "right" },
  { head: "failed", align: "right" },
  { head: "aborted", align: "right" },
  { head: "tokens in", align: "right" },
  { head: "out", align: "right" },
  { head: "total", align: "right" },
  { head: "mean time", align: "right" },
];

export function renderModelCalls(calls: readonly ModelCall[], paint: Paint): string {
  const { red } = paint.colours;
  const rows = sumModelCalls(calls).map((sum): Cell[] => [
    sum.model ?? "unknown",
    number(sum.calls),
    sum.failed === 0 ? "0" : { text: number(sum.failed), style: red },
    number(sum.aborted),
    number(sum.inputTokens),
    number(sum.outputTokens),
    number(sum.totalTokens),
    duration(sum.latencyMs),
  ]);
  return table(COLUMNS, rows, paint);
}
