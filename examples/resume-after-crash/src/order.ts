import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { Annotation, StateGraph } from "@langchain/langgraph";
import { Persistence } from "@threadkeep/core";
import { SqliteStorage } from "@threadkeep/sqlite";

const Order = Annotation.Root({
  item: Annotation<string>,
  done: Annotation<string[]>({ reducer: (a, b) => a.concat(b), default: () => [] }),
});

export const thread = { configurable: { thread_id: "orders" } };

export function log(folder: string, line: string): void {
  appendFileSync(join(folder, "side.log"), `${line}\n`);
}

/** A graph of four steps, on a database in this folder: the same in every process. */
export function openOrders(folder: string, process: string, reached?: (step: string) => unknown) {
  const persistence = new Persistence(SqliteStorage.connect(join(folder, "orders.db")));
  const step = (name: string) => async () => {
    log(folder, `${process}: ${name} started`);
    await reached?.(name);
    log(folder, `${process}: ${name} finished`);
    return { done: [name] };
  };
  const graph = new StateGraph(Order)
    .addNode("check", step("check"))
    .addNode("reserve", step("reserve"))
    .addNode("pay", step("pay"))
    .addNode("ship", step("ship"))
    .addEdge("__start__", "check")
    .addEdge("check", "reserve")
    .addEdge("reserve", "pay")
    .addEdge("pay", "ship")
    .compile({ checkpointer: persistence.checkpointer });
  return { persistence, graph };
}
