import { type BaseMessage, isBaseMessage } from "@langchain/core/messages";
import { StorageError } from "../errors.js";
import { MessageText } from "../history/message-text.js";
import {
  isForModel,
  type Placed,
  readWindow,
  type TokenCounter,
  type WindowBounds,
} from "../history/window.js";
import { again } from "../saver/loader.js";
import { StoredList } from "../saver/tail.js";
import { readTuple } from "../saver/tuples.js";
import { checkId, checkObject, checkText, describe, invalid } from "../storage/ids.js";
import type { MessagePage, MessageRecord, StoredCheckpoint } from "../storage/storage.js";
import { checkChoice, checkWhole } from "./check.js";
import type { Core } from "./core.js";
import { messagesOf } from "./messages.js";

/** Where messages stand: in the chat history, or in the conversation of the newest checkpoint. */
export type TranscriptSource = "messages" | "checkpoint";

/** Which messages of a session. */
export interface TranscriptQuery {
  /** At most so many of the newest. Default: 20, unless `lastTurns` or `maxTokens` is given. */
  readonly last?: number;
  /** Only messages before this position, as the page behind it returned it. */
  readonly before?: number;
  /** Only messages of these roles, such as `human`, `ai`, `tool`, `system`. Not of a window. */
  readonly roles?: readonly string[];
  /** Default: `messages` where the session has some there, else `checkpoint`. */
  readonly source?: TranscriptSource;
  /**
   * A window: so many of the newest turns. A turn is a human message and all until the next one. A
   * window never parts a tool result from the message that asks for it.
   */
  readonly lastTurns?: number;
  /** A window: no more tokens than this. */
  readonly maxTokens?: number;
  /** Default: about 4 characters a token, and 3 tokens more for each message. */
  readonly tokenCounter?: TokenCounter;
}

/** A message of a session, as people read it. */
export interface TranscriptMessage {
  /**
   * From 1, growing: its place in the chat history, where some may be left out, or in the conversation of
   * the checkpoint.
   */
  readonly position: number;
  readonly message: BaseMessage;
  /** LangChain's type of it: `human`, `ai`, `tool`, `system`, … */
  readonly role: string;
  /** When it was recorded; known of the chat history only. */
  readonly createdAt?: Date;
  /** What its recorder noted beside it; likewise. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface TranscriptPage {
  readonly source: TranscriptSource;
  /** Oldest first. */
  readonly messages: readonly TranscriptMessage[];
  /** Pass it on for older messages; `undefined` where there are none. */
  readonly before: number | undefined;
}

const OPERATION = "messages";
const DEFAULT_LAST = 20;
/** Of a conversation that is searched for roles, so many messages are read at once. */
const SEARCH_STEP = 64;

/** A source of messages, read from its end. */
type Read = (page: MessagePage) => Promise<TranscriptMessage[]>;

/**
 * A page of a session's messages, without loading its state: of a conversation of 10,000 messages the
 * last 20 are read, and none of the others. (A conversation in a DeltaChannel is rebuilt whole, unless
 * the newest checkpoint is a snapshot of it.)
 *
 * An ended session (tombstone) has no conversation: its page from `checkpoint` is empty, and what was
 * said stays readable in the history of checkpoints. So is the page of an unknown session.
 * @throws StorageError `INVALID_ARGUMENT`, `CORRUPT`
 *
 * @example
 * ```ts
 * let page = await persistence.messages("1", { last: 20 });
 * for (const { role, message } of page.messages) console.log(role, message.text);
 * if (page.before !== undefined) page = await persistence.messages("1", { before: page.before });
 * ```
 */
export async function readTranscript(
  core: Core,
  sessionId: string,
  query: TranscriptQuery = {},
): Promise<TranscriptPage> {
  checkId(OPERATION, "sessionId", sessionId);
  checkQuery(query);
  // Items may be removed between two statements; what is read then is read again.
  return again(async () => {
    const { source, read } = await sourceOf(core, sessionId, query.source);
    return { source, ...(await pageOf(read, query, source === "checkpoint")) };
  });
}

function checkQuery(query: TranscriptQuery): void {
  checkObject(OPERATION, "the query", query);
  const { last, before, roles, source, lastTurns, maxTokens, tokenCounter } = query;
  for (const [name, value] of Object.entries({ last, before, lastTurns, maxTokens })) {
    checkWhole(OPERATION, name, value);
  }
  checkChoice(OPERATION, "source", source, ["messages", "checkpoint"]);
  if (tokenCounter !== undefined && typeof tokenCounter !== "function") {
    throw invalid(OPERATION, `tokenCounter must be a function, not ${describe(tokenCounter)}`);
  }
  if (roles === undefined) return;
  if (!Array.isArray(roles)) throw invalid(OPERATION, "roles must be a list of strings");
  for (const [i, role] of roles.entries()) checkText(OPERATION, `roles[${i}]`, role);
  if (isForModel(query)) throw invalid(OPERATION, "a window of turns or tokens is of all roles");
}

