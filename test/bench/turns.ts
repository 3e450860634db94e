import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Chat } from "./chat.js";
import { collectAll, type Effort, interleave, median, type Task } from "./measure.js";
import { openSaver, type SaverName } from "./savers.js";

/** `seeded`: the thread began with T turns in one update; `grown`: every turn was held. */
export type ThreadKind = "seeded" | "grown";
export type CacheState = "warm" | "cold";

export interface Contender {
  readonly saver: SaverName;
  readonly thread: ThreadKind;
  readonly caches: CacheState;
}

export interface TurnFigure extends Contender {
  readonly turns: number;
  readonly milliseconds: number;
  readonly samples: number;
}

const seeded = (saver: SaverName, caches: CacheState = "warm"): Contender => ({
  saver,
  thread: "seeded",
  caches,
});

const seededContenders: readonly Contender[] = [
  seeded("none"),
  seeded("references"),
  seeded("references-committing"),
  seeded("langgraph-memory"),
  seeded("langgraph-sqlite"),
  seeded("threadkeep-memory"),
  seeded("threadkeep-sqlite"),
  seeded("threadkeep-sqlite", "cold"),
];

const grownContenders: readonly Contender[] = [
  { saver: "langgraph-sqlite", thread: "grown", caches: "warm" },
  { saver: "threadkeep-sqlite", thread: "grown", caches: "warm" },
  { saver: "threadkeep-sqlite", thread: "grown", caches: "cold" },
];

export interface TurnPlan {
  readonly turns: number;
  /** How often to begin anew; short threads get many short windows, so that they stay short. */
  readonly windows: number;
  readonly effort: Effort;
}

export const turnPlan = (
  turns: number,
  windows: number,
  warmup: number,
  rounds: number,
): TurnPlan => ({ turns, windows, effort: { warmup, rounds } });

/** Where a measurement of `plan` begins, so that half of its turns lie before `plan.turns`. */
export const firstTurn = ({ turns, effort }: TurnPlan): number =>
  turns < 100 ? Math.max(1, turns - effort.warmup - (effort.rounds >> 1)) : turns;

/** Grown databases, by saver and number of turns. */
export type Copies = ReadonlyMap<SaverName, ReadonlyMap<number, string>>;

/** Milliseconds per turn of every saver on a thread of so many turns. */
export async function timeTurns(
  plan: TurnPlan,
  copies: Copies,
  folder: string,
): Promise<TurnFigure[]> {
  const start = firstTurn(plan);
  const contenders = [
    ...seededContenders,
    ...grownContenders.filter(({ saver }) => copies.get(saver)?.has(start)),
  ];
  const times = contenders.map((): number[] => []);

  for (let window = 0; window < plan.windows; window++) {
    const chats = await Promise.all(
      contenders.map((contender, index) => {
        const file = join(folder, `turns-${start}-${window}-${index}.db`);
        return begin(contender, start, file, copies);
      }),
    );
    collectAll();
    const samples = await interleave(chats.map(asTask(contenders)), plan.effort);
    for (const [index, own] of [...samples.values()].entries()) times[index]!.push(...own);
    for (const chat of chats) await chat.close();
  }
  return contenders.map((contender, index) => ({
    ...contender,
    turns: plan.turns,
    milliseconds: median(times[index]!),
    samples: times[index]!.length,
  }));
}

const asTask =
  (contenders: readonly Contender[]) =>
  (chat: Chat, index: number): Task => ({
    name: String(index),
    prepare: () => {
      if (contenders[index]!.caches === "cold") chat.saver.dropCaches();
    },
    run: () => chat.turn(),
  });

async function begin(
  { saver, thread }: Contender,
  turns: number,
  file: string,
  copies: Copies,
): Promise<Chat> {
  if (thread === "grown") {
    const grown = copies.get(saver)!.get(turns)!;
    return new Chat(await openSaver(saver, lend(grown, file)), turns);
  }
  const chat = new Chat(await openSaver(saver, file));
  await chat.seed(turns);
  return chat;
}

/** A copy of a grown file; of gigabytes none is made, as only one contender has such a file. */
function lend(grown: string, file: string): string {
  if (statSync(grown).size > 2 ** 28) return grown;
  copyFileSync(grown, file);
  return file;
}
