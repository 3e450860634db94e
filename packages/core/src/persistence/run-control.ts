import { runningNodeOf, type SessionRef } from "./core.js";
import type { Graph } from "./graph.js";

/** The graphs of the runs that `persistence.run` drives, by the control object that LangGraph hands on. */
const GRAPHS = new WeakMap<object, Graph>();

export function drives(control: object, graph: Graph): void {
  GRAPHS.set(control, graph);
}

/** The graph that the calling node belongs to, where `persistence.run` drives it. */
export function graphOf(session: SessionRef): Graph | undefined {
  const control = runningNodeOf(session)?.control;
  return control === undefined ? undefined : GRAPHS.get(control);
}
