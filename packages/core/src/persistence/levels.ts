import type { BaseMessage } from "@langchain/core/messages";
import { isBaseMessage } from "@langchain/core/messages";
import { messagesStateReducer } from "@langchain/langgraph";
import { StorageError } from "../errors.js";
import { isHidden } from "../nodes/paths.js";
import { checkText, describe, invalid } from "../storage/ids.js";
import { checkChoice } from "./check.js";
import { branchTo, type Graph, graphAt } from "./graph.js";

/** A point of a graph from which it goes on (Koog: the arguments of `setExecutionPoint`). */
export interface ExecutionPoint {
  /** `node`, or `subgraph/…/node`. */
  readonly nodePath: string;
  /** `before`: the node runs next; `after`: the node has run, its successors are next. Default: `before`. */
  readonly position?: "before" | "after";
  /** Before a node: what it gets, instead of the state. */
  readonly input?: unknown;
  /** After a node: what it returned. */
  readonly output?: unknown;
  /** The conversation from then on. Default: as it is. */
  readonly messageHistory?: readonly BaseMessage[];
}

/** A graph and the node in it that the path leads through. */
export interface Level {
  readonly graph: Graph;
  readonly node: string;
}

interface PregelNode {
  readonly triggers?: readonly string[];
  readonly channels?: readonly string[] | Readonly<Record<string, unknown>>;
}

/**
 * The graphs along a node path, outermost first.
 * @throws StorageError `NOT_FOUND` naming the part that there is not
 */
export async function levelsOf(
  operation: string,
  graph: Graph,
  nodePath: string,
): Promise<Level[]> {
  const names = checkText(operation, "nodePath", nodePath).split("/");
  const levels: Level[] = [];
  for (const [i, node] of names.entries()) {
    const owner = await graphAt(graph, names.slice(0, i).join("|"));
    const own = owner && (owner.nodes as Record<string, PregelNode>)[node];
    if (owner === undefined || own === undefined || isHidden(node)) {
      const part = JSON.stringify(names.slice(0, i + 1).join("/"));
      throw new StorageError("NOT_FOUND", operation, `the graph has no node path ${part}`);
    }
    if (!own.triggers?.includes(branchTo(node))) {
      throw invalid(operation, `${JSON.stringify(node)} is no node of a state graph`);
    }
    levels.push({ graph: owner, node });
  }
  return levels;
}

/** @throws StorageError `INVALID_ARGUMENT` for what the node, or the conversation, cannot be given */
export function checkPoint(operation: string, point: ExecutionPoint, leaf: Level): void {
  const { position = "before", input, output, messageHistory } = point;
  checkChoice(operation, "position", position, ["before", "after"]);
  if (position === "after" && input !== undefined) {
    throw invalid(operation, "after a node there is no input, but an output");
  }
  if (position === "before" && output !== undefined) {
    throw invalid(operation, "before a node there is no output, but an input");
  }
  if (input !== undefined) checkInput(operation, input, leaf);
  if (messageHistory === undefined) return;
  if (!Array.isArray(messageHistory) || !messageHistory.every((one) => isBaseMessage(one))) {
    throw invalid(operation, "messageHistory must be a list of messages");
  }
}

/** Messages without an id get one, as LangGraph's reducer gives it: several graphs may hold them. */
export function withIds(point: ExecutionPoint): ExecutionPoint {
  const { messageHistory } = point;
  if (messageHistory === undefined) return point;
  return { ...point, messageHistory: messagesStateReducer([], [...messageHistory]) };
}

function checkInput(operation: string, input: unknown, { graph, node }: Level): void {
  const name = JSON.stringify(node);
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw invalid(operation, `the input of ${name} must be an object, not ${describe(input)}`);
  }
  const { channels = [] } = (graph.nodes as Record<string, PregelNode>)[node] as PregelNode;
  const known: readonly string[] = Array.isArray(channels) ? channels : Object.keys(channels);
  const stranger = Object.keys(input).find((key) => known.length > 0 && !known.includes(key));
  if (stranger === undefined) return;
  throw invalid(operation, `the input of ${name} has no field ${JSON.stringify(stranger)}`);
}
