import { Chat } from "./chat.js";
import { type Effort, interleave, median, type Task } from "./measure.js";
import { openSaver, type SaverName } from "./savers.js";
import type { CacheState, Copies } from "./turns.js";

export interface HistoryFigure {
  readonly saver: SaverName;
  readonly caches: CacheState;
  readonly turns: number;
  readonly checkpoints: number;
  readonly milliseconds: number;
  readonly samples: number;
}

const contenders = [
  { saver: "langgraph-sqlite", caches: "warm" },
  { saver: "threadkeep-sqlite", caches: "warm" },
  { saver: "threadkeep-sqlite", caches: "cold" },
] as const;

/** Reads all states of a grown thread, oldest last, through the graph. */
export async function timeHistory(
  turns: number,
  copies: Copies,
  effort: Effort,
): Promise<HistoryFigure[]> {
  const readers = await Promise.all(
    contenders.map(async ({ saver, caches }) => {
      const file = copies.get(saver)!.get(turns)!;
      return { saver, caches, chat: new Chat(await openSaver(saver, file), turns), checkpoints: 0 };
    }),
  );
  const tasks = readers.map(
    (reader): Task => ({
      name: `${reader.saver} ${reader.caches}`,
      prepare: () => {
        if (reader.caches === "cold") reader.chat.saver.dropCaches();
      },
      run: async () => {
        reader.checkpoints = (await reader.chat.history()).length;
      },
    }),
  );
  const samples = await interleave(tasks, effort);
  for (const { chat } of readers) await chat.close();

  return readers.map(({ saver, caches, checkpoints }) => {
    const times = samples.get(`${saver} ${caches}`)!;
    return {
      saver,
      caches,
      turns,
      checkpoints,
      milliseconds: median(times),
      samples: times.length,
    };
  });
}
