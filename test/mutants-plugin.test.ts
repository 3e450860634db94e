import { describe, it } from "vitest";
import { assertCaught, checkOf } from "./src/mutant.js";
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

describe("a plugin that", () => {
  for (const [name, checks] of Object.entries(caughtBy)) {
    for (const [suite, title] of checks) {
      it(`${name} is caught by ${suite}: ${title}`, { timeout: 60_000 }, () =>
        assertCaught(
          pluginMutants[name as keyof typeof pluginMutants],
          checkOf(pluginSuites[suite], title),
        ),
      );
    }
  }
});
