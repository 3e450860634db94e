import { Chat } from "../chat.js";
import { collectAll, interleave, median, type Task } from "../measure.js";
import { openSaver } from "../savers.js";
import { type CacheState, firstTurn, type ThreadKind, type TurnPlan } from "../turns.js";
import { analyze, type Urls } from "./hosts.js";
import { openServerSaver, type ServerSaver } from "./savers.js";

export interface ServerContender {
  readonly saver: ServerSaver | "references";
  readonly thread: ThreadKind;
  readonly caches: CacheState;
}

export interface ServerTurnFigure extends ServerContender {
  readonly turns: number;
  readonly milliseconds: number;
  readonly samples: number;
}

const contender = (
  saver: ServerContender["saver"],
  caches: CacheState = "warm",
  thread: ThreadKind = "seeded",
): ServerContender => ({ saver, caches, thread });

const seededContenders: readonly ServerContender[] = [
  contender("references"),
  contender("langgraph-postgres"),
  contender("threadkeep-postgres"),
  contender("threadkeep-postgres", "cold"),
  contender("threadkeep-mysql"),
  contender("threadkeep-mysql", "cold"),
];

/** Chats that were held turn by turn, by saver. */
export type GrownChats = ReadonlyMap<ServerSaver, Chat>;

/** Milliseconds per turn of every saver on a thread of so many turns. */
export async function timeServerTurns(
  plan: TurnPlan,
  urls: Urls,
  grown: GrownChats = new Map(),
): Promise<ServerTurnFigure[]> {
  const start = firstTurn(plan);
  const goingOn = [...grown].filter(([, chat]) => chat.turns === start);
  const contenders = [
    ...seededContenders,
    ...goingOn.map(([saver]) => contender(saver, "warm", "grown")),
  ];
  const times = contenders.map((): number[] => []);

  for (let window = 0; window < plan.windows; window++) {
    const chats = await Promise.all(seededContenders.map(({ saver }) => begin(saver, start, urls)));
    await analyze(urls);
    collectAll();
    const tasks = [...chats, ...goingOn.map(([, chat]) => chat)].map(asTask(contenders));
    const samples = await interleave(tasks, plan.effort);
    for (const [index, own] of [...samples.values()].entries()) times[index]!.push(...own);
    for (const chat of chats) await chat.close();
  }
  return contenders.map((one, index) => ({
    ...one,
    turns: plan.turns,
    milliseconds: median(times[index]!),
    samples: times[index]!.length,
  }));
}

const asTask =
  (contenders: readonly ServerContender[]) =>
  (chat: Chat, index: number): Task => ({
    name: String(index),
    prepare: () => {
      if (contenders[index]!.caches === "cold") chat.saver.dropCaches();
    },
    run: () => chat.turn(),
  });

async function begin(saver: ServerContender["saver"], turns: number, urls: Urls): Promise<Chat> {
  const opened = saver === "references" ? openSaver(saver, "") : openServerSaver(saver, urls);
  const chat = new Chat(await opened);
  await chat.seed(turns);
  return chat;
}
