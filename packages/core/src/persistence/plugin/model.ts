import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import {
  getContextVariable,
  registerConfigureHook,
  setContextVariable,
} from "@langchain/core/context";
import type { Serialized } from "@langchain/core/load/serializable";
import { AIMessage, type AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import type { ChatGenerationChunk, LLMResult } from "@langchain/core/outputs";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { usageOf } from "../../sessions/model-call.js";
import type { Entry } from "../../sessions/transcript.js";
import type { ModelCallRecord } from "../../storage/storage.js";
import { Arrived } from "./arrived.js";

/** A call of a model that has come to its end. */
export interface EndedCall {
  readonly record: ModelCallRecord;
  /** Its answer, or what arrived of it. */
  readonly entry: Entry | undefined;
}

interface OpenCall {
  readonly startedAt: number;
  readonly began: number;
  readonly model: string | null;
  readonly arrived: Arrived;
  /** Of a call inside a tool the answer is no part of the conversation. */
  readonly isInside: boolean;
}

type Status = ModelCallRecord["status"];

let count = 0;

/** Watches the calls of models, as a callback handler. */
export class ModelWatch extends BaseCallbackHandler {
  /** LangChain adds no second handler of the same name. */
  readonly name: string;
  override awaitHandlers = true;
  override raiseError = true;
  override ignoreChain = true;
  override ignoreAgent = true;
  override ignoreRetriever = true;
  override ignoreCustomEvent = true;
  readonly #clock: () => number;
  readonly #signal: AbortSignal | undefined;
  readonly #open = new Map<string, OpenCall>();
  #ended: EndedCall[] = [];
  #isClosed = false;

  constructor(clock: () => number, signal: AbortSignal | undefined) {
    super();
    count += 1;
    this.name = `threadkeep_plugin_${count}`;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** Called with what a model is about to be asked. */
  protected asks(_messages: readonly BaseMessage[], _isInside: boolean): Promise<void> | undefined {
    return undefined;
  }

  /** Whether the run is inside a tool's. */
  protected isInside(_parentRunId: string | undefined): boolean {
    return false;
  }

  override handleChatModelStart(
    llm: Serialized,
    messages: BaseMessage[][],
    runId: string,
    parentRunId?: string,
    extra?: Record<string, unknown>,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    this.#start(runId, parentRunId, llm, extra, metadata);
    return this.asks(messages[0] ?? [], this.isInside(parentRunId));
  }

  override handleLLMStart(
    llm: Serialized,
    _prompts: string[],
    runId: string,
    parentRunId?: string,
    extra?: Record<string, unknown>,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    this.#start(runId, parentRunId, llm, extra, metadata);
  }

  #start(
    runId: string,
    parentRunId: string | undefined,
    llm: Serialized,
    extra: Record<string, unknown> | undefined,
    metadata: Record<string, unknown> | undefined,
  ): void {
    if (this.#isClosed) return;
    const params = (extra?.invocation_params ?? {}) as Record<string, unknown>;
    const names = [params.model, params.model_name, metadata?.ls_model_name, llm.id?.at(-1)];
    const model = names.find((name) => typeof name === "string" && name !== "") ?? null;
    this.#open.set(runId, {
      startedAt: this.#clock(),
      began: performance.now(),
      model: model as string | null,
      arrived: new Arrived(),
      isInside: this.isInside(parentRunId),
    });
  }

  override handleLLMNewToken(
    token: string,
    _idx: unknown,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    fields?: { chunk?: unknown },
  ): void {
    const chunk = (fields?.chunk as ChatGenerationChunk | undefined)?.message as
      | AIMessageChunk
      | undefined;
    this.#open.get(runId)?.arrived.add(chunk ?? token);
  }

  override handleChatModelStreamEvent(event: unknown, runId: string): void {
    this.#open.get(runId)?.arrived.addEvent(event as Record<string, unknown>);
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    const call = this.#take(runId);
    if (call === undefined) return;
    const generation = output.generations[0]?.[0] as { message?: AIMessage } | undefined;
    const message = generation?.message && wholeOf(generation.message);
    const said = message?.response_metadata as Record<string, unknown> | undefined;
    const model = [said?.model_name, said?.model].find((name) => typeof name === "string");
    const counted = message?.usage_metadata ?? output.llmOutput?.tokenUsage;
    const named = { ...call, model: (model as string | undefined) ?? call.model };
    this.#end(runId, named, "ok", { message, counted });
  }

  override handleLLMError(error: unknown, runId: string): void {
    const call = this.#take(runId);
    if (call === undefined) return;
    const status = this.#signal?.aborted || isAbort(error) ? "aborted" : "error";
    this.#breakOff(runId, call, status, error);
  }

  /** Whoever called the models has gone: what comes later is not looked at. */
  close(error: unknown): void {
    this.#isClosed = true;
    for (const [runId, call] of this.#open) this.#breakOff(runId, call, "aborted", error);
    this.#open.clear();
  }

  /** What has ended since it was last asked. */
  take(): EndedCall[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  #take(runId: string): OpenCall | undefined {
    const call = this.#open.get(runId);
    this.#open.delete(runId);
    return call;
  }

  #breakOff(runId: string, call: OpenCall, status: Status, error: unknown): void {
    const message = call.arrived.message(runId);
    const { counted, toolCalls } = call.arrived;
    const noted = toolCalls.length > 0 ? { incompleteToolCalls: toolCalls } : {};
    this.#end(runId, call, status, { message, counted, error, noted });
  }

  #end(
    runId: string,
    call: OpenCall,
    status: Status,
    how: { message: AIMessage | undefined; counted: unknown; error?: unknown; noted?: object },
  ): void {
    const { model, startedAt } = call;
    const { message } = how;
    const latencyMs = Math.round(performance.now() - call.began);
    const { usage, ...tokens } = usageOf(how.counted);
    const error =
      how.error === undefined ? null : String((how.error as Error)?.message ?? how.error);
    const record: ModelCallRecord = {
      ...{ id: runId, messageId: message?.id ?? null, model, status, error },
      ...{ ...tokens, usage, latencyMs, startedAt },
    };
    const known = Object.entries({ status, model, error, ...tokens, latencyMs, modelCall: runId });
    const metadata = Object.fromEntries(known.filter(([, value]) => value !== null));
    const isPart = message !== undefined && !call.isInside;
    const entry = isPart ? { message, metadata: { ...metadata, ...how.noted } } : undefined;
    this.#ended.push({ record, entry });
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && /abort/i.test(`${error.name} ${error.constructor.name}`);
}

/** A message that came in pieces as the one that it is. */
export function wholeOf<M extends BaseMessage>(message: M): M | AIMessage {
  if (message.getType() !== "ai" || !("tool_call_chunks" in message)) return message;
  const { tool_call_chunks: _, ...fields } = message as unknown as AIMessageChunk;
  const own = Object.entries(fields).filter(([name]) => name !== "type" && !name.startsWith("lc_"));
  return new AIMessage(Object.fromEntries(own) as { content: string });
}

const VARIABLE = "threadkeep_plugin";

/** Runs what calls a model, with the watch added to the callbacks of every call in it. */
export function watching<T>(watch: ModelWatch, run: () => T): T {
  const storage = AsyncLocalStorageProviderSingleton.getInstance();
  return storage.run(storage.getStore(), () => {
    // The list of hooks is a variable of the context too: where ours is inherited, so is the hook.
    if (getContextVariable(VARIABLE) === undefined) registerConfigureHook({ contextVar: VARIABLE });
    setContextVariable(VARIABLE, watch);
    return run();
  });
}
