import { performance } from "node:perf_hooks";
import { Chat } from "../chat.js";
import type { CacheState } from "../turns.js";
import { deltaGraph } from "../workload.js";
import type { Urls } from "./hosts.js";
import { openServerSaver, type ServerSaver, serverSavers } from "./savers.js";

/** What it took to read all states of a thread whose messages are a DeltaChannel. */
export interface ServerHistoryFigure {
  readonly saver: ServerSaver;
  readonly caches: CacheState;
  readonly states: number;
  readonly statements: number;
  readonly milliseconds: number;
}

/** Three states a turn: of the input, before the node and after it. */
const statesPerTurn = 3;

export async function readServerHistory(
  states: number,
  urls: Urls,
): Promise<ServerHistoryFigure[]> {
  const figures: ServerHistoryFigure[] = [];
  for (const saver of serverSavers) figures.push(...(await readHistoryOf(saver, states, urls)));
  return figures;
}

async function readHistoryOf(
  saver: ServerSaver,
  states: number,
  urls: Urls,
): Promise<ServerHistoryFigure[]> {
  let statements = 0;
  const opened = await openServerSaver(saver, urls, () => {
    statements++;
  });
  const chat = new Chat(opened, 0, deltaGraph(opened.saver));
  while (chat.turns < states / statesPerTurn) await chat.turn();

  const figures: ServerHistoryFigure[] = [];
  const caches = saver.startsWith("threadkeep") ? (["warm", "cold"] as const) : (["warm"] as const);
  for (const state of caches) {
    if (state === "cold") opened.dropCaches();
    statements = 0;
    const start = performance.now();
    const history = await chat.history();
    const milliseconds = performance.now() - start;
    checkHistory(saver, history, chat.turns);
    figures.push({ saver, caches: state, states: history.length, statements, milliseconds });
  }
  await chat.close();
  return figures;
}

/** Newest first, each turn has a state after the answer, one with the question, one before it. */
function checkHistory(saver: ServerSaver, history: readonly unknown[][], turns: number): void {
  const lengths = Array.from({ length: turns }, (_, turn) => [
    2 * turn + 2,
    2 * turn + 1,
    2 * turn,
  ]);
  const expected = lengths.reverse().flat().join();
  const found = history.map(({ length }) => length).join();
  if (found !== expected) throw new Error(`${saver} read states of ${found} messages`);
}
