import { describe, it } from "vitest";
import { type Check, run } from "./src/harness.js";
import { memory } from "./src/memory.js";
import { assertFails, checkOf } from "./src/mutant.js";
import { type Mutant, transcriptMutants } from "./src/mutants-transcripts.js";
import { repairChecks } from "./suites/repair.js";
import { repairHumanChecks } from "./suites/repair-human.js";
import { historyWindowChecks } from "./suites/transcripts-history.js";
import { transcriptReadChecks } from "./suites/transcripts-reads.js";

const suites = {
  repair: repairChecks,
  human: repairHumanChecks,
  windows: historyWindowChecks,
  reads: transcriptReadChecks,
};

/** Which checks must catch which fault: by suite, and by the beginning of the title. */
const caughtBy: {
  [K in keyof typeof transcriptMutants]: [suite: keyof typeof suites, title: string][];
} = {
  "overlooks questions to humans": [
    ["human", "a question to a human is left alone"],
    ["human", "a question beside a tool that broke"],
    ["human", "an answer of a human is kept"],
  ],
  "overlooks questions in subgraphs": [
    ["human", "a question in a subgraph"],
    ["human", "a stop inside a subgraph"],
  ],
  "does not fence": [["repair", "a run that began before"]],
  "answers at the end": [
    ["repair", "a tool that threw, then a new question"],
    ["repair", "a tool that threw, mended at once"],
    ["repair", "the error stands behind the results"],
    ["repair", "two repairs at once"],
    ["human", "a question to a human is left alone"],
  ],
  "reads the whole conversation": [
    ["reads", "the last 20 of 10,000"],
    ["reads", "the same of a list in thousands of pieces"],
  ],
  "parts results from their calls": [
    ["windows", "the last so many messages"],
    ["windows", "parallel calls with a person between"],
    ["windows", "for a model, calls that something follows"],
  ],
};

async function assertCaught(mutant: Mutant, check: Check): Promise<void> {
  await run(memory, check);
  const mend = mutant.break?.();
  try {
    await assertFails(run(mutant.backend ?? memory, check));
  } finally {
    mend?.();
  }
}

describe("what", () => {
  for (const [name, checks] of Object.entries(caughtBy)) {
    for (const [suite, title] of checks) {
      it(`${name} is caught by ${suite}: ${title}`, { timeout: 60_000 }, () =>
        assertCaught(
          transcriptMutants[name as keyof typeof transcriptMutants],
          checkOf(suites[suite], title),
        ),
      );
    }
  }
});
