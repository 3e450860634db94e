import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Persistence, StorageSaver } from "@threadkeep/core";
import { buildGraph, type DemoGraph } from "./graph.js";
import { openPersistence } from "./saver.js";
import { type Observer, silent } from "./work.js";

/** The thread of the demo, and where its files are. */
export interface Demo {
  thread: string;
  folder: string;
  database: string;
  /** The side log: which process started and finished what. */
  log: string;
  forkLog: string;
  started: number;
}

const LEFT_BEHIND = /^(demo\.db(-wal|-shm)?|(work|fork)\.log|report-by-\w+\.md)$/;

/** Removes what an earlier run left, and nothing else: the folder may be the user's own. */
function freshFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (LEFT_BEHIND.test(name)) rmSync(join(folder, name));
  }
  return folder;
}

export function freshDemo(folder: string, thread: string): Demo {
  freshFolder(folder);
  return {
    thread,
    folder,
    database: join(folder, "demo.db"),
    log: join(folder, "work.log"),
    forkLog: join(folder, "fork.log"),
    started: Date.now(),
  };
}

export interface Opened {
  persistence: Persistence;
  saver: StorageSaver;
  graph: DemoGraph;
}

/** Opens the database anew, so that nothing that is read comes from memory. */
export async function withGraph<T>(
  { database, folder }: Demo,
  use: (opened: Opened) => Promise<T>,
  observer: Observer = silent,
): Promise<T> {
  const { persistence, writeReport } = openPersistence(database);
  const saver = persistence.checkpointer;
  try {
    const graph = await buildGraph({ saver, folder, writeReport, observer });
    return await use({ persistence, saver, graph });
  } finally {
    await persistence.end();
  }
}
