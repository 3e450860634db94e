import { type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { isGraphBubbleUp } from "@langchain/langgraph";
import { StorageError } from "../../errors.js";
import type { Entry } from "../../sessions/transcript.js";
import { entriesOf, identifyResult, messagesOf, promptsOf } from "./messages.js";
import { type EndedCall, ModelWatch, watching } from "./model.js";
import { type HookRuntime, keepsState, type PluginRun, type PluginRuns } from "./run.js";

/** What `createAgent` gives to `wrapModelCall`. */
export interface ModelRequestLike {
  messages: BaseMessage[];
  systemMessage?: BaseMessage;
  runtime: HookRuntime;
}

/** What `createAgent` gives to `wrapToolCall`. */
export interface ToolRequestLike {
  toolCall: { id?: string; name: string };
  state: { messages: BaseMessage[] };
  runtime: HookRuntime;
}

/** What becomes of a tool's error. */
export type ToolErrors = "reply" | "throw";

/** A system prompt may be made behind the plugin: what the model is asked tells. */
class HookWatch extends ModelWatch {
  readonly #run: PluginRun;

  constructor(run: PluginRun, signal: AbortSignal | undefined) {
    super(run.clock, signal);
    this.#run = run;
  }

  protected override asks(messages: readonly BaseMessage[]): Promise<void> {
    return this.#run.record(promptsOf(messages));
  }
}

/** Records the conversation, calls the model, records its answer or what arrived of it. */
export async function recordModelCall<R extends ModelRequestLike, A>(
  runs: PluginRuns,
  request: R,
  handler: (request: R) => A | Promise<A>,
): Promise<A> {
  const run = runs.of(request.runtime);
  const { systemMessage, messages } = request;
  const history = await run.history(messages, keepsState(request.runtime));
  const prompts = systemMessage === undefined || systemMessage.text === "" ? [] : [systemMessage];
  await run.record([...promptsOf(prompts), ...entriesOf(messages)]);
  const watch = new HookWatch(run, request.runtime.signal);
  const asked =
    history.length === 0 ? request : { ...request, messages: [...history, ...messages] };
  let answer: A;
  try {
    answer = await watching(watch, () => handler(asked));
  } catch (error) {
    watch.close(error);
    const calls = watch.take();
    await recordBeside(error, () => run.record(saidIn(calls), recordsOf(calls)));
    throw error;
  }
  const calls = watch.take();
  const said = entriesOf(messagesOf(answer, "messages"));
  await run.record(
    [...partsOf(calls), ...said.map((entry) => noted(entry, calls))],
    recordsOf(calls),
  );
  return answer;
}

/** Calls the tool and records its result; where it asks a human, there is none yet. */
export async function recordToolCall<R extends ToolRequestLike, A>(
  runs: PluginRuns,
  toolErrors: ToolErrors,
  request: R,
  handler: (request: R) => A | Promise<A>,
): Promise<A | ToolMessage> {
  const run = runs.of(request.runtime);
  let result: A | ToolMessage;
  try {
    result = await handler(request);
  } catch (error) {
    const isFinal = isGraphBubbleUp(error) || request.runtime.signal?.aborted === true;
    if (isFinal || toolErrors === "throw") throw error;
    result = replyTo(request, error);
  }
  const messages = messagesOf(result, "messages");
  for (const message of messages) identifyResult(message, request.state.messages);
  await run.record(entriesOf(messages));
  return result;
}

/** What an agent without a `wrapToolCall` hook would have told the model of a tool's error. */
function replyTo({ toolCall }: ToolRequestLike, error: unknown): ToolMessage {
  const isBadInput = (error as { "~brand"?: unknown })?.["~brand"] === "ToolInvocationError";
  return new ToolMessage({
    content: isBadInput ? (error as Error).message : `${error}\n Please fix your mistakes.`,
    tool_call_id: toolCall.id ?? "",
    name: toolCall.name,
    status: "error",
  });
}

export const recordsOf = (calls: readonly EndedCall[]) => calls.map(({ record }) => record);

/** All answers, and what arrived of those that were not finished. */
export const saidIn = (calls: readonly EndedCall[]): Entry[] =>
  calls.flatMap(({ entry }) => (entry === undefined ? [] : [entry]));

/** What arrived of answers that were not finished. */
export const partsOf = (calls: readonly EndedCall[]): Entry[] =>
  saidIn(calls.filter(({ record }) => record.status !== "ok"));

/** A message with what is known of the call that it answers. */
export function noted(entry: Entry, calls: readonly EndedCall[]): Entry {
  const call = calls.find(({ record }) => record.messageId === entry.message.id);
  const metadata = call?.entry?.metadata;
  return metadata === undefined ? entry : { ...entry, metadata };
}

/**
 * Records what is left of something that failed.
 * @throws AggregateError where that fails too, with both errors; or only the first one, where it is the storage's already
 */
export async function recordBeside(error: unknown, record: () => Promise<void>): Promise<void> {
  try {
    await record();
  } catch (other) {
    if (error === undefined) throw other;
    if (error instanceof StorageError) throw error;
    throw new AggregateError([error, other], `${other}, after ${error}`);
  }
}
