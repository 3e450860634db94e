import { execFile } from "node:child_process";
import { childArgs } from "../src/bundled.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Durable } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { agentOf, assertBricked, assertUsable, stateOf } from "./repair-world.js";

/** @returns what the process said before it died of SIGKILL in its tool */
function killed({ module, url }: Durable, ...order: string[]): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const args = childArgs("repair-dying.ts", module, url, ...order);
    execFile(process.execPath, args, (error, stdout, stderr) => {
      if (error?.signal === "SIGKILL") resolve(stdout.trim().split("\n"));
      else reject(new Error(`the process was not killed: ${stderr}`));
    });
  });
}

/** What repair promises besides where records outlive the process. */
export const repairKilledChecks: Checks = {
  "of a process killed in its tool, another one mends the thread": async (db) => {
    if (db.durable === undefined) throw new TypeError("this suite is for databases that last");
    const durability = "sync";
    const config = threadConfig(durability);
    assertSame(await killed(db.durable, durability, "call fatal"), ["fatal"]);
    const persistence = started(db.storage);
    const agent = agentOf(persistence);
    const toolCalls = [{ id: "fatal 1", name: "work" }];
    assertSame(await persistence.repair(durability, { dryRun: true }), {
      repaired: false,
      toolCalls,
    });
    await assertBricked(agent, config);
    assertSame(await persistence.repair(durability), { repaired: true, toolCalls });
    assertSame((await stateOf(agent, config)).lines, [
      ...["human: call fatal", "ai: calls fatal 1", "tool error", "human: hello?"],
    ]);
    await assertUsable(agent, config);
  },

  "and at once, without a question in between": async (db) => {
    if (db.durable === undefined) throw new TypeError("this suite is for databases that last");
    await killed(db.durable, "sync", "call fatal other");
    const persistence = started(db.storage);
    const { repaired, toolCalls } = await persistence.repair("sync");
    assertSame([repaired, toolCalls.map(({ id }) => id)], [true, ["fatal 1", "other 1"]]);
    await assertUsable(agentOf(persistence), threadConfig("sync"));
  },
};
