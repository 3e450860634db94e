import type { StateSnapshot } from "@langchain/langgraph";
import { TASKS } from "@langchain/langgraph-checkpoint";
import { StorageError } from "../errors.js";
import { nodesOf } from "../nodes/paths.js";
import type { CandidateSaver } from "../saver/candidates.js";

/** What is needed of a compiled LangGraph graph. */
export interface Graph {
  readonly nodes: object;
  // biome-ignore lint/suspicious/noExplicitAny: LangGraph's own types depend on the graph's state
  invoke(input: any, config?: any): Promise<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  getState(config: any, options?: any): Promise<StateSnapshot>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  updateState(config: any, values: any, asNode?: any): Promise<unknown>;
  getSubgraphsAsync(namespace?: string, recurse?: boolean): AsyncIterable<[string, unknown]>;
}

/** A compiled graph, or an agent of `createAgent`, which has one. */
export type AnyGraph = Graph | { readonly graph: Graph; readonly invoke: Graph["invoke"] };

export function compiledOf(graph: AnyGraph): Graph {
  return "nodes" in graph ? graph : graph.graph;
}

/** LangGraph's key for the saver that takes the place of the graph's own. */
export const CHECKPOINTER_KEY = "__pregel_checkpointer";

const BRANCH = "branch:to:";

/** The channel whose writing makes a node run next. */
export const branchTo = (node: string): string => `${BRANCH}${node}`;

/** The subgraph of a namespace; `undefined` where the graph has none there. */
export async function graphAt(graph: Graph, ns: string): Promise<Graph | undefined> {
  if (ns === "") return graph;
  for await (const [, inner] of graph.getSubgraphsAsync(nodesOf(ns).join("|"), true)) {
    return inner as Graph;
  }
  return undefined;
}

/** The nodes that a state names as its next ones, whatever the graph has. */
export function nextNodes(values: Readonly<Record<string, unknown>>): string[] {
  const sends = values[TASKS];
  const branches = Object.keys(values).filter((channel) => channel.startsWith(BRANCH));
  return [
    ...branches.map((channel) => channel.slice(BRANCH.length)),
    ...(Array.isArray(sends) ? sends.map((send: { node?: unknown }) => String(send.node)) : []),
  ];
}

/** @throws StorageError `GRAPH_MISMATCH` naming the node that the graph does not have */
export function checkFits(
  operation: string,
  graph: Graph,
  values: Readonly<Record<string, unknown>>,
  checkpointId: string,
): void {
  const missing = nextNodes(values).find((node) => !Object.hasOwn(graph.nodes, node));
  if (missing === undefined) return;
  const place = `checkpoint ${JSON.stringify(checkpointId)}`;
  const why = `${place} goes on in the node ${JSON.stringify(missing)}, which the graph does not have`;
  throw new StorageError("GRAPH_MISMATCH", operation, why);
}

/** A task that a checkpoint leads to. */
export interface NextTask {
  readonly id: string;
  readonly name: string;
  readonly path: string;
}

/** What the graph would run next from a candidate. */
export async function tasksOf(
  graph: Graph,
  candidates: CandidateSaver,
  threadId: string,
  ns: string,
): Promise<NextTask[]> {
  const state = await graph.getState({
    configurable: { thread_id: threadId, checkpoint_ns: ns, [CHECKPOINTER_KEY]: candidates },
  });
  return state.tasks.map(({ id, name, path }) => ({ id, name, path: JSON.stringify(path) }));
}
