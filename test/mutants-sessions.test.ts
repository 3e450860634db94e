import { describe, it } from "vitest";
import { assertCaught, checkOf } from "./src/mutant.js";
import { sessionMutants } from "./src/mutants-sessions.js";
import { sessionChecks } from "./suites/sessions.js";
import { sessionCopyChecks } from "./suites/sessions-copy.js";
import { sessionEraseChecks } from "./suites/sessions-erase.js";
import { sessionStatusChecks } from "./suites/sessions-status.js";

const suites = {
  sessions: sessionChecks,
  status: sessionStatusChecks,
  copies: sessionCopyChecks,
  erasure: sessionEraseChecks,
};

/** Which checks must catch which fault: by suite, and by the beginning of the title. */
const caughtBy: {
  [K in keyof typeof sessionMutants]: [suite: keyof typeof suites, title: string];
} = {
  "skips ties between pages": ["sessions", "pages go from the last"],
  "takes a title's part for a pattern": ["sessions", "titles are found"],
  "lists everybody's sessions": ["sessions", "pages go from the last"],
  "never tells a status": ["status", "which threads wait"],
  "shows archived sessions": ["status", "an archived session"],
  "keeps the chat of an erased session": ["erasure", "an erased session leaves"],
  "lets late writers bring a session back": ["erasure", "a run under way cannot"],
  "copies what came later": ["copies", "a copy up to a checkpoint"],
  "replaces a session by another of its id": ["sessions", "a second session of an id"],
  "does not note activity": ["sessions", "a session that becomes active"],
};

describe("a storage that", () => {
  for (const [name, [suite, title]] of Object.entries(caughtBy)) {
    it(`${name} is caught by ${suite}: ${title}`, { timeout: 60_000 }, async () => {
      const check = checkOf(suites[suite], title);
      await assertCaught(sessionMutants[name as keyof typeof sessionMutants], check);
    });
  }
});
