import type { Chat } from "../chat.js";
import { extrapolate } from "../disk.js";
import { kindLabels } from "../states.js";
import { timeRates, timeReads } from "./calls.js";
import { growOnServer } from "./disk.js";
import { readServerHistory } from "./history.js";
import type { Urls } from "./hosts.js";
import type { ServerPlan } from "./plan.js";
import type { ServerResults } from "./results.js";
import { type ServerSaver, serverLabels } from "./savers.js";
import { timeServerTurns } from "./turns.js";
import { watchWire } from "./wire.js";

export const serverParts = [
  "server-disk",
  "server-turns",
  "server-calls",
  "wire",
  "server-history",
] as const;
export type ServerPart = (typeof serverParts)[number];

export interface ServerRun {
  readonly plan: ServerPlan;
  readonly only: readonly string[];
  readonly urls: Urls;
  readonly results: ServerResults;
  readonly progress: (text: string) => void;
}

/** Measures what the plan says. Threads are grown first; the turns go on from them. */
export async function runOnServers(run: ServerRun): Promise<void> {
  const takes = (part: ServerPart) => run.only.includes(part);
  const grown = new Map<ServerSaver, Chat>();
  if (takes("server-disk")) await runDisk(run, grown);
  if (takes("server-turns")) await runTurns(run, grown);
  for (const chat of grown.values()) await chat.close();
  if (takes("server-calls")) await runCalls(run);
  if (takes("wire")) await runWire(run);
  if (takes("server-history")) await runHistory(run);
}

async function runDisk({ plan, urls, results, progress }: ServerRun, grown: Map<string, Chat>) {
  for (const growth of plan.growth) {
    progress(`holding a chat of ${growth.sizesAt.at(-1)} turns on ${serverLabels[growth.saver]}`);
    const { figures, chat } = await growOnServer(growth, urls);
    results.disk.push(...figures);
    grown.set(growth.saver, chat);
  }
  const official = results.disk.filter(({ saver }) => saver === "langgraph-postgres");
  results.disk.push(...plan.extrapolateAt.map((turns) => extrapolate(official, turns)));
}

async function runTurns(
  { plan, urls, results, progress }: ServerRun,
  grown: ReadonlyMap<ServerSaver, Chat>,
) {
  // What the first turns of a process compile is not to be billed to the first thread.
  progress("warming up on the servers");
  await timeServerTurns({ turns: 10, windows: 1, effort: { warmup: 0, rounds: 5 } }, urls);
  for (const turns of plan.turns) {
    progress(`turns on threads of ${turns.turns} on the servers`);
    results.turns.push(...(await timeServerTurns(turns, urls, grown)));
  }
}

async function runCalls({ plan, urls, results, progress }: ServerRun) {
  for (const rate of plan.rates) {
    progress(`puts of ${rate.size / 1000} KB, up to ${rate.concurrency.at(-1)} at once`);
    results.rates.push(...(await timeRates(rate, urls)));
  }
  for (const read of plan.reads) {
    progress(`reads of ${read.size / 1000} KB of ${kindLabels[read.kind]} on the servers`);
    results.reads.push(...(await timeReads(read, urls)));
  }
}

async function runWire({ plan, urls, results, progress }: ServerRun) {
  progress("turns through a proxy");
  results.wire.push(...(await watchWire(plan.wire, urls)));
}

async function runHistory({ plan, urls, results, progress }: ServerRun) {
  progress(`reading the history of ${plan.history.states} states with a DeltaChannel`);
  results.history.push(...(await readServerHistory(plan.history.states, urls)));
}
