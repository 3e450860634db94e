/** Separates the levels of a checkpoint namespace, and a node's name from its task's id. */
const LEVEL = "|";
const TASK = ":";

/** What a namespace that ends in a task says: `sub:a1|inner:b2`. */
export interface TaskPlace {
  /** The namespace of the graph that the node belongs to. */
  readonly ns: string;
  readonly nodePath: string;
  readonly taskId: string;
}

/**
 * The path of a namespace's nodes, without task ids. A second call of a graph within one node has
 * a number as a level of its own, which is left out: it is the same node.
 */
export function nodePathOf(ns: string): string {
  return nodesOf(ns).join("/");
}

/** The names of a namespace's nodes, outermost first. */
export function nodesOf(ns: string): string[] {
  return ns
    .split(LEVEL)
    .filter((level) => level !== "" && !/^\d+$/.test(level))
    .map((level) => level.split(TASK)[0] as string);
}

/** `undefined` where the namespace does not end in a task. */
export function taskPlaceOf(ns: string): TaskPlace | undefined {
  const level = ns.lastIndexOf(LEVEL);
  const last = ns.slice(level + 1);
  const colon = last.lastIndexOf(TASK);
  if (colon < 1) return undefined;
  return {
    ns: level < 0 ? "" : ns.slice(0, level),
    nodePath: nodePathOf(ns),
    taskId: last.slice(colon + 1),
  };
}

/** Whether a namespace is another one, or lies within it. */
export function isWithin(ns: string, outer: string): boolean {
  return outer === "" || ns === outer || ns.startsWith(outer + LEVEL);
}

/** Whether a namespace lies within a task's. */
export function isInside(ns: string, task: { readonly ns: string; readonly taskId: string }) {
  const rest = task.ns === "" ? ns : ns.startsWith(task.ns + LEVEL) && ns.slice(task.ns.length + 1);
  if (rest === false) return false;
  const [first] = rest.split(LEVEL);
  return first?.slice(first.lastIndexOf(TASK) + 1) === task.taskId && first.includes(TASK);
}

/** What a task path names, as LangGraph hands it to `putWrites`. */
export type TaskPath =
  | { readonly kind: "pull"; readonly node: string }
  /** The node's name stands in the checkpoint's list of `Send`s. */
  | { readonly kind: "push"; readonly index: number }
  | { readonly kind: "task"; readonly parent: string };

const PULL = "~__pregel_pull, ";
const PUSH = "~__pregel_push, ";
const SEND = /^~__pregel_push, (\d+), 0000000000$/;
/** A node that handles another one's error. */
const HANDLER = /^(.*), node_error_handler, \d+$/s;
const CALL = /^~__pregel_push, ~(.*), \d+, 0000000001$/s;

/** `undefined` for what is no node: the input, a command, LangGraph's own bookkeeping. */
export function parseTaskPath(taskPath: string): TaskPath | undefined {
  if (taskPath.startsWith(PULL)) {
    const name = taskPath.slice(PULL.length);
    const handled = HANDLER.exec(name)?.[1];
    const node = handled === undefined ? name : `__error_handler__${handled}`;
    return isHidden(node) ? undefined : { kind: "pull", node };
  }
  if (!taskPath.startsWith(PUSH)) return undefined;
  const send = SEND.exec(taskPath);
  if (send !== null) return { kind: "push", index: Number(send[1]) };
  const call = CALL.exec(taskPath);
  if (call === null) return undefined;
  const parent = parseTaskPath(`~${call[1]}`);
  return { kind: "task", parent: parent?.kind === "pull" ? parent.node : "" };
}

/** The node that LangGraph itself puts before the first one. */
export function isHidden(node: string): boolean {
  return node === "__start__";
}

/** Channels that LangGraph makes for itself. */
export function isInternal(channel: string): boolean {
  return (
    channel.startsWith("__") || channel.startsWith("branch:to:") || channel.startsWith("join:")
  );
}

/** Whether a state names nodes that run next. */
export function goesOn(values: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(values).some(
    ([channel, value]) =>
      channel === "__start__" ||
      channel.startsWith("branch:to:") ||
      (channel === "__pregel_tasks" && Array.isArray(value) && value.length > 0),
  );
}

export function joinPath(ns: string, node: string): string {
  const path = nodePathOf(ns);
  return path === "" ? node : `${path}/${node}`;
}
