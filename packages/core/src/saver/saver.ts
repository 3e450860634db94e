import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointTuple,
  type DeltaChannelHistory,
  type PendingWrite,
  type SerializerProtocol,
} from "@langchain/langgraph-checkpoint";
import { operation, StorageError } from "../errors.js";
import type { RecorderContext } from "../nodes/context.js";
import type { NodeRun } from "../nodes/node-run.js";
import { goesOn } from "../nodes/paths.js";
import { Recorder, type StoreRun } from "../nodes/recorder.js";
import type { Tree } from "../state/tree.js";
import { checkId } from "../storage/ids.js";
import { isOfAnotherTenant } from "../storage/owners.js";
import type { Storage } from "../storage/storage.js";
import { checkConfig, ownerOf, placeOf } from "./config.js";
import { deltaHistory } from "./delta.js";
import { isForeign } from "./foreign.js";
import { internalsOf, optionsWith, type SaverOptions } from "./internals.js";
import { listTuples } from "./list.js";
import { again } from "./loader.js";
import {
  copyThread,
  deleteForRuns,
  type PruneOptions,
  type PruneReport,
  prune,
} from "./maintenance.js";
import { recallRuns, storeRun } from "./node-runs.js";
import { putCheckpoint, putWrites } from "./put.js";
import { checkNodeRunQuery, type NodeRunQuery, readNodeRuns } from "./read-node-runs.js";
import { beginRun, type RunState } from "./run.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";
import { readTuple } from "./tuples.js";
import { nextVersion } from "./versions.js";

export type { SaverOptions } from "./internals.js";

/** What a saver knows of its threads: for the rooms above. */
export let threadsOf: (saver: StorageSaver) => Threads;

/** A saver over a view of the same storage: they share options, memory, and what watches runs. */
export let viewOf: (saver: StorageSaver, storage: Storage, name: string) => StorageSaver;

/**
 * LangGraph's checkpoint saver over any {@link Storage}. The backends' savers (`MemorySaver`,
 * `SqliteSaver`, …) are this class with a storage of their own.
 *
 * Every method rejects with a `StorageError`. Values are copied before the first `await`, so a
 * node may change its state while a `put` is still under way.
 */
export class StorageSaver extends BaseCheckpointSaver {
  /** The records behind the saver. */
  readonly storage: Storage;
  readonly #threads: Threads;
  readonly #recorders: RecorderContext | undefined;

  static {
    threadsOf = (saver) => saver.#threads;
    viewOf = (saver, storage, name) => {
      const internals = {
        threads: saver.#threads.viewed(storage, name),
        recorders: saver.#recorders,
      };
      return new StorageSaver(storage, saver.serde, optionsWith(internals));
    };
  }

  /** @param serde sees every stored text as plain JSON data; for encryption or compression */
  constructor(storage: Storage, serde?: SerializerProtocol, options: SaverOptions = {}) {
    super(serde);
    this.storage = storage;
    const { threads, recorders } = internalsOf(storage, serde, options);
    this.#threads = threads;
    this.#recorders = recorders;
  }

  /** Makes or verifies the tables. Optional: the first call does it. */
  async setup(): Promise<void> {
    await operation("setup", () => this.storage.setup());
  }

  /** Closes what the saver opened itself; a database or pool that was passed in stays open. */
  async end(): Promise<void> {
    await this.storage.close();
  }

  /** Forgets everything held in memory. Costs speed only; meant for measurements. */
  dropCaches(): void {
    this.#threads.dropCaches();
  }

  /**
   * The checkpoint of `configurable.checkpoint_id`, or the newest one of the namespace, with its
   * pending writes in LangGraph's order. Every call returns objects of its own.
   * @returns `undefined` where there is none, or `thread_id` is missing
   */
  // Not `async`: a run is recognised before LangGraph's first own `await`.
  override getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    return operation("getTuple", () => this.#getTuple(config));
  }

