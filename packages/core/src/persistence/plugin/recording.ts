import type { CallbackManager } from "@langchain/core/callbacks/manager";
import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import type { Entry } from "../../sessions/transcript.js";
import { promptsOf } from "./messages.js";
import { partsOf, recordBeside, recordsOf, saidIn } from "./middleware.js";
import { type EndedCall, ModelWatch } from "./model.js";
import type { PluginRun } from "./run.js";

/** One run of something wrapped: what goes in, what is seen of it, what comes out. */
export abstract class Recording extends ModelWatch {
  override ignoreChain = false;
  /** To LangChain, tools are agents' business. */
  override ignoreAgent = false;
  protected readonly run: PluginRun;
  /** The calls of models that were seen to end. */
  protected readonly calls: EndedCall[] = [];
  /** Those whose rows wait for the next message. */
  #unsent: EndedCall[] = [];
  readonly #inTools = new Set<string>();
  readonly #signal: AbortSignal;
  readonly #stop: AbortController;
  #hasEnded = false;

  constructor(run: PluginRun, given: AbortSignal | undefined) {
    const stop = new AbortController();
    const signal = given === undefined ? stop.signal : AbortSignal.any([given, stop.signal]);
    super(run.clock, signal);
    this.#signal = signal;
    this.#stop = stop;
    this.run = run;
  }

  /** Records what the user says. @returns what the runnable gets */
  abstract begin(input: unknown): Promise<unknown>;

  /** Records what came out; `undefined` where the runnable's own end was seen. */
  protected abstract came(output: unknown): Promise<void>;

  /** The config of the run, which this recording watches. */
  config(given: RunnableConfig | undefined): RunnableConfig {
    const callbacks = given?.callbacks ?? ambientCallbacks();
    return { ...given, callbacks: withHandler(callbacks, this), signal: this.#signal };
  }

  protected override isInside(parentRunId: string | undefined): boolean {
    return parentRunId !== undefined && this.#inTools.has(parentRunId);
  }

  protected override asks(messages: readonly BaseMessage[], inTool: boolean) {
    return inTool ? undefined : this.run.record(promptsOf(messages));
  }

  /** To be called at the start of every run of a chain or tool. */
  protected follow(runId: string, parentRunId: string | undefined, isTool: boolean): void {
    if (isTool || this.isInside(parentRunId)) this.#inTools.add(runId);
  }

  protected collect(): void {
    const ended = this.take();
    this.calls.push(...ended);
    this.#unsent.push(...ended);
  }

  /** Records messages, and with them the calls of models that have ended. */
  protected async record(entries: readonly Entry[]): Promise<void> {
    this.collect();
    const unsent = this.#unsent;
    this.#unsent = [];
    try {
      await this.run.record([...partsOf(unsent), ...entries], recordsOf(unsent));
    } catch (error) {
      this.#unsent = [...unsent, ...this.#unsent];
      throw error;
    }
  }

  async end(output?: unknown): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.close(undefined);
    await this.came(output);
  }

  /**
   * The run failed, or nobody listens any more: keeps what arrived.
   * @param sum what came out so far, put together
   */
  async breakOff(error: unknown, sum?: unknown): Promise<void> {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.close(error);
    this.collect();
    await recordBeside(error, () => this.record(this.arrived(sum)));
  }

  /** Nobody listens any more: tells the run so, as far as it takes signals. */
  stop(): void {
    this.#stop.abort();
  }

  /** What of a run that broke off is not recorded yet. */
  protected arrived(_sum: unknown): Entry[] {
    return [];
  }

  /** Answers that have ended, the last one last. */
  protected answers(): Entry[] {
    return saidIn(this.calls.filter(({ record }) => record.status === "ok"));
  }
}

function ambientCallbacks(): RunnableConfig["callbacks"] {
  return AsyncLocalStorageProviderSingleton.getRunnableConfig()?.callbacks;
}

function withHandler(
  callbacks: RunnableConfig["callbacks"],
  handler: Recording,
): NonNullable<RunnableConfig["callbacks"]> {
  if (callbacks === undefined) return [handler];
  if (Array.isArray(callbacks)) return [...callbacks, handler];
  const manager = (callbacks as CallbackManager).copy();
  manager.addHandler(handler, true);
  return manager;
}
