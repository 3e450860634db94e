import type { BaseMessage } from "@langchain/core/messages";
import { StorageError } from "../errors.js";
import type { MessagePage } from "../storage/storage.js";
import { askersOf, callsOf, fitForModel } from "./tool-calls.js";

/** How many tokens messages take, as LangChain's `trimMessages` has it. */
export type TokenCounter = (messages: BaseMessage[]) => number | Promise<number>;

/** How much of the end of a conversation is wanted: what all bounds allow. */
export interface WindowBounds {
  readonly last?: number | undefined;
  readonly lastTurns?: number | undefined;
  readonly maxTokens?: number | undefined;
  readonly tokenCounter?: TokenCounter | undefined;
}

/** A message and its place in the conversation, from 1. */
export interface Placed {
  readonly position: number;
  readonly message: BaseMessage;
}

/** Reads the newest `limit` messages before a position, oldest first. */
export type ReadPage<T> = (page: Pick<MessagePage, "before" | "limit">) => Promise<T[]>;

const FIRST_STEP = 32;
const CHARS_PER_TOKEN = 4;
const TOKENS_PER_MESSAGE = 3;
const MAX_DEPTH = 16;

/** Whether a window is meant for a model, and not for somebody who pages through the conversation. */
export const isForModel = ({ lastTurns, maxTokens }: WindowBounds): boolean =>
  lastTurns !== undefined || maxTokens !== undefined;

/**
 * The end of a conversation within bounds, read backwards a step at a time: at most half as much
 * again as it takes, and further only in search of the call that a tool result answers.
 */
export async function readWindow<T extends Placed>(
  read: ReadPage<T>,
  bounds: WindowBounds,
  before?: number,
): Promise<T[]> {
  let found: T[] = [];
  let isWhole = false;
  for (;;) {
    const messages = found.map(({ message }) => message);
    const start = await windowStart(messages, isWhole, bounds);
    if (start !== undefined) return found.slice(start);
    const step = Math.max(FIRST_STEP, Math.floor(found.length / 2));
    const limit = found.length === 0 ? (bounds.last ?? step) : step;
    const until = found[0]?.position ?? before;
    const page = await read({ limit, ...(until === undefined ? {} : { before: until }) });
    isWhole = page.length < limit || page[0]?.position === 1;
    found = [...page, ...found];
  }
}

/**
 * Where the window begins; `undefined` where older messages have to be read to know. It never parts a
 * tool result from the message that asks for it.
 * @param messages the end of the conversation
 * @param isWhole whether they are all of it
 */
export async function windowStart(
  messages: readonly BaseMessage[],
  isWhole: boolean,
  bounds: WindowBounds,
): Promise<number | undefined> {
  const { maxTokens, tokenCounter = approximateTokens } = bounds;
  const fits = async (from: number) =>
    from === messages.length ||
    maxTokens === undefined ||
    (await count(tokenCounter, messages.slice(from))) <= maxTokens;
  const turns = messages.flatMap((message, i) => (message.getType() === "human" ? [i] : []));
  // The turn that the window is to begin with may be the first one, and then have more before it.
  if (!isWhole && turns.length > 0 && turns.length === bounds.lastTurns) return undefined;
  let start = boundStart(messages.length, turns, bounds);
  if (start === undefined) {
    if (!isWhole && (maxTokens === undefined || (await fits(0)))) return undefined;
    start = 0;
  }
  const first = start;
  const cuts = cutsOf(messages, isWhole);
  const widened = cuts.findLastIndex((cut) => cut <= first);
  if (widened < 0) return undefined;
  return maxTokens === undefined ? cuts[widened] : firstFitting(cuts.slice(widened), fits);
}

/**
 * By number of messages and of turns; `undefined` where neither has as many as it may. A turn begins
 * with a human message; the first one, with all that stands before it.
 */
function boundStart(
  length: number,
  turns: readonly number[],
  { last, lastTurns }: WindowBounds,
): number | undefined {
  const starts: number[] = [];
  if (last !== undefined && last <= length) starts.push(length - last);
  if (lastTurns === 0) starts.push(length);
  else if (lastTurns !== undefined && lastTurns < turns.length) {
    starts.push(turns.at(-lastTurns) as number);
  }
  return starts.length === 0 ? undefined : Math.max(...starts);
}

/**
 * Where a window may begin: nowhere between a call and the last of its results. What asks for a result
 * stands before the messages where it is not among them, unless they are the whole conversation.
 */
function cutsOf(messages: readonly BaseMessage[], isWhole: boolean): number[] {
  const { length } = messages;
  const askers = askersOf(messages);
  const cuts = [length];
  let earliest = length;
  for (let i = length - 1; i >= 0; i -= 1) {
    if (askers.has(i)) earliest = Math.min(earliest, askers.get(i) ?? (isWhole ? length : -1));
    if (i <= earliest) cuts.push(i);
  }
  return cuts.reverse();
}

/** Of a longer window no counter says less: so half of what is left is ruled out by each count. */
async function firstFitting(
  cuts: readonly number[],
  fits: (cut: number) => Promise<boolean>,
): Promise<number> {
  let low = 0;
  let high = cuts.length - 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await fits(cuts[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return cuts[low] as number;
}

async function count(counter: TokenCounter, messages: readonly BaseMessage[]): Promise<number> {
  const tokens: unknown = await counter(fitForModel(messages));
  if (typeof tokens === "number" && tokens >= 0) return tokens;
  const why = "tokenCounter must return a number, 0 or more";
  throw new StorageError("INVALID_ARGUMENT", "getMessages", why);
}

/** About 4 characters of content and tool calls a token, and 3 tokens more for each message. */
export function approximateTokens(messages: readonly BaseMessage[]): number {
  const tokens = messages.map((message) => {
    const calls =
      callsOf(message).length > 0 ? (message as { tool_calls?: unknown }).tool_calls : "";
    const chars = charsOf(message.content, 0) + charsOf(calls, 0);
    return Math.ceil(chars / CHARS_PER_TOKEN) + TOKENS_PER_MESSAGE;
  });
  return tokens.reduce((sum, one) => sum + one, 0);
}

function charsOf(value: unknown, depth: number): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return CHARS_PER_TOKEN;
  if (ArrayBuffer.isView(value)) return value.byteLength;
  return Object.values(value).reduce((sum: number, part) => sum + charsOf(part, depth + 1), 0);
}
