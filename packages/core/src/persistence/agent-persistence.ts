import type { RunnableConfig } from "@langchain/core/runnables";
import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { operation } from "../errors.js";
import type { SaverOptions, StorageSaver } from "../saver/saver.js";
import { checkId } from "../storage/ids.js";
import { OwnedStorage } from "../storage/owned-storage.js";
import { type AgentCheckpoint, readCheckpoints } from "./agent-checkpoint.js";
import { checkChoice, checkTime } from "./check.js";
import {
  type CreateOptions,
  createCheckpoint,
  deleteCheckpoint,
  findCheckpoint,
} from "./checkpoints.js";
import { Core, checkTenant, type SessionRef, sessionIdOf } from "./core.js";
import type { AnyGraph } from "./graph.js";
import { type ToolCall, ToolJournal } from "./journal.js";
import { type CheckpointQuery, listCheckpoints } from "./list-checkpoints.js";
import type { Plugins } from "./plugin/plugins.js";
import type { RollbackToolRegistry } from "./registry.js";
import {
  type Rollback,
  type RollbackOptions,
  type RollbackStrategy,
  rollbackTo,
} from "./rollback.js";
import { type RunOptions, run } from "./run.js";
import { type CheckpointData, saveCheckpoint } from "./save.js";
import { type PointOptions, setExecutionPoint } from "./set-execution-point.js";
import { createTombstone } from "./tombstone.js";

/** Options of {@link Persistence}. */
export interface PersistenceOptions extends SaverOptions {
  /** What a rollback restores. Default: `default`, everything. */
  readonly rollbackStrategy?: RollbackStrategy;
  /** Which tool takes back what another one did. Default: an empty one. */
  readonly rollbackToolRegistry?: RollbackToolRegistry;
  /** Whether `run` ends a thread with a tombstone when a run has completed. Default: `false`. */
  readonly tombstones?: boolean;
  /** The channel that holds the conversation. Default: `messages`. */
  readonly messagesKey?: string;
  /** Sees every stored text as plain JSON data; for encryption or compression. */
  readonly serde?: SerializerProtocol;
}

/** What all views of a storage have in common. */
export interface Common {
  readonly rollbackToolRegistry: RollbackToolRegistry;
  readonly plugins: Plugins;
}

/**
 * The functions of Koog's `Persistence`: checkpoints of agents, saved by hand or at every step, gone
 * back to with their tools' side effects undone, and gone on from after a crash.
 */
export class AgentPersistence {
  /** The saver to compile graphs with. */
  readonly checkpointer: StorageSaver;
  /** What a rollback restores, unless it is told otherwise. */
  rollbackStrategy: RollbackStrategy;
  /** Which tool takes back what another one did. */
  readonly rollbackToolRegistry: RollbackToolRegistry;
  protected readonly core: Core;
  readonly #journal: ToolJournal;
  readonly #tombstones: boolean;

  constructor(checkpointer: StorageSaver, options: PersistenceOptions, common: Common) {
    this.checkpointer = checkpointer;
    this.rollbackStrategy = options.rollbackStrategy ?? "default";
    this.rollbackToolRegistry = common.rollbackToolRegistry;
    this.#tombstones = options.tombstones ?? false;
    const listsSteps = options.enableAutomaticPersistence ?? true;
    this.core = new Core(checkpointer, options.messagesKey ?? "messages", listsSteps);
    this.#journal = new ToolJournal(this.core);
    const connect = this.core.storage instanceof OwnedStorage ? "connectView" : "connect";
    this.rollbackToolRegistry[connect](this.#journal, checkpointer);
  }

  /**
   * The time that checkpoints made by hand bear, in milliseconds since 1970; those of steps bear
   * LangGraph's own.
   */
  get clock(): () => number {
    return this.core.clock;
  }

  /** Makes or verifies the tables. Optional: the first call does it. */
  setup(): Promise<void> {
    return this.checkpointer.setup();
  }

  /** Closes what the storage opened itself. */
  end(): Promise<void> {
    return this.checkpointer.end();
  }

  /**
   * Keeps the state as it is, to come back to: inside a node, the state that the node reads, so that a
   * rollback runs this node again. It does not change what the thread goes on from. Atomic.
   * Of the same id and content, it is made once only.
   * @throws StorageError `ALREADY_EXISTS` for the id of a checkpoint with other content, `NOT_FOUND` where
   * there is no state, `CONFLICT` for a version that is taken, `NOT_SERIALIZABLE`
   */
  createCheckpoint(session: SessionRef, options: CreateOptions = {}): Promise<AgentCheckpoint> {
    return this.#on("createCheckpoint", session, () =>
      createCheckpoint(this.core, session, options),
    );
  }

