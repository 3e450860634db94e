import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { Chat } from "./bench/chat.js";
import type { Plan } from "./bench/plan.js";
import { plotSvg } from "./bench/plot.js";
import { markdownReport, terminalReport } from "./bench/report.js";
import { Results } from "./bench/results.js";
import { parts, run } from "./bench/run.js";
import { SaverThread } from "./bench/saver-thread.js";
import { labels, type OpenSaver, openSaver, type SaverName } from "./bench/savers.js";
import type { Hosts } from "./bench/servers/hosts.js";
import {
  openServerSaver,
  type ServerSaver,
  serverLabels,
  serverSavers,
} from "./bench/servers/savers.js";
import { kindLabels, type StateKind, statesOf } from "./bench/states.js";
import { addFigures, saveFigures } from "./bench/store.js";

// A benchmark compares something only if all savers do the same work. No time is asserted here.

const kinds = Object.keys(kindLabels) as StateKind[];
type Name = SaverName | ServerSaver;

const savers: readonly Name[] = [
  ...(Object.keys(labels) as SaverName[]).filter(
    (name) => name !== "none" && !name.startsWith("references"),
  ),
  ...serverSavers,
];

const hosts = async (): Promise<Hosts> => ({
  postgres: inject("postgresUrl"),
  mysql: inject("mysqlUrl"),
  line: "two servers",
  remove: async () => {},
});

let folder: string;
let files = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "threadkeep-bench-test-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const open = async (name: Name): Promise<OpenSaver> =>
  name in serverLabels
    ? openServerSaver(name as ServerSaver, await hosts())
    : openSaver(name as SaverName, join(folder, `${files++}.db`));

async function chatOf(name: Name, seeded: number) {
  const chat = new Chat(await open(name));
  await chat.seed(seeded);
  for (let turn = 0; turn < 3; turn++) {
    chat.saver.dropCaches();
    await chat.turn();
  }
  const messages = await chat.messages();
  const history = chat.saver.saver ? await chat.history() : [];
  await chat.close();
  return { messages, history };
}

describe.each(savers)("%s beside the floor", (name) => {
  it.each([0, 2])("holds the same chat, begun with %i turns", async (seeded) => {
    const floor = await chatOf("references", seeded);
    expect(floor.messages).toHaveLength(2 * (seeded + 3));
    expect(floor.history.length).toBeGreaterThanOrEqual(9);
    expect(await chatOf(name, seeded)).toStrictEqual(floor);
  });

  it.each(kinds)("keeps the same states of %s", async (kind) => {
    const [floor, own] = await Promise.all([valuesOf("references", kind), valuesOf(name, kind)]);
    expect(floor).toHaveLength(4);
    expect(own).toStrictEqual(floor);
  });
});

async function valuesOf(name: Name, kind: StateKind) {
  const opened = await open(name);
  const thread = new SaverThread(opened, statesOf(kind, 4000));
  while (thread.steps < 4) await thread.superstep();
  opened.dropCaches();
  const values: unknown[] = [];
  await thread.list(4, ({ checkpoint, pendingWrites }) => {
    values.push({ values: checkpoint.channel_values, writes: pendingWrites });
  });
  await opened.close();
  return values;
}

it("holds the same chat without a checkpointer", async () => {
  const floor = await chatOf("references", 2);
  expect((await chatOf("none", 2)).messages).toEqual(floor.messages);
});

const effort = { warmup: 0, rounds: 2 };

const tiny: Plan = {
  turns: [{ turns: 4, windows: 2, effort }],
  growth: (["threadkeep-sqlite", "langgraph-sqlite"] as const).map((saver) => ({
    saver,
    turns: 4,
    sizesAt: [2, 4],
    copiesAt: [3],
  })),
  extrapolateAt: [8],
  calls: kinds.map((kind) => ({
    kind,
    size: 1000,
    synchronous: "FULL",
    steps: 8,
    ownSteps: 10,
    lists: [8, 10],
    write: effort,
    read: effort,
  })),
  history: { turns: 4, effort },
  nodes: { turns: [1, 2], steps: 3, effort },
  sessions: { sessions: 4000, page: 3, effort },
  transcripts: { messages: 100, effort },
  servers: {
    growth: serverSavers.map((saver) => ({ saver, sizesAt: [2, 4] })),
    extrapolateAt: [8],
    turns: [{ turns: 4, windows: 2, effort }],
    rates: [{ size: 1000, concurrency: [1, 3], calls: 6, effort }],
    reads: kinds.map((kind) => ({ kind, size: 1000, steps: 8, effort })),
    wire: { turns: [2], roundTripMs: 3.5, counted: 1, effort },
    history: { states: 12 },
  },
};

it("takes every figure of its plan, and reports and stores them", {
  timeout: 600_000,
}, async () => {
  const machine = { cores: 2, node: "20.0.0", sqlite: "3.0.0" };
  const results = new Results(machine);
  const databases = await mkdtemp(join(folder, "run-"));
  await run({ plan: tiny, only: parts, folder: databases, results, hosts, progress: () => {} });

  expect(results.turns).toHaveLength(11);
  expect(results.turns.map(({ samples }) => samples)).toEqual(Array(11).fill(4));
  expect(results.disk.map(({ extrapolated }) => extrapolated)).toEqual([
    ...Array(4).fill(false),
    true,
  ]);
  expect(results.history.map(({ checkpoints }) => checkpoints)).toEqual([12, 12, 12]);
  expect(results.calls.filter(({ kind }) => kind === "messages")).toHaveLength(6 + 4 + 5 + 5 + 3);
  expect(results.stored).toHaveLength(6);
  expect(results.sessions).toHaveLength(2 * 22);
  expect(results.sessions.map(({ samples }) => samples)).toEqual(Array(44).fill(2));
  expect(results.transcripts).toHaveLength(2 * 3 * 5 * 2);
  expectServerFigures(results.servers);

  const reports = [terminalReport(results), markdownReport(results, "plot.svg"), plotSvg(results)];
  for (const report of reports) expect(report).not.toMatch(/undefined|NaN|Infinity/);

  const file = join(databases, "figures.json");
  await saveFigures(results, file);
  const restored = new Results(machine);
  await addFigures(restored, file, ["calls"]);
  expect({ ...restored, calls: results.calls, stored: results.stored }).toEqual({ ...results });
  await expect(addFigures(new Results({ ...machine, cores: 3 }), file, [])).rejects.toThrow();
});

function expectServerFigures(servers: Results["servers"]) {
  expect(servers.turns).toHaveLength(6);
  expect(servers.turns.map(({ samples }) => samples)).toEqual(Array(6).fill(4));
  expect(servers.disk.map(({ extrapolated }) => extrapolated)).toEqual([
    ...Array(6).fill(false),
    true,
  ]);
  // LangGraph's own tables are reckoned from two small ones, which a vacuum between them may spoil.
  for (const { extrapolated, bytes } of servers.disk) {
    if (!extrapolated) expect(bytes).toBeGreaterThan(10_000);
  }
  expect(servers.rates).toHaveLength(2 * 5);
  expect(servers.reads).toHaveLength(3 * 2 * 5);
  expect(servers.wire).toHaveLength(2 * 5);
  expect(servers.history.map(({ states }) => states)).toEqual(Array(5).fill(12));
}
