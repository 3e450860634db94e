import { writeSync } from "node:fs";
import { Persistence, type Storage } from "@threadkeep/core";
import { agentOf, human } from "../suites/repair-world.js";

/**
 * Runs an agent, says which tool call it makes, and dies in one of them.
 *
 * Arguments: module, url, durability, the question.
 */
const [module, url, durability, question] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
];
const { default: connect } = (await import(module)) as { default(url: string): Storage };
const persistence = new Persistence(connect(url));
const agent = agentOf(persistence, (name) => {
  writeSync(1, `${name}\n`);
  if (name === "fatal") process.kill(process.pid, "SIGKILL");
});
const config = { configurable: { thread_id: durability }, durability };
await agent.invoke(human(question), config as never);
await persistence.end();
