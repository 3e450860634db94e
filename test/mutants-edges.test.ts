import { describe, it } from "vitest";
import { assertCaught, checkOf } from "./src/mutant.js";
import { edgeMutants } from "./src/mutants-edges.js";
import { sessionEdgeChecks } from "./suites/sessions-edges.js";

/** Which checks must catch which fault: by the beginnings of their titles. */
const caughtBy: { [K in keyof typeof edgeMutants]: string[] } = {
  "forgets open questions": ["a session waits until all", "the same where one process"],
  "loses its place with a session": ["pages go on where", "expire goes through all"],
};

describe("a storage that", () => {
  for (const [name, titles] of Object.entries(caughtBy)) {
    for (const title of titles) {
      it(`${name} is caught by: ${title}`, { timeout: 60_000 }, async () => {
        const check = checkOf(sessionEdgeChecks, title);
        await assertCaught(edgeMutants[name as keyof typeof edgeMutants], check);
      });
    }
  }
});
