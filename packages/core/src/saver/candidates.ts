import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type CheckpointTuple,
  type DeltaChannelHistory,
} from "@langchain/langgraph-checkpoint";
import { configOf } from "./tuples.js";

/**
 * Shows LangGraph checkpoints that are not stored, so that it can say which tasks they lead to. It
 * keeps nothing.
 */
export class CandidateSaver extends BaseCheckpointSaver {
  readonly #saver: BaseCheckpointSaver;
  readonly #tuples = new Map<string, CheckpointTuple>();
  readonly #originals = new Map<string, RunnableConfig>();

  /** @param saver has the checkpoints that the candidates are copies of */
  constructor(saver: BaseCheckpointSaver) {
    super();
    this.#saver = saver;
  }

  /** Takes a copy of a stored checkpoint for one with another id, in another namespace. */
  add(threadId: string, tuple: CheckpointTuple, ns: string, id: string): void {
    const checkpoint = { ...tuple.checkpoint, id };
    const config = configOf(threadId, ns, id);
    this.#tuples.set(ns, { ...tuple, config, checkpoint, pendingWrites: [] });
    this.#originals.set(ns, tuple.config);
  }

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    return this.#tuples.get(nsOf(config));
  }

  override async getDeltaChannelHistory(options: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    const config = this.#originals.get(nsOf(options.config)) ?? options.config;
    return this.#saver.getDeltaChannelHistory({ ...options, config });
  }

  override async *list(): AsyncGenerator<CheckpointTuple> {}

  override put(): Promise<RunnableConfig> {
    return refuse();
  }

  override putWrites(): Promise<void> {
    return refuse();
  }

  override deleteThread(): Promise<void> {
    return refuse();
  }
}

function nsOf(config: RunnableConfig): string {
  return (config.configurable?.checkpoint_ns as string | undefined) ?? "";
}

function refuse(): Promise<never> {
  return Promise.reject(new TypeError("a candidate is only looked at"));
}
