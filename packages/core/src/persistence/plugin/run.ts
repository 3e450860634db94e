import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { ownerOf } from "../../saver/config.js";
import type { Entry, OpenTranscript, Transcript } from "../../sessions/transcript.js";
import { checkId } from "../../storage/ids.js";
import type { MessageRecord, ModelCallRecord, Owner } from "../../storage/storage.js";
import { CHECKPOINTER_KEY } from "../graph.js";
import { conversationOf, readTurns } from "./history.js";

/** When the stored conversation is put before what a model is given. */
export type HistoryMode = "auto" | "always" | "never";

/** What a run of a plugin's holder goes by. */
export interface RunSettings {
  readonly transcript: Transcript;
  readonly owner: Owner;
  readonly history: HistoryMode;
  readonly lastTurns: number | undefined;
  readonly title: string | undefined;
}

/** One run: it records into the session in which it began, and into no other. */
export class PluginRun {
  readonly sessionId: string;
  readonly owner: Owner;
  readonly #settings: RunSettings;
  #opened: Promise<OpenTranscript> | undefined;
  #stored: Promise<readonly MessageRecord[]> | undefined;

  constructor(settings: RunSettings, sessionId: string, config: RunnableConfig) {
    this.#settings = settings;
    this.sessionId = sessionId;
    this.owner = { ...ownerOf("plugin", config), ...settings.owner };
  }

  get clock(): () => number {
    return this.#settings.transcript.clock;
  }

  /** The stored conversation, to stand before what a model is given; read once, before the run records. */
  async history(given: readonly BaseMessage[], hasState: boolean): Promise<BaseMessage[]> {
    const { history, transcript } = this.#settings;
    if (history === "never" || (history === "auto" && hasState)) return [];
    const opened = await this.#open();
    this.#stored ??= this.#read(opened);
    return conversationOf(transcript, this.sessionId, await this.#stored, given);
  }

  async #read(opened: OpenTranscript): Promise<readonly MessageRecord[]> {
    const { transcript, lastTurns } = this.#settings;
    const records = await readTurns(transcript, this.sessionId, lastTurns);
    await opened.verify();
    opened.saw(records);
    return records;
  }

  /** @throws StorageError, with which the run must fail */
  async record(
    entries: readonly Entry[],
    modelCalls: readonly ModelCallRecord[] = [],
  ): Promise<void> {
    if (entries.length === 0 && modelCalls.length === 0) return;
    await (await this.#open()).record(entries, modelCalls);
  }

  #open(): Promise<OpenTranscript> {
    const { transcript, title, owner } = this.#settings;
    // Another agent may take a conversation over; another user may not.
    const { agentId: _agentId, ...own } = owner;
    this.#opened ??= transcript
      .open(this.sessionId, this.owner, own, title)
      .catch((error: unknown) => {
        this.#opened = undefined;
        throw error;
      });
    return this.#opened;
  }
}

/** The session that a config names. */
export function threadOf(config: RunnableConfig | undefined): string | undefined {
  const named: unknown = config?.configurable?.thread_id;
  return named === undefined ? undefined : checkId("plugin", "thread_id", named);
}

/** What a run goes by that begins with a config, perhaps inside another run. */
export function configAround(given: RunnableConfig | undefined): RunnableConfig {
  const around: RunnableConfig | undefined = AsyncLocalStorageProviderSingleton.getRunnableConfig();
  const configurable = { ...around?.configurable, ...given?.configurable };
  return { ...around, ...given, configurable };
}

/** What a hook of a middleware is told of the run. */
export interface HookRuntime {
  readonly configurable?: Record<string, unknown> | undefined;
  readonly context?: unknown;
  readonly writer?: unknown;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a checkpointer keeps the state of the run, with the conversation in it. */
export const keepsState = ({ configurable }: HookRuntime): boolean =>
  Boolean(configurable?.[CHECKPOINTER_KEY]);

/** The runs under way, each in its session. */
export class PluginRuns {
  readonly #settings: RunSettings;
  readonly #current: () => string;
  /** By an object that LangGraph makes once per root run, then by the thread that is named. */
  readonly #runs = new WeakMap<object, Map<string, PluginRun>>();

  constructor(settings: RunSettings, current: () => string) {
    this.#settings = settings;
    this.#current = current;
  }

  begin(config: RunnableConfig): PluginRun {
    return new PluginRun(this.#settings, threadOf(config) ?? this.#current(), config);
  }

  /** The run that a hook is called in. */
  of(runtime: HookRuntime): PluginRun {
    const { configurable, context } = runtime;
    const config = { configurable, context } as RunnableConfig;
    const token = tokenOf(runtime);
    if (token === undefined) return this.begin(config);
    const runs = this.#runs.get(token) ?? new Map<string, PluginRun>();
    this.#runs.set(token, runs);
    const thread = threadOf(config) ?? "";
    const run = runs.get(thread) ?? this.begin(config);
    runs.set(thread, run);
    return run;
  }
}

function tokenOf(runtime: HookRuntime): object | undefined {
  const config = AsyncLocalStorageProviderSingleton.getRunnableConfig() as
    | { control?: unknown }
    | undefined;
  for (const token of [config?.control, runtime.writer]) {
    if ((typeof token === "object" && token !== null) || typeof token === "function") return token;
  }
  return undefined;
}
