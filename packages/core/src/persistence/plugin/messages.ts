import { createHash, randomUUID } from "node:crypto";
import {
  type BaseMessage,
  coerceMessageLikeToMessage,
  isBaseMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { isCommand } from "@langchain/langgraph";
import type { Entry } from "../../sessions/transcript.js";
import { wholeOf } from "./model.js";

/** Gives a message its id before LangGraph's reducer does, which keeps the one that is there. */
export function identify(message: BaseMessage, id: string = randomUUID()): BaseMessage {
  if (message.id === undefined || message.id === null) {
    message.id = id;
    message.lc_kwargs.id = id;
  }
  return message;
}

/** The messages of a list that can be recorded, each with an id. */
export function entriesOf(messages: readonly BaseMessage[]): Entry[] {
  return messages
    .filter((message) => message.getType() !== "remove")
    .map((message) => ({ message: wholeOf(identify(message)) }));
}

/** System prompts: as new messages, since LangChain makes some of them out of others, symbols and all. */
export const promptsOf = (messages: readonly BaseMessage[]): Entry[] =>
  messages
    .filter((message) => message.getType() === "system")
    .map(({ id, name, content }) => {
      const known = Object.entries({ id, name }).filter(([, value]) => value !== undefined);
      return { message: new SystemMessage({ ...Object.fromEntries(known), content }) };
    });

/** A message, or a list of them, in whatever shape LangChain takes. */
export function coerced(given: unknown): BaseMessage[] {
  const list = Array.isArray(given) && !isPair(given) ? given : [given];
  return list.map((message) => coerceMessageLikeToMessage(message));
}

const isPair = (given: readonly unknown[]): boolean =>
  given.length === 2 && given.every((part) => typeof part === "string");

/** The messages that a node, a tool or a hook returned, under the messages' key of its updates. */
export function messagesOf(output: unknown, key: string): BaseMessage[] {
  if (isBaseMessage(output)) return [output];
  if (isCommand(output)) return messagesOf(output.update, key);
  if (Array.isArray(output)) {
    if (typeof output[0] === "string") return output[0] === key ? messagesOf(output[1], key) : [];
    return output.flatMap((part) => messagesOf(part, key));
  }
  if (typeof output !== "object" || output === null) return [];
  return messagesOf((output as Record<string, unknown>)[key], key);
}

/**
 * Gives a tool's result an id that is the same when the call is made again with the same result:
 * after an interrupt LangGraph executes a node from its start.
 */
export function identifyResult(result: BaseMessage, conversation: readonly BaseMessage[]): void {
  if (!ToolMessage.isInstance(result) || (result.id !== undefined && result.id !== null)) return;
  const callId = result.tool_call_id;
  const asker = conversation.findLast((message) =>
    (message as { tool_calls?: { id?: string }[] }).tool_calls?.some(({ id }) => id === callId),
  );
  if (asker?.id === undefined) return;
  const { content, status = "" } = result;
  const told = JSON.stringify([asker.id, callId, content, status]);
  const hex = createHash("sha256").update(told).digest("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`];
  identify(result, [...parts, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-"));
}