  async #getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    checkConfig("getTuple", "config", config);
    if (config.configurable?.thread_id === undefined) return undefined;
    const { threadId, ns, checkpointId } = placeOf("getTuple", config);
    const owner = ownerOf("getTuple", config);
    const thread = this.#threads.get(threadId);
    const run = this.#beginRun(config, thread, ns);
    return again(async () => {
      const stored = await this.storage.checkpoint(threadId, ns, checkpointId);
      if (run?.isNew) run.found(stored?.guard ?? (await thread.currentGuard()));
      if (stored === undefined || isOfAnotherTenant(stored.guard.owner, owner)) return undefined;
      thread.sawGuard(stored.guard);
      if (stored.checkpoint.tombstone && checkpointId === undefined) return undefined;
      const { tuple, state } = await readTuple(this.#threads, stored);
      if (run !== undefined) await this.#hand(run, threadId, ns, tuple, state);
      return tuple;
    });
  }

  /** Before the first `await`: what is put into the context then holds for the whole run. */
  #beginRun(config: RunnableConfig, thread: Thread, ns: string): RunState | undefined {
    const recorders = this.#recorders;
    const { clock } = this.#threads;
    const store: StoreRun = (execution, frame) => storeRun(thread, execution, frame);
    const place = { threadId: thread.id, ns };
    const record = () => recorders && new Recorder(place, thread.log, clock, store);
    const run = beginRun(config, thread, record);
    // Only a run's own config has `interrupt`: reading a state enters nobody's context.
    if (run?.recorder !== undefined && "interrupt" in config) recorders?.enter(run.recorder, ns);
    return run;
  }

  async #hand(run: RunState, threadId: string, ns: string, tuple: CheckpointTuple, state: Tree) {
    const { id, channel_values, channel_versions } = tuple.checkpoint;
    const values = { ...channel_values };
    run.hand(ns, { checkpointId: id, values, versions: { ...channel_versions }, state });
    const { recorder } = run;
    if (recorder === undefined) return;
    recorder.sawCheckpoint(ns, { checkpointId: id, step: tuple.metadata?.step, values });
    const wasBegun = tuple.pendingWrites?.length || goesOn(values);
    if (wasBegun) await recallRuns(recorder, this.storage, threadId, ns, tuple);
  }

  /**
   * Checkpoints, newest first: of a thread, or of all where `thread_id` is missing; of a
   * namespace, or of all where `checkpoint_ns` is missing. Read a page at a time.
   * @param options `before`: only older ones; `filter`: metadata fields that must be equal;
   * `limit`: at most so many, 0 for none
   */
  override async *list(
    config: RunnableConfig,
    options: CheckpointListOptions = {},
  ): AsyncGenerator<CheckpointTuple> {
    try {
      yield* listTuples(this.#threads, config, options);
    } catch (error) {
      throw error instanceof StorageError ? error.of("list") : error;
    }
  }

  /**
   * Stores a checkpoint, all or nothing; once it resolves, it is durable. The parent is
   * `configurable.checkpoint_id`. A checkpoint of the same id is replaced.
   * @throws StorageError `NOT_SERIALIZABLE` naming the path of a value that cannot be stored
   * exactly; `THREAD_DELETED` in a run that began before `deleteThread`
   */
  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions?: ChannelVersions,
  ): Promise<RunnableConfig> {
    return operation("put", () =>
      putCheckpoint(this.#threads, config, checkpoint, metadata, newVersions),
    );
  }

  /**
   * Stores pending writes of a task, all or nothing. Of a write that came before the first one
   * stays, but errors, interrupts, resumes and scheduling are replaced. May come before its
   * checkpoint.
   * @param taskPath decides the order in which the writes are applied later
   */
  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
    taskPath = "",
  ): Promise<void> {
    return operation("putWrites", () => putWrites(this.#threads, config, writes, taskId, taskPath));
  }

  /**
   * The executions of a thread's nodes, newest first: path, input, output, status, times. Nothing but
   * the checkpointer is needed for them to be recorded.
   * @throws StorageError `INVALID_ARGUMENT` for a missing `thread_id` or a wrong limit
   *
   * @example
   * ```ts
   * const [last] = await saver.listNodeRuns({ configurable: { thread_id: "1" } }, { nodePath: "sub/plan", limit: 1 });
   * console.log(last?.status, last?.input);
   * ```
   */
  async listNodeRuns(config: RunnableConfig, query: NodeRunQuery = {}): Promise<NodeRun[]> {
    return operation("listNodeRuns", async () => {
      const { threadId } = placeOf("listNodeRuns", config);
      const checked = checkNodeRunQuery(query);
      if (await isForeign(this.storage, "listNodeRuns", config)) return [];
      return readNodeRuns(this.#threads, threadId, checked);
    });
  }

  /**
   * Deletes a thread with all it holds, in every namespace, its chat history included. A run that
   * began before cannot bring it back; one that begins after it starts fresh.
   */
  override async deleteThread(threadId: string): Promise<void> {
    await operation("deleteThread", () =>
      this.#threads.get(checkId("deleteThread", "thread_id", threadId)).delete(),
    );
  }

  /** The next version of a channel: a number that grows and that no other branch uses. */
  override getNextVersion(current: number | undefined): number {
    return nextVersion(current);
  }

  /**
   * What each channel is rebuilt from, see LangGraph's `DeltaChannel`: in two statements, however
   * long the thread is.
   */
  override async getDeltaChannelHistory(options: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    return operation("getDeltaChannelHistory", () => this.#deltaHistory(options));
  }

  async #deltaHistory(options: {
    config: RunnableConfig;
    channels: string[];
  }): Promise<Record<string, DeltaChannelHistory>> {
    const { channels } = options;
    if (channels.length === 0) return {};
    const { threadId, ns, checkpointId } = placeOf("getDeltaChannelHistory", options.config);
    const { config } = options;
    const id =
      checkpointId ?? (await this.storage.checkpoint(threadId, ns, undefined))?.checkpoint.id;
    if (id === undefined || (await isForeign(this.storage, "getDeltaChannelHistory", config))) {
      return Object.fromEntries(channels.map((channel) => [channel, { writes: [] }]));
    }
    const thread = this.#threads.get(threadId);
    const history = await deltaHistory(this.#threads, thread, ns, id, channels);
    this.#threads.used(thread);
    return history;
  }

  /**
   * Copies a thread with all its checkpoints, branches, writes and messages, inside the database.
   * @throws StorageError `NOT_FOUND` where the source has nothing, `ALREADY_EXISTS` where the
   * target has something
   */
  async copyThread(sourceThreadId: string, targetThreadId: string): Promise<void> {
    await operation("copyThread", () =>
      copyThread(
        this.storage,
        checkId("copyThread", "sourceThreadId", sourceThreadId),
        checkId("copyThread", "targetThreadId", targetThreadId),
      ),
    );
  }

  /**
   * Removes old checkpoints of threads, and the items that nothing refers to any more. Of each
   * namespace the newest `keepLast` stay, and the ancestors that their DeltaChannels are rebuilt
   * from. Safe beside running writers. Unknown threads are passed over.
   */
  async prune(threadIds: readonly string[], options: PruneOptions = {}): Promise<PruneReport> {
    for (const id of threadIds) checkId("prune", "thread_id", id);
    return operation("prune", () => prune(this.#threads, threadIds, options));
  }

  /**
   * Removes the checkpoints that runs made, where a run id was given in the metadata or in
   * `configurable.run_id`; those that other checkpoints' DeltaChannels are rebuilt from stay.
   */
  async deleteForRuns(runIds: readonly string[]): Promise<PruneReport> {
    for (const id of runIds) checkId("deleteForRuns", "run_id", id);
    return operation("deleteForRuns", () => deleteForRuns(this.#threads, runIds));
  }
}
