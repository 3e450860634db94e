import { AIMessage } from "@langchain/core/messages";
import type { Persistence } from "@threadkeep/core";
import { line, pathOf, type Work } from "../src/persistence.js";

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
