import type { Serialized } from "@langchain/core/load/serializable";
import type { BaseMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { isCommand } from "@langchain/langgraph";
import { coerced, entriesOf, identifyResult, messagesOf } from "./messages.js";
import { noted } from "./middleware.js";
import { Recording } from "./recording.js";
import type { PluginRun } from "./run.js";

/** A run of a compiled graph that keeps its conversation in a channel. */
export class GraphRecording extends Recording {
  readonly #messagesKey: string;
  readonly #hasState: boolean;
  /** The graph's own run. */
  #root: string | undefined;
  /** The conversation that each node under way reads. */
  readonly #nodes = new Map<string, readonly BaseMessage[]>();

  constructor(
    run: PluginRun,
    signal: AbortSignal | undefined,
    messagesKey: string,
    hasState: boolean,
  ) {
    super(run, signal);
    this.#messagesKey = messagesKey;
    this.#hasState = hasState;
  }

  async begin(input: unknown): Promise<unknown> {
    if (typeof input !== "object" || input === null) return input;
    const key = this.#messagesKey;
    if (isCommand(input)) {
      await this.record(entriesOf(messagesOf(input, key)));
      return input;
    }
    const given = (input as Record<string, unknown>)[key];
    if (given === undefined && this.#hasState) return input;
    const messages = given === undefined ? [] : coerced(given);
    const history = await this.run.history(messages, this.#hasState);
    await this.record(entriesOf(messages));
    return { ...input, [key]: [...history, ...messages] };
  }

  /** The thread of the run, which is its session, and its owner. */
  override config(given: RunnableConfig | undefined): RunnableConfig {
    const { userId, tenantId, agentId } = this.run.owner;
    const owner = { user_id: userId, tenant_id: tenantId, agent_id: agentId };
    const known = Object.entries(owner).filter(([, id]) => id !== undefined);
    const configurable = {
      thread_id: this.run.sessionId,
      ...Object.fromEntries(known),
      ...given?.configurable,
    };
    return super.config({ ...given, configurable });
  }

  override async handleChainStart(
    _chain: Serialized,
    inputs: Record<string, unknown>,
    runId: string,
    parentRunId?: string,
    tags?: string[],
    metadata?: Record<string, unknown>,
    _runType?: string,
    runName?: string,
  ): Promise<void> {
    this.follow(runId, parentRunId, false);
    this.#root ??= runId;
    const isNode = parentRunId === this.#root && runName === metadata?.langgraph_node;
    if (!isNode || tags?.includes("langsmith:hidden")) return;
    const read = messagesOf(inputs, this.#messagesKey);
    this.#nodes.set(runId, read);
    const [kind] = (metadata?.langgraph_path ?? []) as unknown[];
    // A node that was sent its input may have been sent anything.
    if (kind === "__pregel_pull") await this.record(entriesOf(read));
  }

  override async handleChainEnd(outputs: unknown, runId: string): Promise<void> {
    const read = this.#nodes.get(runId);
    this.#nodes.delete(runId);
    if (read === undefined && runId !== this.#root) return;
    const output = (outputs as { output?: unknown } | undefined)?.output;
    await this.#returned([outputs, Array.isArray(output) ? output : undefined], read ?? []);
  }

  override handleChainError(_error: unknown, runId: string): void {
    this.#nodes.delete(runId);
  }

  override handleToolStart(
    _tool: Serialized,
    _input: string,
    runId: string,
    parentRunId?: string,
  ): void {
    this.follow(runId, parentRunId, true);
  }

  protected async came(): Promise<void> {
    await this.record([]);
  }

  async #returned(output: unknown, read: readonly BaseMessage[]): Promise<void> {
    const messages = messagesOf(output, this.#messagesKey);
    for (const message of messages) identifyResult(message, read);
    this.collect();
    await this.record(entriesOf(messages).map((entry) => noted(entry, this.calls)));
  }
}
