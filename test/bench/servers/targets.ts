import { ratio } from "../ratio.js";
import { kindLabels, type StateKind, sizes } from "../states.js";
import { atLeast, atMost, type Named, type Target } from "../target.js";
import type { CacheState } from "../turns.js";
import { messageBytes } from "../workload.js";
import type { ServerResults } from "./results.js";
import type { ServerSaver } from "./savers.js";

/** A promise is made for PostgreSQL, and the same is looked at on MariaDB. */
interface Place {
  readonly label: string;
  readonly saver: Exclude<ServerSaver, "langgraph-postgres">;
  readonly raw: "raw-postgres" | "raw-mysql";
}

const official = "langgraph-postgres";
const places: readonly Place[] = [
  { label: "PostgreSQL", saver: "threadkeep-postgres", raw: "raw-postgres" },
  { label: "MariaDB", saver: "threadkeep-mysql", raw: "raw-mysql" },
];
const states: readonly CacheState[] = ["warm", "cold"];

export const checkServerTargets = (results: ServerResults): Target[] =>
  places.flatMap((place) => [
    ...turnTargets(results, place),
    ...wireTargets(results, place),
    ...callTargets(results, place),
    ...diskTargets(results, place),
    ...historyTargets(results, place),
  ]);

function turnTargets(results: ServerResults, { label, saver }: Place): Target[] {
  const faster = (caches: CacheState) =>
    ratio(results.turn(official, 1000), results.turn(saver, 1000, caches));
  const claim = (caches: CacheState) =>
    `${label}: turn at T=1000, ${caches}: times faster than LangGraph's PostgresSaver`;
  return [
    atLeast(claim("warm"), 25, [["", faster("warm")]]),
    atLeast(claim("cold"), 15, [["", faster("cold")]]),
  ];
}

function wireTargets(results: ServerResults, { label, saver }: Place): Target[] {
  const turns = Math.min(...results.wire.map((it) => it.turns));
  const trips = (isDelayed: boolean) =>
    states.map(
      (caches): Named => [caches, results.wireOf(saver, caches, turns, isDelayed)?.roundTrips],
    );
  return [
    atMost(`${label}: round trips of a one-node turn`, 6, trips(false)),
    atMost(`${label}: the same over a network of 3.5 ms`, 6, trips(true)),
  ];
}

function callTargets(results: ServerResults, { label, saver, raw }: Place): Target[] {
  const list = (name: ServerSaver, kind: StateKind, caches: CacheState) =>
    results.read(name, "list(100)", kind, sizes["100 KB"], caches);
  const faster = (caches: CacheState) =>
    (Object.keys(kindLabels) as StateKind[]).map(
      (kind): Named => [
        kindLabels[kind],
        ratio(list(official, kind, "warm"), list(saver, kind, caches)),
      ],
    );
  const claim = (caches: CacheState) =>
    `${label}: list(100) of 100 KB, ${caches}: times faster than LangGraph's`;
  return [
    atLeast(`${label}: put of 1 KB, 32 at once: times the rate of a raw insert`, 0.5, [
      ["", ratio(results.rate(saver, 32), results.rate(raw, 32))],
    ]),
    atLeast(claim("warm"), 50, faster("warm")),
    atLeast(claim("cold"), 50, faster("cold")),
  ];
}

function diskTargets(results: ServerResults, { label, saver }: Place): Target[] {
  const { bytes, taken } = results.size(saver, 1000) ?? {};
  const toMessages = (size: number | undefined) => ratio(size, messageBytes(1000));
  const figures: Named[] = [
    [taken === undefined ? "" : "files", toMessages(bytes)],
    ["pages taken", toMessages(taken)],
  ];
  return [
    atMost(`${label}: bytes at T=1000: times the messages' JSON`, 3, figures),
    atMost(`${label}: the same, as aimed at`, 2, figures),
  ];
}

function historyTargets(results: ServerResults, { label, saver }: Place): Target[] {
  const figures = states.map((caches): Named => {
    const figure = results.historyOf(saver, caches);
    return [caches, figure?.states === 180 ? figure.statements : undefined];
  });
  const what = "statements of getStateHistory, 180 states, DeltaChannel";
  return [
    atMost(`${label}: ${what}`, 499, figures),
    atMost(`${label}: the same, as aimed at`, 19, figures),
  ];
}
