import type { Subject } from "./calls.js";
import { ratio } from "./ratio.js";
import type { Results } from "./results.js";
import { labels } from "./savers.js";
import { checkServerTargets } from "./servers/targets.js";
import { sessionTargets } from "./session-report.js";
import { kindLabels, type StateKind, sizes } from "./states.js";
import { atLeast, atMost, type Named, type Target } from "./target.js";
import { transcriptTargets } from "./transcript-report.js";
import type { CacheState, ThreadKind } from "./turns.js";
import { messageBytes } from "./workload.js";

const threads: readonly ThreadKind[] = ["seeded", "grown"];
const kinds = Object.keys(kindLabels) as StateKind[];

export const checkTargets = (results: Results): Target[] => [
  ...turnTargets(results),
  ...diskTargets(results),
  ...callTargets(results),
  ...historyTargets(results),
  atMost("node runs: ms per step", 0.5, nodeCosts(results)),
  ...sessionTargets(results.sessions),
  ...transcriptTargets(results.transcripts),
  ...checkServerTargets(results.servers),
];

function turnTargets(results: Results): Target[] {
  const own = (turns: number, thread: ThreadKind, caches: CacheState = "warm") =>
    results.turn("threadkeep-sqlite", turns, thread, caches);
  const faster = (caches: CacheState) => (thread: ThreadKind) =>
    ratio(results.turn("langgraph-sqlite", 1000, thread), own(1000, thread, caches));
  const toFloor = (turns: number) => (thread: ThreadKind) =>
    ratio(own(turns, thread), results.turn("references", turns));

  return [
    atLeast("turn at T=1000, warm: times faster than LangGraph's", 20, perThread(faster("warm"))),
    atLeast("turn at T=1000, cold: times faster than LangGraph's", 10, perThread(faster("cold"))),
    atMost("turn at T=1000, warm: times the floor", 3, perThread(toFloor(1000))),
    atMost("turn at T=2000, warm: times the floor", 4, perThread(toFloor(2000))),
    atMost(
      "turn at T=1000: times the turn at T=10",
      4,
      perThread((thread) => ratio(own(1000, thread), own(10, thread))),
    ),
  ];
}

const nodeCosts = ({ nodes }: Results): Named[] =>
  nodes.map(({ saver, messages, on, off }) => [`${labels[saver]}, ${messages} messages`, on - off]);

const perThread = (figure: (thread: ThreadKind) => number | undefined): Named[] =>
  threads.map((thread) => [thread, figure(thread)]);

function diskTargets(results: Results): Target[] {
  const size = (turns: number) => results.file("threadkeep-sqlite", turns)?.bytes;
  const toMessages = ratio(size(1000), messageBytes(1000));
  const perTurn = (turns: number) => ratio(size(turns), turns);
  const added = (from: number, to: number) => {
    const [before, after] = [size(from), size(to)];
    return before === undefined || after === undefined ? undefined : (after - before) / (to - from);
  };
  return [
    atMost("file at T=1000: times the messages' JSON", 2.5, [["", toMessages]]),
    atMost("the same, as aimed at", 1.5, [["", toMessages]]),
    atMost("bytes per turn at T=2000: times those at T=200", 1.05, [
      ["whole file", ratio(perTurn(2000), perTurn(200))],
      ["last 150 turns", ratio(added(1850, 2000), added(50, 200))],
    ]),
  ];
}

function callTargets(results: Results): Target[] {
  const big = sizes["1 MB"];
  const put = (kind: StateKind, size: number) =>
    results.call("threadkeep-sqlite", "put", kind, size);
  const perKind = (figure: (kind: StateKind) => number | undefined): Named[] =>
    kinds.map((kind) => [kindLabels[kind], figure(kind)]);
  const faster = (caches: CacheState) => (kind: StateKind) =>
    ratio(
      results.call("langgraph-sqlite", "list(100)", kind, big),
      results.call("threadkeep-sqlite", "list(100)", kind, big, caches),
    );
  const smallAtNormal = (kind: StateKind) => {
    const at = (subject: Subject) =>
      results.call(subject, "put", kind, sizes["1 KB"], "warm", "NORMAL");
    return ratio(at("threadkeep-sqlite"), at("raw-state"));
  };
  const once = (kind: StateKind) => {
    const figure = results.storedBy("threadkeep-sqlite", kind, big);
    return ratio(figure?.bytes, figure?.newBytes);
  };
  return [
    atMost(
      "put of a 1 MB state with one change: ms",
      2,
      perKind((kind) => put(kind, big)),
    ),
    atMost(
      "put of a 1 MB state with one change: times a raw insert of the change",
      10,
      perKind((kind) => ratio(put(kind, big), results.call("raw-change", "put", kind, big))),
    ),
    atMost(
      "put of a 1 KB state: times a raw insert of the state",
      8,
      perKind((kind) =>
        ratio(put(kind, sizes["1 KB"]), results.call("raw-state", "put", kind, sizes["1 KB"])),
      ),
    ),
    atMost("the same with synchronous=NORMAL", 8, perKind(smallAtNormal)),
    atLeast("list(100) of 1 MB, warm: times faster than LangGraph's", 50, perKind(faster("warm"))),
    atLeast("list(100) of 1 MB, cold: times faster than LangGraph's", 50, perKind(faster("cold"))),
    atMost("file of a changing 1 MB state: times the JSON of what was new", 2.5, perKind(once)),
  ];
}

function historyTargets(results: Results): Target[] {
  const official = results.historyOf("langgraph-sqlite");
  const faster = (caches: CacheState) =>
    official?.turns === 200
      ? ratio(official.milliseconds, results.historyOf("threadkeep-sqlite", caches)?.milliseconds)
      : undefined;
  return [
    atLeast("getStateHistory of 200 turns: times faster than LangGraph's", 20, [
      ["warm", faster("warm")],
      ["cold", faster("cold")],
    ]),
  ];
}
