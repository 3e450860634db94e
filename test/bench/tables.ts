import type { Operation, Subject } from "./calls.js";
import type { Synchronous } from "./database.js";
import { ratio } from "./ratio.js";
import type { Results } from "./results.js";
import { labels, type SaverName } from "./savers.js";
import { serverTables } from "./servers/tables.js";
import { sessionTable } from "./session-report.js";
import { kindLabels, type StateKind, sizes } from "./states.js";
import { absent, inOrder, megabytes, number, type Table, times } from "./table.js";
import { checkTargets } from "./targets.js";
import { transcriptTable } from "./transcript-report.js";
import type { CacheState, Contender } from "./turns.js";
import { messageBytes } from "./workload.js";

export const tablesOf = (results: Results): Table[] =>
  [
    targetTable(results),
    turnTable(results),
    fasterTable(results),
    diskTable(results),
    historyTable(results),
    nodeTable(results),
    sessionTable(results.sessions),
    transcriptTable(results.transcripts),
    ...(Object.keys(kindLabels) as StateKind[]).map((kind) => callTable(results, kind, "FULL")),
    callTable(results, "messages", "NORMAL"),
    storedTable(results),
    ...serverTables(results.servers),
  ].filter(({ rows }) => rows.length > 0);

function targetTable(results: Results): Table {
  const words = new Map([
    [true, "yes"],
    [false, "NO"],
  ]);
  return {
    title: "Targets",
    head: ["target", "measured", "reached"],
    rows: checkTargets(results).map(({ claim, measured, reached }) => [
      claim,
      measured,
      reached === undefined ? absent : words.get(reached)!,
    ]),
    note: "Where several figures are given, all of them have to reach the target.",
  };
}

function turnTable(results: Results): Table {
  const columns = inOrder(results.turns.map(({ turns }) => turns));
  const rows = new Map(results.turns.map((figure) => [contenderLabel(figure), figure]));
  return {
    title: "One chat turn on a thread of T turns, ms (times the floor)",
    head: ["saver", ...columns.map((turns) => `T = ${turns}`)],
    rows: [...rows].map(([label, { saver, thread, caches }]) => [
      label,
      ...columns.map((turns) => {
        const ms = results.turn(saver, turns, thread, caches);
        if (ms === undefined) return absent;
        return `${number(ms)} (${times(ratio(ms, results.turn("references", turns)))})`;
      }),
    ]),
    note:
      "Warm unless it says cold; cold: all that threadkeep caches is dropped before every turn. " +
      "A seeded thread began with T turns in one update; of a grown one every turn was held.",
  };
}

function contenderLabel({ saver, thread, caches }: Contender): string {
  const kind = saver.endsWith("sqlite") ? `, ${thread}` : "";
  return `${labels[saver]}${kind}${caches === "cold" ? ", cold" : ""}`;
}

function fasterTable(results: Results): Table {
  const columns = inOrder(results.turns.map(({ turns }) => turns));
  const own = results.turns.filter(({ saver }) => saver === "threadkeep-sqlite");
  const rows = new Map(own.map((figure) => [contenderLabel(figure), figure]));
  return {
    title: "The same, times faster than LangGraph's SqliteSaver",
    head: ["saver", ...columns.map((turns) => `T = ${turns}`)],
    rows: [...rows].map(([label, { saver, thread, caches }]) => [
      label,
      ...columns.map((turns) =>
        times(
          ratio(
            results.turn("langgraph-sqlite", turns, thread),
            results.turn(saver, turns, thread, caches),
          ),
        ),
      ),
    ]),
    note: "Seeded against seeded, grown against grown.",
  };
}

function diskTable(results: Results): Table {
  const columns = inOrder(results.disk.map(({ turns }) => turns));
  return {
    title: "Bytes on disk after T turns, MB (times the messages' own JSON)",
    head: [
      "T",
      "messages' JSON",
      labels["langgraph-sqlite"],
      labels["threadkeep-sqlite"],
      "threadkeep, bytes per turn",
    ],
    rows: columns.map((turns) => {
      const raw = messageBytes(turns);
      const cell = (saver: SaverName) => {
        const figure = results.file(saver, turns);
        if (!figure) return absent;
        const mark = figure.extrapolated ? "~" : "";
        return `${mark}${megabytes(figure.bytes)} (${mark}${times(ratio(figure.bytes, raw))})`;
      };
      return [
        String(turns),
        megabytes(raw),
        cell("langgraph-sqlite"),
        cell("threadkeep-sqlite"),
        number(ratio(results.file("threadkeep-sqlite", turns)?.bytes, turns)),
      ];
    }),
    note: "Every turn was held, on a fresh file; its size with an empty log. ~ is extrapolated.",
  };
}

