import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type Backend, type Check, run } from "./src/harness.js";
import { mutants } from "./src/mutants.js";
import { sqlite } from "./src/sqlite.js";
import { everyBackend as suites } from "./suites/all.js";
import { killRounds } from "./suites/crash.js";

/** Which checks must catch which fault: by suite, and by the beginning of the title. */
const caughtBy: { [K in keyof typeof mutants]: [suite: keyof typeof suites, title: string][] } = {
  "drops every 100th put": [["list", "newest first, over many pages"]],
  "swallows a commit": [
    ["model", "any sequence of storage calls"],
    ["graphs", "time travel"],
  ],
  "loses a message": [["chat history", "64 writers x 50"]],
  "takes ids without their case": [
    ["threads", "deleteThread removes"],
    ["ids", "every good id"],
    ["model", "any sequence of storage calls"],
  ],
  "mixes the values of forks": [
    ["graphs", "a fork tree"],
    ["graphs", "time travel"],
  ],
  "ignores the task path": [
    ["pending writes", "writes come in the order"],
    ["delta channels", "a fan-out into"],
  ],
  "returns shared objects": [["edits in place", "no caller reaches"]],
  "forgets edits in place": [
    ["edits in place", "put sees every edit"],
    ["edits in place", "a graph whose nodes"],
  ],
  "reads values after its first await": [["edits in place", "put sees every edit"]],
  "takes limit 0 for all": [["list", "limit"]],
  "turns ids into strings": [["bad input", "a bad thread_id"]],
  "prunes what a DeltaChannel needs": [
    ["threads", "prune and deleteForRuns never cut"],
    ["delta channels", "prune, copyThread"],
  ],
  "drops every 7th node run": [["node runs", "in every durability each run"]],
  "gives node runs to other threads": [["node runs", "50 runs at once"]],
  "records inputs when nodes have ended": [
    ["node runs", "nodes that edit in place"],
    ["node runs", "the same, while no checkpoint"],
  ],
  "leaves its caller's context open": [["node runs", "nothing leaks"]],
  "counts attempts anew in every process": [["node runs", "attempts go on counting"]],
};

function checkOf(suite: keyof typeof suites, title: string): Check {
  const found = Object.entries(suites[suite]).filter(([name]) => name.startsWith(title));
  assert.equal(found.length, 1, `${suite}: ${title}`);
  return (found[0] as [string, Check])[1];
}

async function assertCaught(backend: Backend, check: Check, how = /./): Promise<void> {
  let error: unknown;
  await run(backend, check).catch((caught: unknown) => {
    error = caught;
  });
  assert.ok(error !== undefined, "the check passed on a broken backend");
  assert.match(String(error), how);
}

describe("a backend that", () => {
  for (const [name, checks] of Object.entries(caughtBy)) {
    for (const [suite, title] of checks) {
      it(`${name} is caught by ${suite}: ${title}`, { timeout: 60_000 }, () =>
        assertCaught(mutants[name as keyof typeof mutants], checkOf(suite, title)),
      );
    }
  }

  it("acknowledges before it writes is caught by kill -9", { timeout: 60_000 }, async () => {
    const late: Backend = {
      ...sqlite,
      create: async () => {
        const place = await sqlite.create();
        const module = new URL("./src/late-connect.ts", import.meta.url).href;
        return place.durable === undefined
          ? place
          : { ...place, durable: { ...place.durable, module } };
      },
    };
    await assertCaught(
      late,
      async (db) => void (await killRounds(db, "t", 5)),
      /acknowledged \w+ are lost/,
    );
  });
});
