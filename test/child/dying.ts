import { writeSync } from "node:fs";
import { Persistence, type Storage } from "@threadkeep/core";
import { threadConfig } from "../src/graphs.js";
import { human } from "../src/persistence.js";
import { agent } from "../suites/persistence-killed-world.js";

/**
 * Runs the agent, says which nodes it enters, and dies in one of them.
 *
 * Arguments: module, url, the node that kills the process.
 */
const [module, url, fatal] = process.argv.slice(2) as [string, string, string];
const { default: connect } = (await import(module)) as { default(url: string): Storage };
const persistence = new Persistence(connect(url));
const graph = agent(persistence, (path) => {
  writeSync(1, `${path}\n`);
  if (path === fatal) process.kill(process.pid, "SIGKILL");
});
await persistence.run(graph, { messages: [human("go")] }, threadConfig("t"));
await persistence.end();
