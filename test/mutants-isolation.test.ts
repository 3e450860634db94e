import { describe, it } from "vitest";
import { run } from "./src/harness.js";
import { memory } from "./src/memory.js";
import { assertFails, checkOf } from "./src/mutant.js";
import { isolationMutants } from "./src/mutants-isolation.js";
import { isolationChecks } from "./suites/isolation.js";
import { absenceChecks } from "./suites/isolation-absence.js";
import { scopeChecks } from "./suites/isolation-storage.js";

const suites = { calls: isolationChecks, absence: absenceChecks, scopes: scopeChecks };

const ABSENCE = ["absence", "for another tenant a session"] as const;
const USERS = ["absence", "for another user of the tenant"] as const;
const CALLS = ["calls", "users of tenants"] as const;
const SCOPES = ["scopes", "a storage in an owner's scope shows and changes nothing"] as const;

/** Which checks must catch which fault: by suite, and by the beginning of the title. */
const caughtBy: {
  [K in keyof typeof isolationMutants]: readonly (readonly [keyof typeof suites, string])[];
} = {
  "lists all sessions' checkpoints": [CALLS, SCOPES],
  "lists a foreign session's checkpoints": [ABSENCE, SCOPES],
  "lists foreign sessions": [ABSENCE, CALLS, SCOPES],
  "shows a foreign session": [ABSENCE, SCOPES],
  "shows foreign messages": [ABSENCE, CALLS, SCOPES],
  "shows a foreign checkpoint": [ABSENCE, SCOPES],
  // The API asks for the session before it asks for these: who sees no session never gets there.
  "shows foreign writes": [SCOPES],
  "shows foreign node runs": [SCOPES],
  "writes into foreign sessions": [SCOPES],
  "copies foreign sessions": [SCOPES],
  "finds foreign runs": [SCOPES],
  "shows foreign tool calls": [ABSENCE, SCOPES],
  "shows foreign model calls": [ABSENCE, SCOPES],
  "shows foreign sizes": [ABSENCE, SCOPES],
  "tells that a session is there": [ABSENCE, SCOPES],
  "appends to foreign sessions": [USERS, SCOPES],
  "changes foreign sessions": [CALLS, SCOPES],
  "clears foreign histories": [ABSENCE, SCOPES],
  "deletes foreign sessions": [ABSENCE, CALLS, SCOPES],
  "forgets whose sessions it writes": [CALLS],
};

describe("a backend that", () => {
  for (const [name, checks] of Object.entries(caughtBy)) {
    for (const [suite, title] of checks) {
      it(`${name} is caught by ${suite}: ${title}`, { timeout: 120_000 }, () =>
        assertFails(
          run(
            isolationMutants[name as keyof typeof isolationMutants],
            checkOf(suites[suite], title),
          ),
        ),
      );
    }
  }
});

describe("a backend without a fault", () => {
  for (const [suite, title] of [ABSENCE, USERS, CALLS, SCOPES]) {
    it(`passes ${suite}: ${title}`, { timeout: 120_000 }, () =>
      run(memory, checkOf(suites[suite], title)),
    );
  }
});
