import { kindLabels, type StateKind, sizes } from "../states.js";
import { type TurnPlan, turnPlan } from "../turns.js";
import type { RatePlan, ReadPlan } from "./calls.js";
import type { ServerGrowth } from "./disk.js";
import type { WirePlan } from "./wire.js";

/** What a run measures on servers. */
export interface ServerPlan {
  readonly growth: readonly ServerGrowth[];
  /** Numbers of turns at which the size of LangGraph's tables is extrapolated. */
  readonly extrapolateAt: readonly number[];
  readonly turns: readonly TurnPlan[];
  readonly rates: readonly RatePlan[];
  readonly reads: readonly ReadPlan[];
  readonly wire: WirePlan;
  readonly history: { readonly states: number };
}

const kinds = Object.keys(kindLabels) as StateKind[];

export const fullOnServers: ServerPlan = {
  growth: [
    { saver: "threadkeep-postgres", sizesAt: [10, 100, 200, 400, 1000] },
    { saver: "threadkeep-mysql", sizesAt: [10, 100, 200, 400, 1000] },
    { saver: "langgraph-postgres", sizesAt: [10, 100, 200, 400] },
  ],
  extrapolateAt: [1000],
  turns: [turnPlan(10, 5, 1, 5), turnPlan(100, 1, 3, 25), turnPlan(1000, 1, 3, 25)],
  rates: [
    {
      size: sizes["1 KB"],
      concurrency: [1, 8, 32],
      calls: 640,
      effort: { warmup: 2, rounds: 11 },
    },
  ],
  reads: [
    { kind: "messages", size: sizes["1 KB"], steps: 100, effort: { warmup: 1, rounds: 15 } },
    ...kinds.map(
      (kind): ReadPlan => ({
        kind,
        size: sizes["100 KB"],
        steps: 100,
        effort: { warmup: 1, rounds: 7, budget: 8000 },
      }),
    ),
  ],
  wire: {
    turns: [10, 200],
    roundTripMs: 3.5,
    counted: 5,
    effort: { warmup: 3, rounds: 15 },
  },
  history: { states: 180 },
};

/** Short threads, few samples: to see at once what a change of the code does. */
export const quickOnServers: ServerPlan = {
  growth: [
    { saver: "threadkeep-postgres", sizesAt: [10, 50, 100] },
    { saver: "threadkeep-mysql", sizesAt: [10, 50, 100] },
    { saver: "langgraph-postgres", sizesAt: [10, 25, 50] },
  ],
  extrapolateAt: [100],
  turns: [turnPlan(10, 1, 1, 5), turnPlan(1000, 1, 1, 3)],
  rates: [
    { size: sizes["1 KB"], concurrency: [1, 32], calls: 96, effort: { warmup: 2, rounds: 3 } },
  ],
  reads: [
    {
      kind: "messages",
      size: sizes["100 KB"],
      steps: 25,
      effort: { warmup: 0, rounds: 3, budget: 1000 },
    },
  ],
  wire: { turns: [10], roundTripMs: 3.5, counted: 3, effort: { warmup: 2, rounds: 5 } },
  history: { states: 18 },
};
