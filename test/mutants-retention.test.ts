import { describe, it } from "vitest";
import { run } from "./src/harness.js";
import { memory } from "./src/memory.js";
import { assertCaught, assertFails, checkOf } from "./src/mutant.js";
import { movingMutants, retentionMutants } from "./src/mutants-retention.js";
import { exportChecksOf } from "./suites/export.js";
import { exportBadInputChecksOf } from "./suites/export-bad-input.js";
import { moving } from "./suites/export-world.js";
import { retentionChecks } from "./suites/retention.js";
import { expireChecks } from "./suites/retention-expire.js";
import { retentionWriterChecks } from "./suites/retention-writers.js";

const suites = { prune: retentionChecks, writers: retentionWriterChecks, expire: expireChecks };

/** Which checks must catch which fault: by suite, and by the beginning of the title. */
const caughtBy: {
  [K in keyof typeof retentionMutants]: [suite: keyof typeof suites, title: string][];
} = {
  "prunes what a DeltaChannel is rebuilt from": [["prune", "after every batch"]],
  "frees what pending writes name": [["prune", "items that nothing names go"]],
  "prunes whoever writes": [["writers", "what is forked from an old"]],
  "tells nobody of a prune": [["writers", "prune in small batches beside"]],
  "counts no bytes": [["prune", "prune keeps the newest"]],
  "expires what was touched": [["expire", "a session that becomes active"]],
  "expires anybody's sessions": [
    ["expire", "every row of an expired"],
    ["prune", "an owner's sessions"],
  ],
};

const moves = { export: exportChecksOf, "bad input": exportBadInputChecksOf };
const moveCaughtBy: {
  [K in keyof typeof movingMutants]: [suite: keyof typeof moves, title: string];
} = {
  "does not check the end of a file": ["bad input", "a file that was cut"],
  "decodes each piece by itself": ["export", "a file may come in pieces"],
  "reads the counters first": ["export", "an export beside a writer"],
  "does not see a session go": ["export", "what is pruned or deleted"],
};

describe("what", () => {
  for (const [name, checks] of Object.entries(caughtBy)) {
    for (const [suite, title] of checks) {
      it(`${name} is caught by ${suite}: ${title}`, { timeout: 60_000 }, async () => {
        const check = checkOf(suites[suite], title);
        await assertCaught(retentionMutants[name as keyof typeof retentionMutants], check);
      });
    }
  }

  for (const [name, [suite, title]] of Object.entries(moveCaughtBy)) {
    it(`${name} is caught by ${suite}: ${title}`, { timeout: 60_000 }, async () => {
      await run(memory, checkOf(moves[suite](moving), title));
      const broken = movingMutants[name as keyof typeof movingMutants];
      await assertFails(run(memory, checkOf(moves[suite](broken), title)));
    });
  }
});
