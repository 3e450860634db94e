import { writeSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { AIMessage } from "@langchain/core/messages";
import { Persistence, type Storage } from "@threadkeep/core";
import { human, line, pathOf, type Work } from "../src/persistence.js";

/** Three tool calls, one after the other. */
export function agent(persistence: Persistence, ran: (path: string) => void) {
  const step = (n: number): Record<string, Work> => ({
    [`ask${n}`]: (_, config) => {
      ran(pathOf(config));
      const call = { id: `c${n}`, name: "tool", args: { n } };
      return { messages: [new AIMessage({ id: `ai${n}`, content: "", tool_calls: [call] })] };
    },
    [`execute${n}`]: (_, config) => {
      ran(pathOf(config));
      return { note: `result ${n}` };
    },
  });
  const send: Work = (_, config) => {
    ran(pathOf(config));
    return { messages: [new AIMessage({ id: "end", content: "done" })] };
  };
  const nodes = line({ ...step(1), ...step(2), ...step(3), send });
  return nodes.compile({ checkpointer: persistence.checkpointer });
}

/**
 * Runs the agent, says which nodes it enters, and dies in one of them.
 *
 * Arguments: module, url, the node that kills the process.
 */
async function main([module, url, fatal]: [string, string, string]): Promise<void> {
  const { default: connect } = (await import(module)) as { default(url: string): Storage };
  const persistence = new Persistence(connect(url));
  const graph = agent(persistence, (path) => {
    writeSync(1, `${path}\n`);
    if (path === fatal) process.kill(process.pid, "SIGKILL");
  });
  const input = { messages: [human("go")] };
  await persistence.run(graph, input, { configurable: { thread_id: "t" } });
  await persistence.end();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await main(process.argv.slice(2) as [string, string, string]);
}
