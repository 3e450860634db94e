import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type Backend, type Check, run } from "./src/harness.js";
import { memory } from "./src/memory.js";
import { pluginMutants } from "./src/mutants-plugin.js";
import { pluginSuites } from "./suites/plugin-suites.js";

/** Which checks must catch which fault: by suite, and by the beginning of the title. */
const caughtBy: {
  [K in keyof typeof pluginMutants]: [suite: keyof typeof pluginSuites, title: string][];
} = {
  "records what the user said with the answer": [
    ["plugin", "what was said is recorded before"],
    ["plugin", "a model that fails"],
    ["plugin in graphs", "the input is recorded before"],
    ["plugin in chains", "a chain that fails"],
  ],
  "records messages twice": [
    ["plugin", "each message once"],
    ["plugin and tools", "a restart between"],
  ],
  "forgets what broke off": [
    ["plugin and streams", "a stream that its signal aborts"],
    ["plugin and streams", "a stream that nobody reads on"],
    ["plugin in graphs", "a stream of a graph that breaks off"],
    ["plugin in chains", "streams to their end"],
  ],
  "forgets the results of tools": [
    ["plugin", "what the user said, the prompt"],
    ["plugin in graphs", "a plain graph"],
    ["plugin in chains", "calls of tools"],
  ],
  "forgets the calls of models": [
    ["plugin", "usage"],
    ["plugin in graphs", "a plain graph"],
    ["plugin in chains", "a chain that fails"],
  ],
  "ignores a switch": [
    ["plugin", "switch"],
    ["plugin", "two chats on one plugin"],
    ["plugin in graphs", "a switch in mid-run"],
  ],
  "brings erased sessions back": [
    ["plugin", "a session that is erased"],
    ["plugin in graphs", "a session that is erased"],
  ],
  "forgets older turns": [["plugin and history", "without a checkpointer"]],
};

function checkOf(suite: keyof typeof pluginSuites, title: string): Check {
  const found = Object.entries(pluginSuites[suite]).filter(([name]) => name.startsWith(title));
  assert.equal(found.length, 1, `${suite}: ${title}`);
  return (found[0] as [string, Check])[1];
}

async function assertCaught(backend: Backend, check: Check): Promise<void> {
  await run(memory, check);
  const error = await run(backend, check).then(
    () => undefined,
    (caught: unknown) => caught ?? "nothing",
  );
  assert.ok(error !== undefined, "the check passed on a broken backend");
}

describe("a plugin that", () => {
  for (const [name, checks] of Object.entries(caughtBy)) {
    for (const [suite, title] of checks) {
      it(`${name} is caught by ${suite}: ${title}`, { timeout: 60_000 }, () =>
        assertCaught(pluginMutants[name as keyof typeof pluginMutants], checkOf(suite, title)),
      );
    }
  }
});
