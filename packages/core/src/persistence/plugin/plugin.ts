import { randomUUID } from "node:crypto";
import type { ToolMessage } from "@langchain/core/messages";
import type { RunnableConfig } from "@langchain/core/runnables";
import { operation, StorageError } from "../../errors.js";
import { MessageText } from "../../history/message-text.js";
import { optionalOwnerOf } from "../../sessions/owner-query.js";
import { Transcript } from "../../sessions/transcript.js";
import type { ValueClass } from "../../state/classes.js";
import { checkId, checkObject } from "../../storage/ids.js";
import { isOf } from "../../storage/owners.js";
import type { Owner, Storage } from "../../storage/storage.js";
import { checkChoice, checkWhole } from "../check.js";
import { CHECKPOINTER_KEY } from "../graph.js";
import { type ChainKeys, ChainRecording } from "./chain.js";
import { GraphRecording } from "./graph.js";
import {
  type ModelRequestLike,
  recordModelCall,
  recordToolCall,
  type ToolErrors,
  type ToolRequestLike,
} from "./middleware.js";
import { configAround, type HistoryMode, PluginRuns } from "./run.js";
import { RecordedRunnable, type Wrappable, type Wrapped } from "./wrap.js";

/** Options of `persistence.plugin`. */
export interface PluginOptions extends Owner {
  /** The session that runs are recorded in which name no `thread_id`. Default: a new one. */
  readonly sessionId?: string;
  /**
   * When the stored conversation is put before what the model is given. Default: `auto`, where no
   * checkpointer keeps the conversation.
   */
  readonly history?: HistoryMode;
  /** How many turns of it, a turn being a message of the user's and what follows. Default: all. */
  readonly lastTurns?: number;
  /** Title of the sessions that the plugin makes. */
  readonly title?: string;
  /**
   * `reply`, the default: the model is told of a tool's error, as `createAgent` does by itself.
   * `throw`: the run fails, as `createAgent` does where a middleware has a `wrapToolCall` hook.
   */
  readonly toolErrors?: ToolErrors;
}

/** What a plugin records with. */
export interface PluginHost {
  readonly storage: Storage;
  /** The channel that holds the conversation. */
  readonly messagesKey: string;
  readonly classes: readonly ValueClass[] | undefined;
  readonly clock: () => number;
  readonly sessions: { get(id: string): Promise<unknown> };
}

const BRAND: unique symbol = Symbol.for("AgentMiddleware") as never;

/**
 * Records conversations: a middleware for `createAgent`, and a wrapper for graphs and chains. What the
 * user said is recorded before the model is called, the answers and the tools' results when they are
 * there, of an answer that was stopped what had arrived; each message once. It adds no superstep.
 *
 * A run is recorded in the session that its `thread_id` names, else in the plugin's own one at its
 * start. Concurrent runs do not touch each other. In `middleware` it stands first.
 *
 * Where recording fails, the run fails with a `StorageError`; from `createAgent` it comes as the
 * `cause` of LangChain's `MiddlewareError`. A session that is deleted during a run stays deleted.
 *
 * @example
 * ```ts
 * const plugin = persistence.plugin({ userId: "ada" });
 * const agent = createAgent({ model, tools, middleware: [plugin] });
 * await agent.invoke({ messages: ["hello"] }, plugin.config);
 * const { messages } = await persistence.messages(plugin.sessionId);
 * ```
 */
export class SessionPlugin {
  readonly name: string = "threadkeep";
  readonly [BRAND] = true;
  /** Tells LangChain's types that the plugin adds nothing to an agent's state. */
  declare readonly "~middlewareTypes"?: {
    Schema: undefined;
    ContextSchema: undefined;
    FullContext: unknown;
    Tools: readonly [];
    StreamTransformers: readonly [];
  };
  /** Whose conversations these are, as far as the options say. */
  readonly owner: Owner;
  /** The hook around a model call. */
  readonly wrapModelCall: <R extends ModelRequestLike, A>(
    request: R,
    handler: (request: R) => A | Promise<A>,
  ) => Promise<A>;
  /** The hook around a tool call. */
  readonly wrapToolCall: <R extends ToolRequestLike, A>(
    request: R,
    handler: (request: R) => A | Promise<A>,
  ) => Promise<A | ToolMessage>;
  readonly #host: PluginHost;
  readonly #runs: PluginRuns;
  readonly #underWay = new Set<Promise<unknown>>();
  #sessionId: string;

