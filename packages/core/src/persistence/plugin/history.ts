import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { Transcript } from "../../sessions/transcript.js";
import type { MessageRecord } from "../../storage/storage.js";

const PAGE = 100;

/** The newest turns of a session, a turn being what follows a message of the user's; without `lastTurns` all. */
export async function readTurns(
  transcript: Transcript,
  sessionId: string,
  lastTurns: number | undefined,
): Promise<MessageRecord[]> {
  const { storage } = transcript;
  if (lastTurns === undefined) return storage.messages(sessionId, {});
  let read: MessageRecord[] = [];
  for (;;) {
    const starts = read.flatMap(({ role }, i) => (role === "human" ? [i] : []));
    if (starts.length >= lastTurns) {
      return lastTurns === 0 ? [] : read.slice(starts[starts.length - lastTurns]);
    }
    const before = read[0]?.position;
    const page = await storage.messages(sessionId, {
      limit: PAGE,
      ...(before === undefined ? {} : { before }),
    });
    read = [...page, ...read];
    if (page.length < PAGE) return lastTurns === 0 ? [] : fromTurn(read, lastTurns);
  }
}

function fromTurn(records: MessageRecord[], lastTurns: number): MessageRecord[] {
  const starts = records.flatMap(({ role }, i) => (role === "human" ? [i] : []));
  return records.slice(starts[Math.max(0, starts.length - lastTurns)] ?? 0);
}

/**
 * What of the stored messages a model can be given before some others: each tool call with its
 * result, no result without its call, and of an answer that broke off its text, unless another
 * answer took its place.
 */
export function conversationOf(
  transcript: Transcript,
  sessionId: string,
  records: readonly MessageRecord[],
  given: readonly BaseMessage[],
): BaseMessage[] {
  const ids = new Set(given.map(({ id }) => id).filter((id) => id !== undefined));
  const stored = records
    .filter(({ role, id }) => role !== "system" && !(id !== null && ids.has(id)))
    .filter((record, i, all) => !isBroken(record) || all[i + 1]?.role !== "ai")
    .map(({ content, position }) => transcript.text.decode("history", content, position, sessionId))
    .filter((message) => !(AIMessage.isInstance(message) && isEmpty(message)));
  return paired(stored, given);
}

function isBroken({ metadata }: MessageRecord): boolean {
  if (metadata === null) return false;
  const { status } = JSON.parse(metadata) as { status?: unknown };
  return status === "aborted" || status === "error";
}

const isEmpty = (message: AIMessage): boolean =>
  message.content.length === 0 && (message.tool_calls?.length ?? 0) === 0;

function paired(stored: readonly BaseMessage[], given: readonly BaseMessage[]): BaseMessage[] {
  const all = [...stored, ...given];
  const kept: BaseMessage[] = [];
  for (let i = 0; i < stored.length; ) {
    const message = stored[i] as BaseMessage;
    i += 1;
    if (ToolMessage.isInstance(message)) continue;
    if (!AIMessage.isInstance(message) || (message.tool_calls?.length ?? 0) === 0) {
      kept.push(message);
      continue;
    }
    const results = resultsAfter(all, i);
    const answered = withoutUnanswered(message, results);
    if (!isEmpty(answered)) kept.push(answered);
    const asked = new Set(answered.tool_calls?.map(({ id }) => id));
    for (const [id, { result, at }] of results) {
      if (asked.has(id) && at < stored.length) kept.push(result);
    }
  }
  return kept;
}

/** The results that follow a message, the last one of each call. */
function resultsAfter(
  messages: readonly BaseMessage[],
  from: number,
): Map<string, { result: ToolMessage; at: number }> {
  const results = new Map<string, { result: ToolMessage; at: number }>();
  for (let at = from; ToolMessage.isInstance(messages[at]); at += 1) {
    const result = messages[at] as ToolMessage;
    results.set(result.tool_call_id, { result, at });
  }
  return results;
}

function withoutUnanswered(message: AIMessage, results: ReadonlyMap<string, unknown>): AIMessage {
  const calls = message.tool_calls ?? [];
  const open = new Set(calls.filter(({ id }) => !results.has(id ?? "")).map(({ id }) => id));
  if (open.size === 0) return message;
  const { content } = message;
  const blocks = Array.isArray(content)
    ? content.filter((block) => !open.has((block as { id?: string }).id))
    : content;
  return new AIMessage({
    ...(message.id === undefined ? {} : { id: message.id }),
    content: blocks as string,
    tool_calls: calls.filter(({ id }) => !open.has(id)),
    response_metadata: message.response_metadata,
  });
}
