import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { timeCalls } from "./calls.js";
import { extrapolate, type Growth, grow } from "./disk.js";
import { timeHistory } from "./history.js";
import { timeNodes } from "./nodes.js";
import type { Plan } from "./plan.js";
import type { Results } from "./results.js";
import { labels, type SaverName } from "./savers.js";
import type { Hosts, Urls } from "./servers/hosts.js";
import { runOnServers, serverParts } from "./servers/run.js";
import { timeSessions } from "./sessions.js";
import { kindLabels } from "./states.js";
import { timeTranscripts } from "./transcripts.js";
import { timeTurns } from "./turns.js";

/** Parts that are measured on a file and on a server. */
const sharedParts = ["sessions", "transcripts"] as const;

export const parts = [
  ...(["disk", "history", "turns", "nodes", "calls"] as const),
  ...sharedParts,
  ...serverParts,
] as const;
export type Part = (typeof parts)[number];

export interface Run {
  readonly plan: Plan;
  readonly only: readonly Part[];
  /** Empty; the databases are made in it. */
  readonly folder: string;
  readonly results: Results;
  /** Starts the servers, if there is something to measure on them. */
  readonly hosts: () => Promise<Hosts>;
  readonly progress: (text: string) => void;
}

type Copies = Map<SaverName, ReadonlyMap<number, string>>;

/** Measures what the plan says. Threads are grown first; the other parts go on from them. */
export async function run(run: Run): Promise<void> {
  const copies: Copies = new Map();
  for (const growth of growths(run)) await runGrowth(run, growth, copies);
  if (run.only.includes("disk")) extrapolateDisk(run);
  if (run.only.includes("history")) await runHistory(run, copies);
  if (run.only.includes("turns")) await runTurns(run, copies);
  if (run.only.includes("nodes")) await runNodes(run);
  if (run.only.includes("calls")) await runCalls(run);
  const served: readonly Part[] = [...sharedParts, ...serverParts];
  if (served.some((part) => run.only.includes(part))) await runServers(run);
}

/** A history needs no longer thread than its own. */
function growths({ plan, only }: Run): readonly Growth[] {
  if (only.includes("disk")) return plan.growth;
  if (!only.includes("history")) return [];
  const { turns } = plan.history;
  return plan.growth.map(({ saver }) => ({ saver, turns, sizesAt: [], copiesAt: [turns] }));
}

async function runGrowth({ folder, results, progress }: Run, growth: Growth, copies: Copies) {
  progress(`holding a chat of ${growth.turns} turns on ${labels[growth.saver]}`);
  const grown = await grow(growth, folder);
  copies.set(growth.saver, grown.copies);
  results.disk.push(...grown.figures);
}

function extrapolateDisk({ plan, results }: Run) {
  const official = results.disk.filter(({ saver }) => saver === "langgraph-sqlite");
  results.disk.push(...plan.extrapolateAt.map((turns) => extrapolate(official, turns)));
}

async function runHistory({ plan, results, progress }: Run, copies: Copies) {
  const { turns, effort } = plan.history;
  progress(`reading the history of ${turns} turns`);
  results.history.push(...(await timeHistory(turns, copies, effort)));
}

async function runTurns({ plan, folder, results, progress }: Run, copies: Copies) {
  // What the first turns of a process compile is not to be billed to the first thread.
  progress("warming up");
  await timeTurns({ turns: 10, windows: 1, effort: { warmup: 0, rounds: 5 } }, new Map(), folder);
  for (const turns of plan.turns) {
    progress(`turns on threads of ${turns.turns}`);
    results.turns.push(...(await timeTurns(turns, copies, folder)));
  }
}

async function runNodes({ plan, folder, results, progress }: Run) {
  progress("steps with and without node runs");
  results.nodes.push(...(await timeNodes(plan.nodes, folder)));
}

async function runCalls({ plan, folder, results, progress }: Run) {
  for (const call of plan.calls) {
    const { kind, size, synchronous } = call;
    progress(`calls on ${size / 1000} KB of ${kindLabels[kind]}, synchronous=${synchronous}`);
    const databases = join(folder, "calls");
    await mkdir(databases);
    const { times, stored } = await timeCalls(call, databases);
    results.calls.push(...times);
    if (synchronous === "FULL") results.stored.push(...stored);
    await rm(databases, { recursive: true });
  }
}

async function runSessions({ plan, folder, results, progress }: Run, urls: Urls) {
  progress(`finding sessions among ${plan.sessions.sessions}`);
  results.sessions.push(...(await timeSessions(plan.sessions, folder, urls)));
}

async function runTranscripts({ plan, folder, results, progress }: Run, urls: Urls) {
  progress(`reading pages of ${plan.transcripts.messages} messages`);
  results.transcripts.push(...(await timeTranscripts(plan.transcripts, folder, urls)));
}

async function runServers(run: Run) {
  const { plan, only, hosts, progress } = run;
  const { servers: results } = run.results;
  progress("starting the servers");
  const { remove, line, ...urls } = await hosts();
  results.line = line;
  try {
    if (only.includes("sessions")) await runSessions(run, urls);
    if (only.includes("transcripts")) await runTranscripts(run, urls);
    await runOnServers({ plan: plan.servers, only, urls, results, progress });
  } finally {
    await remove();
  }
}
