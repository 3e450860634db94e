import { setTimeout } from "node:timers/promises";
import type { Batch } from "@threadkeep/core/backend";
import { SqliteStorage } from "@threadkeep/sqlite";

/** A mutant for the crash suite: it acknowledges a commit first, and writes it a little later. */
export default function connect(url: string): SqliteStorage {
  const storage = SqliteStorage.connect(url);
  const commit = storage.commit.bind(storage);
  let tail: Promise<unknown> = storage.setup();
  storage.commit = async (batch: Batch) => {
    tail = tail.then(() => setTimeout(10)).then(() => commit(batch));
    return true;
  };
  return storage;
}
