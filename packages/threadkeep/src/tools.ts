import type { NodeRun } from "@threadkeep/core";

/**
 * Tools that a node asked for, or that answered, in what it returned, each once. A subgraph returns the
 * messages that it was given, too: they are not its own.
 */
export function toolNames({ input, output }: Pick<NodeRun, "input" | "output">): string[] {
  const given = new Set(messagesIn(input).map(({ id }) => id));
  const names = new Set<string>();
  for (const message of messagesIn(output)) {
    if (message.id !== undefined && given.has(message.id)) continue;
    for (const call of callsOf(message)) names.add(`→ ${call.name}`);
    if (message.type === "tool") names.add(`← ${message.name ?? message.tool_call_id ?? "tool"}`);
  }
  return [...names];
}

/** What is read of a message, of whatever copy of LangChain's classes. */
interface MessageLike {
  readonly type: string;
  readonly id?: string;
  readonly name?: string;
  readonly tool_call_id?: string;
  readonly tool_calls?: unknown;
}

export interface CallLike {
  readonly name: string;
  readonly args: unknown;
  readonly id: string | undefined;
  /** Why the model's call could not be read. */
  readonly error: string | undefined;
}

/** The tool calls of a message, those that could not be read behind the others. */
export function callsOf(message: object): CallLike[] {
  const { tool_calls, invalid_tool_calls } = message as Record<string, unknown>;
  return [...listOf(tool_calls), ...listOf(invalid_tool_calls)].map((call) => {
    const { name, args, id, error } = (call ?? {}) as Record<string, unknown>;
    return {
      name: typeof name === "string" ? name : "?",
      args,
      id: typeof id === "string" ? id : undefined,
      error: typeof error === "string" ? error : undefined,
    };
  });
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Messages that a node's input or output is, or that stand in a channel of it, or in a list there. */
function messagesIn(value: unknown): MessageLike[] {
  const channels = isObject(value) && !isMessage(value) ? Object.values(value) : [value];
  return channels.flat().filter(isMessage);
}

const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isMessage = (value: unknown): value is MessageLike =>
  isObject(value) && "content" in value && "type" in value && typeof value.type === "string";
