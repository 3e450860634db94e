import { writeSync } from "node:fs";
import { HumanMessage } from "@langchain/core/messages";
import { ChatMessageHistory, StorageError, StorageSaver } from "@threadkeep/core";
import type { Opened } from "../faults/served.js";
import { checkpoint, idOf, place, put } from "../src/checkpoints.js";

/**
 * Closes storages with work under way, and then has nothing to do. Arguments: module, url, rounds.
 */
const [module, url, rounds] = process.argv.slice(2) as [string, string, string];
const { open } = (await import(module)) as Opened;

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

for (let round = 0; round < Number(rounds); round += 1) {
  const storage = open(url, { max: 1 + (round % 3) });
  const saver = new StorageSaver(storage);
  const calls: Promise<unknown>[] = [];
  const call = (run: Promise<unknown>, id?: string) => {
    calls.push(
      run.then(
        () => id !== undefined && say({ stored: id }),
        (error: unknown) => {
          if (!(error instanceof StorageError) || error.code !== "CLOSED") throw error;
          if (id !== undefined) say({ refused: id });
        },
      ),
    );
  };
  for (let i = 0; i < 20; i += 1) {
    const id = idOf(round * 20 + i);
    call(put(saver, place(`t${i}`), checkpoint(id, { i })), id);
    call(saver.getTuple(place(`t${i}`)));
    call(new ChatMessageHistory(storage, `s${i}`).addMessage(new HumanMessage("x")));
  }
  // At another moment in every round.
  if (round % 4 > 0) await calls[(round * 7) % calls.length];
  const closed = [saver.end(), saver.end()];
  await Promise.all([...calls, ...closed]);
  await saver.end();
}
say({ ended: true });