function historyTable(results: Results): Table {
  const official = results.historyOf("langgraph-sqlite")?.milliseconds;
  const turns = results.history[0]?.turns;
  return {
    title: `Full getStateHistory of a grown thread of ${turns} turns`,
    head: ["saver", "checkpoints", "ms", "times faster"],
    rows: results.history.map(({ saver, caches, checkpoints, milliseconds }) => [
      `${labels[saver]}${caches === "cold" ? ", cold" : ""}`,
      String(checkpoints),
      number(milliseconds),
      times(ratio(official, milliseconds)),
    ]),
    note: "Cold: all that threadkeep caches is dropped before every reading.",
  };
}

function nodeTable({ nodes }: Results): Table {
  return {
    title: "A step of a run, with and without node runs, ms",
    head: ["saver", "messages in the state", "with", "without", "difference"],
    rows: nodes.map(({ saver, messages, on, off }) => [
      labels[saver],
      String(messages),
      number(on),
      number(off),
      number(on - off),
    ]),
    note: "A node that changes nothing, so that its input is all of the state; durability async.",
  };
}

const callColumns: readonly (readonly [head: string, subject: Subject, caches: CacheState])[] = [
  ["LangGraph\nmemory", "langgraph-memory", "warm"],
  ["LangGraph\nSQLite", "langgraph-sqlite", "warm"],
  ["threadkeep\nmemory", "threadkeep-memory", "warm"],
  ["threadkeep\nSQLite", "threadkeep-sqlite", "warm"],
  ["threadkeep\nSQLite, cold", "threadkeep-sqlite", "cold"],
  ["raw insert\nof the change", "raw-change", "warm"],
  ["raw insert\nof the state", "raw-state", "warm"],
];

function callTable(results: Results, kind: StateKind, synchronous: Synchronous): Table {
  const own = results.calls.filter((it) => it.kind === kind && it.synchronous === synchronous);
  const operations = [...new Set(own.map(({ operation }) => operation))].sort(byPlace);
  const rows = Object.entries(sizes).flatMap(([label, size]) =>
    operations
      .filter((operation) => own.some((it) => it.size === size && it.operation === operation))
      .map((operation) => {
        const call = (subject: Subject, caches: CacheState) =>
          results.call(subject, operation, kind, size, caches, synchronous);
        return [
          label,
          operation,
          ...callColumns.map(([, subject, caches]) => number(call(subject, caches))),
          times(ratio(call("langgraph-sqlite", "warm"), call("threadkeep-sqlite", "warm"))),
        ];
      }),
  );
  return {
    title: `Calls on a state of ${kindLabels[kind]}, synchronous=${synchronous}, ms`,
    head: ["state", "call", ...callColumns.map(([head]) => head), "SQLite:\ntimes faster"],
    rows,
    note: "Of one superstep to the next one message, one object or the counter is another.",
  };
}

const places = ["put", "putWrites", "getTuple", "list(10)", "list(100)", "list(1000)"];
const byPlace = (a: Operation, b: Operation) => places.indexOf(a) - places.indexOf(b);

function storedTable(results: Results): Table {
  return {
    title: "File of a thread whose state changes a little at every superstep",
    head: ["state", "supersteps", "saver", "MB", "times the JSON of what was new"],
    rows: results.stored.map(({ kind, size, saver, steps, bytes, newBytes }) => [
      `${sizeLabel(size)}, ${kindLabels[kind]}`,
      String(steps),
      labels[saver],
      megabytes(bytes),
      times(bytes / newBytes),
    ]),
    note: "New is the first state and, of each further superstep, what its node wrote.",
  };
}

const sizeLabel = (size: number): string =>
  Object.entries(sizes).find(([, bytes]) => bytes === size)?.[0] ?? `${size} bytes`;