  /**
   * Stores a checkpoint that was made elsewhere; the thread then goes on from it. One that is stored
   * already is left as it is. Atomic.
   * @param options.graph makes the state: needed unless the checkpoint is stored already
   * @throws StorageError `ALREADY_EXISTS`, `CONFLICT`, `NOT_FOUND` for an unknown node path
   */
  saveCheckpoint(
    session: SessionRef,
    data: CheckpointData,
    options: { readonly graph?: AnyGraph } = {},
  ): Promise<AgentCheckpoint> {
    return this.#on("saveCheckpoint", session, () =>
      saveCheckpoint(this.core, sessionIdOf("saveCheckpoint", session), data, options.graph),
    );
  }

  /**
   * Ends the thread: the next run starts fresh, with none of the old state, and the history stays
   * readable. Of an ended thread, the tombstone that is there. Atomic.
   * @throws StorageError `NOT_FOUND` where the thread has never run
   */
  createTombstoneCheckpoint(
    session: SessionRef,
    options: { readonly time?: Date } = {},
  ): Promise<AgentCheckpoint> {
    const name = "createTombstoneCheckpoint";
    return this.#on(name, session, async () => {
      checkTime(name, "time", options.time);
      return createTombstone(this.core, sessionIdOf(name, session), { time: options.time });
    });
  }

  /**
   * The checkpoint of a name, else of LangGraph's id, in whatever namespace.
   * @returns `undefined` where the session has none
   */
  getCheckpointById(
    session: SessionRef,
    checkpointId: string,
  ): Promise<AgentCheckpoint | undefined> {
    const name = "getCheckpointById";
    return this.#on(name, session, async () => {
      const sessionId = sessionIdOf(name, session);
      checkId(name, "checkpointId", checkpointId);
      const found = await findCheckpoint(this.core, sessionId, checkpointId);
      return (await readCheckpoints(this.core, found === undefined ? [] : [found]))[0];
    });
  }

  /**
   * Of the checkpoints that `listCheckpoints` lists, the one of the highest version, be it a tombstone;
   * `undefined` where there is none.
   */
  async getLatestCheckpoint(session: SessionRef): Promise<AgentCheckpoint | undefined> {
    const name = "getLatestCheckpoint";
    const query = { limit: 1 };
    const found = await this.#on(name, session, () =>
      listCheckpoints(this.core, sessionIdOf(name, session), query),
    );
    return found[0];
  }

  /**
   * Checkpoints, newest first: those made at every step, unless `enableAutomaticPersistence` is `false`,
   * and those made through this API.
   */
  listCheckpoints(session: SessionRef, query: CheckpointQuery = {}): Promise<AgentCheckpoint[]> {
    const name = "listCheckpoints";
    return this.#on(name, session, () =>
      listCheckpoints(this.core, sessionIdOf(name, session), query),
    );
  }

  /**
   * Removes one checkpoint, with its writes and node runs.
   * @returns whether there was one
   * @throws StorageError `IN_USE` where a later state is rebuilt from it (DeltaChannel)
   */
  deleteCheckpoint(session: SessionRef, checkpointId: string): Promise<boolean> {
    const name = "deleteCheckpoint";
    return this.#on(name, session, () => {
      checkId(name, "checkpointId", checkpointId);
      return deleteCheckpoint(this.core, sessionIdOf(name, session), checkpointId);
    });
  }

  /**
   * Goes back to a checkpoint, on whatever branch: undoes the tool calls made after it, the last one
   * first, each once; then stores a copy of it that the thread goes on from. The abandoned branch
   * stays in the history. Runs under way cannot write any more (`ROLLED_BACK`); `run` goes along
   * with it, so it may be called inside a node or a tool.
   * @throws UndoError `UNDO_FAILED`, which says what was undone and what is left: nothing else has
   * changed, and the call can be repeated
   * @throws StorageError `NOT_FOUND`, `FINISHED` for a tombstone, `GRAPH_MISMATCH`
   */
  rollbackToCheckpoint(
    session: SessionRef,
    checkpointId: string,
    options: RollbackOptions = {},
  ): Promise<Rollback> {
    const name = "rollbackToCheckpoint";
    return this.#on(name, session, async () => {
      checkId(name, "checkpointId", checkpointId);
      const strategy = options.strategy ?? this.rollbackStrategy;
      checkChoice(name, "strategy", strategy, ["default", "messageHistoryOnly"]);
      checkChoice(name, "inDoubt", options.inDoubt, ["stop", "retry", "skip"]);
      const undoing = { journal: this.#journal, registry: this.rollbackToolRegistry };
      return rollbackTo(this.core, undoing, session, checkpointId, { ...options, strategy });
    });
  }

  /**
   * Goes back to the latest checkpoint.
   * @returns `undefined` where there is none, or the thread has ended
   */
  async rollbackToLatestCheckpoint(
    session: SessionRef,
    options: RollbackOptions = {},
  ): Promise<Rollback | undefined> {
    const latest = await this.getLatestCheckpoint(session);
    if (latest === undefined || latest.tombstone) return undefined;
    return this.rollbackToCheckpoint(session, latest.checkpointId, options);
  }

  /**
   * Lets the thread go on before or after a node, with a given input or output and conversation. All
   * other state stays. Atomic; runs under way cannot write any more.
   * @throws StorageError `NOT_FOUND` for an unknown node path, `INVALID_ARGUMENT` for an input that the
   * node cannot be given, `FINISHED` for a thread that has ended
   */
  setExecutionPoint(session: SessionRef, point: PointOptions): Promise<AgentCheckpoint> {
    return this.#on("setExecutionPoint", session, () =>
      setExecutionPoint(this.core, session, point),
    );
  }

  /**
   * Runs a graph on the thread of a config. Where the last run stopped in the middle (crash, error, kill,
   * a question to a human), it goes on there and runs no finished node again. Durability is "sync" unless
   * the config says otherwise.
   * @returns what `graph.invoke` returns
   * @throws StorageError `FINISHED` under `resume: "required"` where nothing is left to run,
   * `GRAPH_MISMATCH` where the thread goes on in a node that the graph does not have
   */
  run<G extends AnyGraph>(
    graph: G,
    input: Parameters<G["invoke"]>[0],
    config: RunnableConfig | (RunnableConfig & Record<string, unknown>),
    options: RunOptions = {},
  ): ReturnType<G["invoke"]> {
    const tombstone = options.tombstone ?? this.#tombstones;
    const running = run(this.core, graph, input, config, { ...options, tombstone });
    return running as ReturnType<G["invoke"]>;
  }

  /** The calls of registered tools, in the order in which they were made, and what became of them. */
  async toolCalls(session: SessionRef): Promise<ToolCall[]> {
    const name = "toolCalls";
    return this.#on(name, session, () => this.#journal.calls(sessionIdOf(name, session)));
  }

  /** Does something with a session, unless the config that names it is another tenant's. */
  #on<T>(name: string, session: SessionRef, work: () => Promise<T>): Promise<T> {
    return operation(name, async () => {
      await checkTenant(this.core, name, session);
      return work();
    });
  }
}
