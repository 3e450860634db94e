import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { Chat } from "./chat.js";
import { openSaver, type SaverName } from "./savers.js";

export interface Growth {
  readonly saver: SaverName;
  readonly turns: number;
  /** At these numbers of turns the file's size is taken. */
  readonly sizesAt: readonly number[];
  /** At these a copy of the file is kept. */
  readonly copiesAt: readonly number[];
}

export interface DiskFigure<Name = SaverName> {
  readonly saver: Name;
  readonly turns: number;
  readonly bytes: number;
  readonly extrapolated: boolean;
}

export interface Grown {
  readonly figures: readonly DiskFigure[];
  /** The database as it was after so many turns. */
  readonly copies: ReadonlyMap<number, string>;
}

/** Holds a whole chat, turn by turn, on a fresh file. */
export async function grow(growth: Growth, folder: string): Promise<Grown> {
  const { saver, turns, sizesAt, copiesAt } = growth;
  const file = join(folder, `${saver}-grown.db`);
  const chat = new Chat(await openSaver(saver, file));
  const figures: DiskFigure[] = [];
  const copies = new Map<number, string>();

  for (let turn = 1; turn <= turns; turn++) {
    await chat.turn();
    if (!sizesAt.includes(turn) && !copiesAt.includes(turn)) continue;
    const bytes = await chat.saver.bytes();
    if (sizesAt.includes(turn)) figures.push({ saver, turns: turn, bytes, extrapolated: false });
    if (copiesAt.includes(turn) && turn < turns) copies.set(turn, copied(file, turn));
  }
  await chat.close();
  return { figures, copies: copies.set(turns, file) };
}

function copied(file: string, turns: number): string {
  const copy = `${file}.${turns}`;
  copyFileSync(file, copy);
  return copy;
}

/**
 * Bytes after `turns` turns of a saver that writes the whole list again at every step: a line for
 * what each turn adds and a parabola for the lists, through the two largest sizes measured.
 */
export function extrapolate<Name>(
  figures: readonly DiskFigure<Name>[],
  turns: number,
): DiskFigure<Name> {
  const [a, b] = [...figures].sort((x, y) => x.turns - y.turns).slice(-2);
  if (!a || !b) throw new Error("an extrapolation needs two measured sizes");
  const square = (b.bytes / b.turns - a.bytes / a.turns) / (b.turns - a.turns);
  const line = a.bytes / a.turns - square * a.turns;
  return {
    saver: a.saver,
    turns,
    bytes: Math.round(square * turns ** 2 + line * turns),
    extrapolated: true,
  };
}
