import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { childArgs } from "../src/bundled.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Durable } from "../src/harness.js";
import { of, said, started } from "../src/persistence.js";
import { agent } from "./persistence-killed-world.js";

const ORDER = ["ask1", "execute1", "ask2", "execute2", "ask3", "execute3", "send"];

/** @returns what the process said before it died of SIGKILL in that node */
function killedIn(fatal: string, { module, url }: Durable): Promise<string[]> {
  const args = childArgs("dying.ts", module, url, fatal);
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      if (error?.signal === "SIGKILL") resolve(stdout.trim().split("\n"));
      else reject(new Error(`the process was not killed: ${stderr}`));
    });
  });
}

/** What a backend promises besides that keeps its records in a database. */
export const persistenceCrashChecks: Checks = Object.fromEntries(
  ["send", "execute3", "ask2", "ask1"].map((fatal) => [
    // CheckpointsTests: testLastSuccessfulNodeIsNotExecutedTwice
    `20: of a process killed in ${fatal}, another one runs that node, and none before it`,
    async (db) => {
      if (db.durable === undefined) throw new TypeError("this suite is for databases that last");
      const at = ORDER.indexOf(fatal);
      assertSame(await killedIn(fatal, db.durable), ORDER.slice(0, at + 1));
      const persistence = started(db.storage);
      const last = await persistence.getLatestCheckpoint("t");
      assert.equal(last?.nodePath, at === 0 ? "" : ORDER[at - 1]);
      const ran: string[] = [];
      const graph = agent(persistence, (path) => ran.push(path));
      const output = await persistence.run(graph, { messages: [] }, threadConfig("t"));
      assertSame(ran, ORDER.slice(at));
      assertSame(said(output.messages), ["human: go", "ai: ", "ai: ", "ai: ", "ai: done"]);
      for (const path of ORDER) assert.equal((await of(persistence, path)).length, 1, path);
    },
  ]),
);
