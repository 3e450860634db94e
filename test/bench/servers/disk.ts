import { Chat } from "../chat.js";
import type { DiskFigure } from "../disk.js";
import type { Urls } from "./hosts.js";
import { openServerSaver, type ServerSaver } from "./savers.js";

export interface ServerGrowth {
  readonly saver: ServerSaver;
  /** At these numbers of turns the size of the tables is taken; the last one ends the chat. */
  readonly sizesAt: readonly number[];
}

export interface ServerDiskFigure extends DiskFigure<ServerSaver> {
  /** What tables and indexes have taken of it, where that is something else. */
  readonly taken?: number;
}

/** Holds a whole chat, turn by turn, on tables of its own. It stays open. */
export async function growOnServer(
  { saver, sizesAt }: ServerGrowth,
  urls: Urls,
): Promise<{ figures: ServerDiskFigure[]; chat: Chat }> {
  const chat = new Chat(await openServerSaver(saver, urls));
  const figures: ServerDiskFigure[] = [];
  for (const turns of sizesAt) {
    while (chat.turns < turns) await chat.turn();
    const taken = await chat.saver.takenBytes?.();
    const bytes = await chat.saver.bytes();
    const figure = { saver, turns, bytes, extrapolated: false };
    figures.push(taken === undefined ? figure : { ...figure, taken });
  }
  return { figures, chat };
}