/** @param isDense whether there is a message at every position from 1 on */
async function pageOf(read: Read, query: TranscriptQuery, isDense: boolean) {
  const { before, roles, lastTurns, maxTokens, tokenCounter } = query;
  const isWindow = isForModel(query);
  const last = query.last ?? (isWindow ? undefined : DEFAULT_LAST);
  if (last === 0 || roles?.length === 0) return { messages: [], before };
  const until = before === undefined ? {} : { before };
  const filter = roles === undefined ? {} : { roles };
  const bounds: WindowBounds = { last, lastTurns, maxTokens, tokenCounter };
  const messages = isWindow
    ? await readWindow(read, bounds, before)
    : await read({ ...until, ...filter, limit: last as number });
  const first = messages[0]?.position;
  if (first === undefined) return { messages, before: isWindow ? before : undefined };
  if (first === 1) return { messages, before: undefined };
  const isCertain = isDense && roles === undefined;
  const hasOlder = isCertain || (await read({ before: first, limit: 1, ...filter })).length > 0;
  return { messages, before: hasOlder ? first : undefined };
}

async function sourceOf(
  core: Core,
  sessionId: string,
  wanted: TranscriptSource | undefined,
): Promise<{ source: TranscriptSource; read: Read }> {
  const table = { source: "messages", read: historyOf(core, sessionId) } as const;
  if (wanted === "messages") return table;
  if (wanted === undefined && (await core.storage.messages(sessionId, { limit: 1 })).length > 0) {
    return table;
  }
  const stored = await core.storage.checkpoint(sessionId, "", undefined);
  if (stored === undefined && wanted === undefined) return table;
  return { source: "checkpoint", read: await conversationOf(core, stored) };
}

function historyOf(core: Core, sessionId: string): Read {
  const text = new MessageText(core.thread(sessionId).log.classes);
  return async (page) => {
    const records =
      page.roles === undefined
        ? await core.storage.messages(sessionId, page)
        : await searchBack(core, sessionId, page);
    return records.map((record) => ({
      position: record.position,
      message: text.decode(OPERATION, record.content, record.position, sessionId),
      role: record.role,
      createdAt: new Date(record.createdAt),
      ...metadataOf(record, sessionId),
    }));
  };
}

/** In wider and wider steps: asked for roles at once, some planners would read the whole session. */
async function searchBack(
  { storage }: Core,
  sessionId: string,
  { before, limit = Number.MAX_SAFE_INTEGER, roles = [] }: MessagePage,
): Promise<MessageRecord[]> {
  const [newest] = await storage.messages(sessionId, { limit: 1 });
  const found: MessageRecord[] = [];
  let end = Math.min((newest?.position ?? 0) + 1, before ?? Number.MAX_SAFE_INTEGER);
  for (let step = SEARCH_STEP; end > 1 && found.length < limit; step *= 2) {
    const from = Math.max(1, end - step);
    const missing = limit - found.length;
    found.unshift(
      ...(await storage.messages(sessionId, { before: end, from, limit: missing, roles })),
    );
    end = from;
  }
  return found;
}

function metadataOf({ metadata, position }: MessageRecord, sessionId: string) {
  if (metadata === null) return {};
  try {
    return { metadata: JSON.parse(metadata) as Record<string, unknown> };
  } catch (cause) {
    const place = `message ${position} of session ${JSON.stringify(sessionId)}`;
    throw new StorageError("CORRUPT", OPERATION, `the metadata of ${place}`, { cause });
  }
}

/** Elements of a conversation, by index. */
interface Elements {
  readonly length: number;
  read(from: number, to: number): Promise<unknown[]>;
}

async function conversationOf(core: Core, stored: StoredCheckpoint | undefined): Promise<Read> {
  if (stored === undefined || stored.checkpoint.tombstone) return async () => [];
  const { threads, messagesKey } = core;
  const list = (await StoredList.open(threads, stored, messagesKey)) ?? (await whole(core, stored));
  return (page) => readBack(list, page);
}

async function whole(core: Core, stored: StoredCheckpoint): Promise<Elements> {
  const { tuple } = await readTuple(core.threads, stored);
  const messages = await messagesOf(core, tuple.config, tuple.checkpoint);
  return { length: messages.length, read: async (from, to) => messages.slice(from, to) };
}

/** Elements that are no messages are passed over. */
async function readBack(list: Elements, page: MessagePage): Promise<TranscriptMessage[]> {
  const { roles, limit = list.length } = page;
  const found: TranscriptMessage[] = [];
  let end = Math.min(list.length, Math.max(0, (page.before ?? list.length + 1) - 1));
  while (end > 0 && found.length < limit) {
    const missing = limit - found.length;
    const step = roles === undefined ? missing : Math.max(missing, SEARCH_STEP);
    const from = Math.max(0, end - step);
    const elements = await list.read(from, end);
    const wanted = elements.flatMap((message, i) => placed(message, from + i + 1, roles));
    found.unshift(...wanted);
    end = from;
  }
  return limit < found.length ? found.slice(-limit) : found;
}

function placed(
  message: unknown,
  position: number,
  roles: readonly string[] | undefined,
): (Placed & { role: string })[] {
  if (!isBaseMessage(message)) return [];
  const role = message.getType();
  return roles === undefined || roles.includes(role) ? [{ position, message, role }] : [];
}
