import { join } from "node:path";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { MemorySaver, type StorageSaver } from "@threadkeep/core";
import { SqliteSaver } from "@threadkeep/sqlite";
import { type Effort, interleave, median } from "./measure.js";
import { messagesOf } from "./workload.js";

/** What the recording of node runs costs, per step of a run. */
export interface NodeFigure {
  readonly saver: "threadkeep-memory" | "threadkeep-sqlite";
  /** Messages in the state of every step. */
  readonly messages: number;
  readonly on: number;
  readonly off: number;
  readonly samples: number;
}

export interface NodePlan {
  readonly turns: readonly number[];
  /** Supersteps of a run. */
  readonly steps: number;
  readonly effort: Effort;
}

const open = {
  "threadkeep-memory": (_file: string, options: object) =>
    new MemorySaver(undefined, undefined, options),
  "threadkeep-sqlite": (file: string, options: object) => SqliteSaver.fromConnString(file, options),
};

/** Milliseconds per step with and without node runs, on threads of so many turns. */
export async function timeNodes(plan: NodePlan, folder: string): Promise<NodeFigure[]> {
  const figures: NodeFigure[] = [];
  for (const saver of ["threadkeep-memory", "threadkeep-sqlite"] as const) {
    for (const turns of plan.turns) figures.push(await timeSteps(plan, folder, saver, turns));
  }
  return figures;
}

async function timeSteps(
  { steps, effort }: NodePlan,
  folder: string,
  name: NodeFigure["saver"],
  turns: number,
): Promise<NodeFigure> {
  const messages = messagesOf(turns);
  const savers = { on: true, off: false };
  const opened = Object.entries(savers).map(([key, enableAutomaticPersistence]) => {
    const file = join(folder, `nodes-${name}-${turns}-${key}.db`);
    return { key, saver: open[name](file, { enableAutomaticPersistence }) };
  });
  let run = 0;
  const tasks = opened.map(({ key, saver }) => {
    const graph = stepping(saver, steps);
    return {
      name: key,
      run: () =>
        graph.invoke(
          { messages },
          { configurable: { thread_id: `run-${run++}` }, recursionLimit: steps + 10 },
        ),
    };
  });
  const samples = await interleave(tasks, effort);
  for (const { saver } of opened) await saver.end();
  const perStep = (key: string) => median(samples.get(key)!) / steps;
  return {
    saver: name,
    messages: messages.length,
    on: perStep("on"),
    off: perStep("off"),
    samples: samples.get("on")!.length,
  };
}

/** One node that runs so many times and changes nothing. */
function stepping(saver: StorageSaver, steps: number) {
  let left = 0;
  return new StateGraph(MessagesAnnotation)
    .addNode("begin", () => {
      left = steps;
      return {};
    })
    .addNode("step", () => {
      left -= 1;
      return {};
    })
    .addEdge(START, "begin")
    .addEdge("begin", "step")
    .addConditionalEdges("step", () => (left > 0 ? "step" : END))
    .compile({ checkpointer: saver });
}
