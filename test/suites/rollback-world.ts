import { type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { Annotation, END, messagesStateReducer, START, StateGraph } from "@langchain/langgraph";
import type { Persistence, Storage } from "@threadkeep/core";
import { session } from "../src/snapshot.js";

export const Trail = Annotation.Root({
  trail: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
  note: Annotation<string>(),
  messages: Annotation<BaseMessage[], BaseMessage[]>({
    reducer: messagesStateReducer,
    default: () => [],
  }),
});

export type TrailState = typeof Trail.State;
/** What a node does before it leaves its name in the trail. */
export type Work = (config: RunnableConfig, state: TrailState) => unknown;

/** A node that leaves its name in the trail, the log and the messages. */
export function step(name: string, log: string[], work: Work = () => {}) {
  return async (state: TrailState, config: RunnableConfig) => {
    log.push(name);
    await work(config, state);
    const id = `${name} ${state.messages.length}`;
    return { trail: [name], messages: [new HumanMessage({ id, content: name })] };
  };
}

/** `one`, then `two`, and so on; each may have something to do. */
export function line(
  checkpointer: Persistence["checkpointer"],
  log: string[],
  work: Readonly<Record<string, Work>> = {},
  names: readonly string[] = ["one", "two", "three", "four"],
) {
  // biome-ignore lint/suspicious/noExplicitAny: the graph's type grows with every node
  const graph: any = new StateGraph(Trail);
  for (const [i, name] of names.entries()) {
    graph.addNode(name, step(name, log, work[name]));
    graph.addEdge(names[i - 1] ?? START, name);
  }
  return (graph as StateGraph<typeof Trail.spec, TrailState, Partial<TrailState>, string>)
    .addEdge(names.at(-1) as string, END)
    .compile({ checkpointer });
}

/** Whatever a run that was rolled back could still have written: the state and the journal. */
export async function stateOf(storage: Storage, id = "t") {
  const all = (await session(storage, id)) as Record<string, unknown>;
  const rows = all.checkpoints as { checkpoint: { id: string } }[];
  return {
    checkpoints: rows.map(({ checkpoint }) => checkpoint),
    writes: sorted(all.writes),
    toolEvents: sorted(all.toolEvents),
    rollbacks: (all.guard as { rollbacks: number }).rollbacks,
  };
}

const sorted = (rows: unknown): string[] =>
  (rows as unknown[]).map((row) => JSON.stringify(row)).sort();

/** The versions of all checkpoints, oldest first. */
export async function versions(persistence: Persistence, id = "t"): Promise<number[]> {
  const all = await persistence.listCheckpoints(id, { limit: 1000 });
  return all.map(({ version }) => version).reverse();
}

/** 1, 2, 3 … */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
