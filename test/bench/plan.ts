import type { CallPlan } from "./calls.js";
import type { Growth } from "./disk.js";
import type { Effort } from "./measure.js";
import type { NodePlan } from "./nodes.js";
import { fullOnServers, quickOnServers, type ServerPlan } from "./servers/plan.js";
import type { SessionPlan } from "./sessions.js";
import { kindLabels, type StateKind, sizes } from "./states.js";
import type { TranscriptPlan } from "./transcripts.js";
import { firstTurn, type TurnPlan, turnPlan } from "./turns.js";

/** What a run measures. */
export interface Plan {
  readonly turns: readonly TurnPlan[];
  readonly growth: readonly Growth[];
  /** Numbers of turns at which the size of LangGraph's file is extrapolated. */
  readonly extrapolateAt: readonly number[];
  readonly calls: readonly CallPlan[];
  readonly history: { readonly turns: number; readonly effort: Effort };
  readonly nodes: NodePlan;
  readonly sessions: SessionPlan;
  readonly transcripts: TranscriptPlan;
  readonly servers: ServerPlan;
}

const kinds = Object.keys(kindLabels) as StateKind[];

const startsOf = (turns: readonly TurnPlan[]) => turns.map(firstTurn);

const fullTurns = [
  turnPlan(10, 5, 1, 5),
  turnPlan(200, 1, 3, 25),
  turnPlan(1000, 1, 3, 25),
  turnPlan(2000, 1, 3, 21),
];

/** What a small call costs where it does not wait for the disk. */
const unsynced: CallPlan = {
  kind: "messages",
  size: sizes["1 KB"],
  synchronous: "NORMAL",
  steps: 100,
  lists: [],
  write: { warmup: 50, rounds: 300, collect: false },
  read: { warmup: 1, rounds: 25, collect: false },
};

export const full: Plan = {
  turns: fullTurns,
  growth: [
    {
      saver: "threadkeep-sqlite",
      turns: 2000,
      sizesAt: [10, 50, 200, 500, 1000, 1850, 2000],
      copiesAt: startsOf(fullTurns),
    },
    {
      saver: "langgraph-sqlite",
      turns: 1000,
      sizesAt: [10, 50, 200, 500, 1000],
      copiesAt: startsOf(fullTurns),
    },
  ],
  extrapolateAt: [2000],
  calls: [
    ...kinds.flatMap((kind): CallPlan[] => [
      {
        kind,
        size: sizes["1 KB"],
        synchronous: "FULL",
        steps: 1000,
        lists: [10, 100, 1000],
        write: { warmup: 50, rounds: 300, collect: false },
        read: { warmup: 1, rounds: 15, budget: 2000, collect: false },
      },
      {
        kind,
        size: sizes["100 KB"],
        synchronous: "FULL",
        steps: 1000,
        lists: [10, 100, 1000],
        write: { warmup: 5, rounds: 100 },
        read: { warmup: 0, rounds: 7, budget: 2000 },
      },
      {
        kind,
        size: sizes["1 MB"],
        synchronous: "FULL",
        steps: 100,
        ownSteps: 1000,
        lists: [10, 100, 1000],
        write: { warmup: 3, rounds: 40 },
        read: { warmup: 0, rounds: 7, budget: 2000 },
      },
    ]),
    unsynced,
  ],
  history: { turns: 200, effort: { warmup: 0, rounds: 7, budget: 4000 } },
  nodes: { turns: [1, 100, 1000], steps: 100, effort: { warmup: 2, rounds: 15 } },
  sessions: { sessions: 100_000, page: 50, effort: { warmup: 5, rounds: 101, collect: false } },
  transcripts: { messages: 10_000, effort: { warmup: 3, rounds: 51, collect: false } },
  servers: fullOnServers,
};

const quickTurns = [turnPlan(10, 2, 1, 5), turnPlan(200, 1, 2, 9), turnPlan(1000, 1, 2, 9)];

/** Short threads, few samples: to see at once what a change of the code does. */
export const quick: Plan = {
  turns: quickTurns,
  growth: [
    { saver: "threadkeep-sqlite", turns: 200, sizesAt: [10, 50, 200], copiesAt: [7, 50, 200] },
    { saver: "langgraph-sqlite", turns: 50, sizesAt: [10, 50], copiesAt: [7, 50] },
  ],
  extrapolateAt: [200],
  calls: [
    ...kinds.flatMap((kind): CallPlan[] => [
      {
        kind,
        size: sizes["1 KB"],
        synchronous: "FULL",
        steps: 130,
        lists: [10, 100],
        write: { warmup: 10, rounds: 50, collect: false },
        read: { warmup: 1, rounds: 5, budget: 500, collect: false },
      },
      {
        kind,
        size: sizes["1 MB"],
        synchronous: "FULL",
        steps: 24,
        ownSteps: 100,
        lists: [10, 100],
        write: { warmup: 1, rounds: 10 },
        read: { warmup: 0, rounds: 5, budget: 500 },
      },
    ]),
    unsynced,
  ],
  history: { turns: 50, effort: { warmup: 0, rounds: 5, budget: 1000 } },
  nodes: { turns: [1, 100], steps: 50, effort: { warmup: 1, rounds: 7 } },
  sessions: { sessions: 10_000, page: 10, effort: { warmup: 5, rounds: 21, collect: false } },
  transcripts: { messages: 2000, effort: { warmup: 2, rounds: 11, collect: false } },
  servers: quickOnServers,
};