  constructor(host: PluginHost, options: PluginOptions = {}) {
    checkObject("plugin", "the options", options);
    const { sessionId, history, lastTurns, title, toolErrors, ...others } = options;
    const owner = optionalOwnerOf("plugin", others);
    checkChoice("plugin", "history", history, ["auto", "always", "never"]);
    checkChoice("plugin", "toolErrors", toolErrors, ["reply", "throw"]);
    checkWhole("plugin", "lastTurns", lastTurns);
    this.owner = owner;
    this.#host = host;
    this.#sessionId =
      sessionId === undefined ? randomUUID() : checkId("plugin", "sessionId", sessionId);
    const transcript = new Transcript(host.storage, new MessageText(host.classes), host.clock);
    const settings = { transcript, owner, history: history ?? "auto", lastTurns, title } as const;
    this.#runs = new PluginRuns(settings, () => this.#sessionId);
    this.wrapModelCall = (request, handler) =>
      this.#track(recordModelCall(this.#runs, request, handler));
    this.wrapToolCall = (request, handler) =>
      this.#track(recordToolCall(this.#runs, toolErrors ?? "reply", request, handler));
  }

  /** The session that runs are recorded in which name none. */
  get sessionId(): string {
    return this.#sessionId;
  }

  /** A config to run graphs with: the session as `thread_id`, and its owner. */
  get config(): RunnableConfig & { configurable: Record<string, string> } {
    const { userId, tenantId, agentId } = this.owner;
    const owner = { user_id: userId, tenant_id: tenantId, agent_id: agentId };
    const known = Object.entries(owner).filter(([, id]) => id !== undefined);
    return { configurable: { thread_id: this.#sessionId, ...Object.fromEntries(known) } };
  }

  /**
   * Goes on in another session. A run under way stays in the session where it began.
   * @throws StorageError `NOT_FOUND`
   */
  async switch(sessionId: string): Promise<void> {
    await operation("switch", async () => {
      checkId("switch", "sessionId", sessionId);
      if ((await this.#host.sessions.get(sessionId)) === undefined) {
        const place = `session ${JSON.stringify(sessionId)}`;
        throw new StorageError("NOT_FOUND", "switch", `${place} does not exist`);
      }
    });
    this.#sessionId = sessionId;
  }

  /**
   * Goes on in a session, if it is one of the plugin's owner.
   * @param storedId the id under which it stands, whatever its owner calls it
   * @internal
   */
  async follow(storedId: string): Promise<void> {
    const session = await this.#host.storage.session(storedId);
    if (session !== undefined && isOf(session.guard.owner, this.owner))
      this.#sessionId = session.id;
  }

  /**
   * A graph or chain whose runs are recorded. With a graph, the messages of the input and those that
   * its nodes return are recorded; with a chain, see {@link ChainKeys}, the input, the answer, and the
   * results of tools. The stored conversation is put before the input's messages where no checkpointer keeps it.
   */
  wrap<R extends Wrappable>(runnable: R, keys: ChainKeys = {}): Wrapped<R> {
    const graph = graphOf(runnable);
    const recorded = new RecordedRunnable(runnable, graph !== undefined, (given) => {
      const config = configAround(given);
      const run = this.#runs.begin(config);
      return graph === undefined
        ? new ChainRecording(run, given?.signal, keys)
        : new GraphRecording(run, given?.signal, this.#host.messagesKey, hasState(graph, config));
    });
    return recorded as unknown as Wrapped<R>;
  }

  /**
   * Resolves when the hooks under way have ended: LangGraph does not wait for what a run that was
   * aborted still has to record.
   */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    const forget = () => this.#underWay.delete(work);
    work.then(forget, forget);
    return work;
  }
}

/** The compiled graph, where it is one, or an agent of `createAgent`. */
function graphOf(runnable: object): { checkpointer?: unknown } | undefined {
  const { graph = runnable } = runnable as { graph?: object };
  return (graph as { lg_is_pregel?: unknown }).lg_is_pregel === true ? graph : undefined;
}

function hasState(graph: { checkpointer?: unknown }, config: RunnableConfig): boolean {
  if (graph.checkpointer === false) return false;
  return Boolean(config.configurable?.[CHECKPOINTER_KEY] ?? graph.checkpointer);
}
