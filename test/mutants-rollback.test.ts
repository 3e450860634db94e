import { describe, it } from "vitest";
import { assertCaught, checkOf } from "./src/mutant.js";
import { rollbackMutants } from "./src/mutants-rollback.js";
import { rollbackNestedChecks } from "./suites/rollback-nested.js";
import { rollbackRunChecks } from "./suites/rollback-runs.js";
import { undoChecks } from "./suites/undo.js";
import { undoFailureChecks } from "./suites/undo-failures.js";
import { undoRivalChecks } from "./suites/undo-rivals.js";
import { undoThreadChecks } from "./suites/undo-threads.js";

const suites = {
  nested: rollbackNestedChecks,
  runs: rollbackRunChecks,
  undo: undoChecks,
  failures: undoFailureChecks,
  rivals: undoRivalChecks,
  threads: undoThreadChecks,
};

/** Which checks must catch which fault: by suite, and by the beginning of the title. */
const caughtBy: {
  [K in keyof typeof rollbackMutants]: [suite: keyof typeof suites, title: string][];
} = {
  "forgets how calls ended": [
    ["undo", "calls are undone last first"],
    ["undo", "the intent stands in the storage"],
  ],
  "forgets what was undone": [
    ["undo", "calls are undone last first"],
    ["threads", "run again after a rollback"],
  ],
  "forgets that an undo failed": [["failures", "a failing undo stops"]],
  "undoes in the order of the calls": [
    ["undo", "calls are undone last first"],
    ["undo", "nodes that call tools"],
    ["undo", "histories that were summarised"],
  ],
  "does not fence": [
    ["runs", "the same through graph.invoke"],
    ["runs", "a run that only read"],
    ["rivals", "while calls are undone"],
  ],
  "notes calls after they were made": [["undo", "the intent stands in the storage"]],
  "gives an undo to all who claim it": [["rivals", "two processes that roll back at once"]],
  "mixes the calls of threads": [["threads", "the same tool call ids on two threads"]],
  "leaves subgraphs as they are": [["nested", "subgraphs that keep their state"]],
};

describe("a backend that", () => {
  for (const [name, checks] of Object.entries(caughtBy)) {
    for (const [suite, title] of checks) {
      it(`${name} is caught by ${suite}: ${title}`, { timeout: 60_000 }, () =>
        assertCaught(
          rollbackMutants[name as keyof typeof rollbackMutants],
          checkOf(suites[suite], title),
        ),
      );
    }
  }
});
