import { type AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";

/** A tool call that a model asked for. */
export interface CallRef {
  readonly id: string;
  readonly name: string;
}

/** A tool call that has no result in the conversation. */
export interface DanglingCall {
  readonly call: CallRef;
  /** Index of the AI message that asks for it. */
  readonly at: number;
  /** Index behind that message and the results that follow it: where its result belongs. */
  readonly behind: number;
}

/** The calls that a message asks for; one without an id cannot be answered. */
export function callsOf(message: BaseMessage): CallRef[] {
  if (message.getType() !== "ai") return [];
  const { tool_calls: calls } = message as AIMessage;
  if (!Array.isArray(calls)) return [];
  return calls.flatMap(({ id, name }) => (typeof id === "string" ? [{ id, name }] : []));
}

/** The id of the call that a message is the result of. */
export function answeredBy(message: BaseMessage): string | undefined {
  return message.getType() === "tool" ? (message as ToolMessage).tool_call_id : undefined;
}

/**
 * For each tool result, by index, the index of the message that asks for it: the nearest one before
 * it with a call of that id, since some models count their calls anew in each answer. `undefined`
 * where there is none.
 */
export function askersOf(messages: readonly BaseMessage[]): Map<number, number | undefined> {
  const latest = new Map<string, number>();
  const askers = new Map<number, number | undefined>();
  for (const [i, message] of messages.entries()) {
    for (const { id } of callsOf(message)) latest.set(id, i);
    const id = answeredBy(message);
    if (id !== undefined) askers.set(i, latest.get(id));
  }
  return askers;
}

export function danglingCalls(messages: readonly BaseMessage[]): DanglingCall[] {
  const answered = new Set<string>();
  const keyOf = (at: number | undefined, id: string | undefined) => JSON.stringify([at, id]);
  for (const [i, at] of askersOf(messages)) {
    answered.add(keyOf(at, answeredBy(messages[i] as BaseMessage)));
  }
  return messages.flatMap((message, at) =>
    callsOf(message)
      .filter(({ id }) => !answered.has(keyOf(at, id)))
      .map((call) => ({ call, at, behind: endOfResults(messages, at) })),
  );
}

function endOfResults(messages: readonly BaseMessage[], at: number): number {
  let behind = at + 1;
  while (messages[behind]?.getType() === "tool") behind += 1;
  return behind;
}

/** The conversation with a result for each of the calls, directly behind what asks for it. */
export function withResults(
  messages: readonly BaseMessage[],
  calls: readonly DanglingCall[],
  resultOf: (dangling: DanglingCall) => BaseMessage,
): BaseMessage[] {
  if (calls.length === 0) return [...messages];
  const added = new Map<number, BaseMessage[]>();
  for (const dangling of calls) {
    const { behind } = dangling;
    added.set(behind, [...(added.get(behind) ?? []), resultOf(dangling)]);
  }
  const all = messages.flatMap((message, i) => [...(added.get(i) ?? []), message]);
  return [...all, ...(added.get(messages.length) ?? [])];
}

/** What stands for the result that a call never had. */
export function interruptedResult({ id, name }: CallRef, messageId?: string): ToolMessage {
  return new ToolMessage({
    content: `Error: the call of the tool ${JSON.stringify(name)} was interrupted and has no result.`,
    tool_call_id: id,
    name,
    status: "error",
    ...(messageId === undefined ? {} : { id: messageId }),
  });
}

/**
 * A part of a conversation as models take it: without results of calls that are not there, and with an
 * error as the result of each call that something else follows. Calls at the very end may still be
 * running, and stay as they are.
 */
export function fitForModel(messages: readonly BaseMessage[]): BaseMessage[] {
  const askers = askersOf(messages);
  const asked = messages.filter((_, i) => !askers.has(i) || askers.get(i) !== undefined);
  const passed = danglingCalls(asked).filter(({ behind }) => behind < asked.length);
  return withResults(asked, passed, ({ call }) => interruptedResult(call));
}
