import assert from "node:assert/strict";
import type { Storage } from "@threadkeep/core";
import { type Backend, type Check, type Checks, run } from "./harness.js";
import { memory } from "./memory.js";

/** A backend with a fault in its storage. */
export function onStorage(make: () => Storage): Backend {
  return {
    name: "mutant",
    create: async () => {
      const storage = make();
      return { connect: async () => storage, remove: async () => {} };
    },
  };
}

/** The one check whose title begins so. */
export function checkOf(checks: Checks, title: string): Check {
  const found = Object.entries(checks).filter(([name]) => name.startsWith(title));
  assert.equal(found.length, 1, title);
  return (found[0] as [string, Check])[1];
}

/** A check that must not pass. */
export async function assertFails(running: Promise<void>): Promise<void> {
  const error = await running.then(
    () => undefined,
    (caught: unknown) => caught ?? "nothing",
  );
  assert.ok(error !== undefined, "the check passed on a broken double");
}

/** A check that passes on memory, and must not pass on a broken backend. */
export async function assertCaught(backend: Backend, check: Check): Promise<void> {
  await run(memory, check);
  await assertFails(run(backend, check));
}
