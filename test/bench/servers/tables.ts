import { ratio } from "../ratio.js";
import { kindLabels, type StateKind, sizes } from "../states.js";
import { absent, inOrder, megabytes, number, type Table, times } from "../table.js";
import { messageBytes } from "../workload.js";
import type { ServerSubject } from "./calls.js";
import type { ServerResults } from "./results.js";
import { type ServerSaver, serverLabels, serverSavers } from "./savers.js";
import type { ServerContender } from "./turns.js";

const official = "langgraph-postgres";

export const serverTables = (results: ServerResults): Table[] =>
  [
    turnTable(results),
    wireTable(results),
    rateTable(results),
    readTable(results),
    diskTable(results),
    historyTable(results),
  ].filter(({ rows }) => rows.length > 0);

const labelOf = (saver: ServerSaver, caches: string): string =>
  `${serverLabels[saver]}${caches === "cold" ? ", cold" : ""}`;

function turnTable(results: ServerResults): Table {
  const columns = inOrder(results.turns.map(({ turns }) => turns));
  const rows = new Map(results.turns.map((figure) => [contenderLabel(figure), figure]));
  return {
    title: "Servers: one chat turn on a thread of T turns, ms (times faster than LangGraph's)",
    head: ["saver", ...columns.map((turns) => `T = ${turns}`)],
    rows: [...rows].map(([label, { saver, thread, caches }]) => [
      label,
      ...columns.map((turns) => {
        const ms = results.turn(saver, turns, caches, thread);
        if (ms === undefined) return absent;
        return `${number(ms)} (${times(ratio(results.turn(official, turns), ms))})`;
      }),
    ]),
    note:
      "LangGraph has no saver for MySQL or MariaDB: compared is its PostgresSaver, seeded. " +
      "Of a grown thread every turn was held.",
  };
}

function contenderLabel({ saver, thread, caches }: ServerContender): string {
  if (saver === "references") return "references only (the floor)";
  return `${labelOf(saver, caches)}${thread === "grown" ? ", grown" : ""}`;
}

function wireTable(results: ServerResults): Table {
  const trip = (isDelayed: boolean) =>
    results.wire.find(({ delay }) => (delay !== undefined) === isDelayed)?.roundTripMs;
  return {
    title: "Servers: one chat turn on the wire",
    head: ["T", "saver", "round trips", "the same,\ndelayed", "ms", "ms, delayed", "times faster"],
    rows: results.wire
      .filter(({ delay }) => delay === undefined)
      .map(({ saver, caches, turns, roundTrips, milliseconds }) => {
        const delayed = results.wireOf(saver, caches, turns, true);
        const slow = results.wireOf(official, "warm", turns, true);
        return [
          String(turns),
          labelOf(saver, caches),
          number(roundTrips),
          number(delayed?.roundTrips),
          number(milliseconds),
          number(delayed?.milliseconds),
          times(ratio(slow?.milliseconds, delayed?.milliseconds)),
        ];
      }),
    note:
      "Through a proxy that counts how often a client sends and waits, over all connections: " +
      `${number(trip(false))} ms a round trip, and ${number(trip(true))} ms delayed. ` +
      "Faster: than LangGraph's, delayed.",
  };
}

const rateColumns: readonly (readonly [head: string, subject: ServerSubject])[] = [
  ["raw insert,\npg", "raw-postgres"],
  ["LangGraph\nPostgreSQL", official],
  ["threadkeep\nPostgreSQL", "threadkeep-postgres"],
  ["raw insert,\nmysql2", "raw-mysql"],
  ["threadkeep\nMariaDB", "threadkeep-mysql"],
];

function rateTable(results: ServerResults): Table {
  return {
    title: "Servers: put of a 1 KB state, calls per second (times a raw insert)",
    head: ["at once", ...rateColumns.map(([head]) => head)],
    rows: inOrder(results.rates.map(({ concurrency }) => concurrency)).map((concurrency) => [
      String(concurrency),
      ...rateColumns.map(([, subject]) => {
        const rate = results.rate(subject, concurrency);
        if (rate === undefined || subject.startsWith("raw")) return number(rate);
        const raw = subject.endsWith("mysql") ? "raw-mysql" : "raw-postgres";
        return `${number(rate)} (${times(ratio(rate, results.rate(raw, concurrency)))})`;
      }),
    ]),
    note: "Each on a thread of its own; pools of 10 connections; a raw insert of the same bytes.",
  };
}

function readTable(results: ServerResults): Table {
  const rows = results.reads.filter(({ saver }) => saver === official);
  const columns = serverSavers.flatMap((saver) =>
    saver === official ? [] : (["warm", "cold"] as const).map((caches) => ({ saver, caches })),
  );
  return {
    title: "Servers: reads, ms (times faster than LangGraph's)",
    head: [
      "state",
      "call",
      "LangGraph\nPostgreSQL",
      ...columns.map(({ saver, caches }) => labelOf(saver, caches).replace(" ", "\n")),
    ],
    rows: rows.map(({ kind, size, operation, milliseconds }) => [
      `${sizeLabel(size)}, ${kindLabels[kind as StateKind]}`,
      operation,
      number(milliseconds),
      ...columns.map(({ saver, caches }) => {
        const ms = results.read(saver, operation, kind, size, caches);
        return `${number(ms)} (${times(ratio(milliseconds, ms))})`;
      }),
    ]),
    note: "Of one superstep to the next one message, one object or the counter is another.",
  };
}

const sizeLabel = (size: number): string =>
  Object.entries(sizes).find(([, bytes]) => bytes === size)?.[0] ?? `${size} bytes`;

function diskTable(results: ServerResults): Table {
  const mysql = "threadkeep-mysql";
  return {
    title: "Servers: bytes of all tables and indexes after T turns, MB (times the messages' JSON)",
    head: [
      "T",
      "messages' JSON",
      ...serverSavers.map((saver) => serverLabels[saver].replace(" ", "\n")),
      "MysqlSaver,\npages taken",
    ],
    rows: inOrder(results.disk.map(({ turns }) => turns)).map((turns) => [
      String(turns),
      megabytes(messageBytes(turns)),
      ...serverSavers.map((saver) => {
        const { bytes, extrapolated } = results.size(saver, turns) ?? {};
        return sizeCell(turns, bytes, extrapolated);
      }),
      sizeCell(turns, results.size(mysql, turns)?.taken),
    ]),
    note:
      "Every turn was held, on tables of its own, and nothing was vacuumed by hand. InnoDB's " +
      "files grow by megabytes ahead of what tables and indexes take. ~ is extrapolated.",
  };
}

function sizeCell(turns: number, bytes: number | undefined, extrapolated = false): string {
  if (bytes === undefined) return absent;
  const mark = extrapolated ? "~" : "";
  return `${mark}${megabytes(bytes)} (${mark}${times(ratio(bytes, messageBytes(turns)))})`;
}

function historyTable(results: ServerResults): Table {
  const states = results.history[0]?.states;
  const slow = results.historyOf(official);
  return {
    title: `Servers: getStateHistory over ${states} states with a DeltaChannel`,
    head: ["saver", "statements", "ms", "times faster"],
    rows: results.history.map(({ saver, caches, statements, milliseconds }) => [
      labelOf(saver, caches),
      number(statements),
      number(milliseconds),
      times(ratio(slow?.milliseconds, milliseconds)),
    ]),
    note: "A chat whose messages are a DeltaChannel. Statements are counted at the pool.",
  };
}
