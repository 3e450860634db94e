import { statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import Database from "better-sqlite3";
import { check } from "./checks.js";
import { type Demo, freshDemo, withGraph } from "./demo.js";
import { buildGraph } from "./graph.js";
import { bytes, printTable, say } from "./print.js";
import { openOfficialSaver } from "./saver.js";
import { type Answer, type DemoState, request } from "./state.js";

/** Runs the graph once more, without a crash, on the official saver, and compares the files. */
export async function showSizes(demo: Demo): Promise<void> {
  const config = { configurable: { thread_id: demo.thread } };
  say("Running the same graph on the official SQLite saver …");
  const officialDemo = freshDemo(join(demo.folder, "official"), demo.thread);
  const { saver, close } = openOfficialSaver(officialDemo.database);
  const official = await runToTheEnd(officialDemo, saver);
  const officialCheckpoints = await countCheckpoints(saver, officialDemo);
  await close();

  const { state, checkpoints } = await withGraph(demo, async ({ saver, graph }) => ({
    state: (await graph.getState(config)).values as DemoState,
    checkpoints: await countCheckpoints(saver, demo),
  }));
  const ownSize = databaseSize(demo.database);
  const officialSize = databaseSize(officialDemo.database);
  say();
  printTable(
    ["saver", ">checkpoints", ">database"],
    [
      ["threadkeep", checkpoints, bytes(ownSize)],
      ["official", officialCheckpoints, bytes(officialSize)],
    ],
  );
  const messages = Buffer.byteLength(JSON.stringify(state.messages));
  say(`The conversation itself is ${bytes(messages)} of JSON.`);
  say();
  check(
    "both ran the same steps",
    checkpoints === officialCheckpoints && state.messages.length === official.messages.length,
  );
  const ratio = (officialSize / ownSize).toFixed(1);
  check(
    `threadkeep's database is smaller: the official one is ${ratio} times its size`,
    ownSize < officialSize,
  );
}

async function runToTheEnd(
  { thread, folder }: Demo,
  saver: BaseCheckpointSaver,
): Promise<DemoState> {
  const graph = await buildGraph({ saver, folder });
  const options = { configurable: { thread_id: thread }, durability: "sync" } as const;
  await graph.invoke(request("size"), options);
  const answer: Answer = { approvedBy: "you" };
  return graph.invoke(new Command({ resume: answer }), options);
}

async function countCheckpoints(saver: BaseCheckpointSaver, { thread }: Demo): Promise<number> {
  let count = 0;
  for await (const _ of saver.list({ configurable: { thread_id: thread } })) count += 1;
  return count;
}

/** Size of the database file once its write-ahead log is in it. */
function databaseSize(path: string): number {
  const db = new Database(path);
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
  return statSync(path).size;
}
