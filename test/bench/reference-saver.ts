import type { RunnableConfig } from "@langchain/core/runnables";
import {
  BaseCheckpointSaver,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  copyCheckpoint,
  type PendingWrite,
} from "@langchain/langgraph-checkpoint";

interface Entry {
  readonly checkpoint: Checkpoint;
  readonly metadata: CheckpointMetadata;
  readonly parentId: string | undefined;
}

interface Branch {
  readonly entries: Map<string, Entry>;
  newest: string | undefined;
}

interface Place {
  readonly thread_id: string;
  readonly checkpoint_ns: string;
  readonly checkpoint_id: string | undefined;
}

const placeOf = ({ configurable }: RunnableConfig): Place => ({
  thread_id: configurable?.thread_id,
  checkpoint_ns: configurable?.checkpoint_ns ?? "",
  checkpoint_id: configurable?.checkpoint_id,
});

/**
 * The floor: keeps what it is given, by reference, and copies nothing. Unfit for use, since the
 * past changes with the present; but no saver can be faster, and a chat never edits its past.
 */
export class ReferenceSaver extends BaseCheckpointSaver {
  readonly #branches = new Map<string, Branch>();
  readonly #writes = new Map<string, CheckpointPendingWrite[]>();

  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const place = placeOf(config);
    const { entries, newest } = this.#branch(place);
    const entry = entries.get(place.checkpoint_id ?? newest ?? "");
    return entry && this.#tuple(place, entry);
  }

  override async *list(
    config: RunnableConfig,
    options: CheckpointListOptions = {},
  ): AsyncGenerator<CheckpointTuple> {
    const place = placeOf(config);
    const newestFirst = [...this.#branch(place).entries.values()].reverse();
    for (const entry of newestFirst.slice(0, options.limit)) yield this.#tuple(place, entry);
  }

  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
  ): Promise<RunnableConfig> {
    const place = placeOf(config);
    const branch = this.#branch(place);
    branch.entries.set(checkpoint.id, {
      checkpoint: copyCheckpoint(checkpoint),
      metadata,
      parentId: place.checkpoint_id,
    });
    branch.newest = checkpoint.id;
    return { configurable: { ...place, checkpoint_id: checkpoint.id } };
  }

  override async putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
  ): Promise<void> {
    const key = writesKey(placeOf(config));
    const stored = this.#writes.get(key) ?? [];
    this.#writes.set(key, stored);
    for (const [channel, value] of writes) stored.push([taskId, channel, value]);
  }

  override async deleteThread(threadId: string): Promise<void> {
    for (const key of this.#branches.keys()) {
      if (key.startsWith(`${threadId}\n`)) this.#branches.delete(key);
    }
  }

  #branch({ thread_id, checkpoint_ns }: Place): Branch {
    const key = `${thread_id}\n${checkpoint_ns}`;
    const branch = this.#branches.get(key) ?? { entries: new Map(), newest: undefined };
    this.#branches.set(key, branch);
    return branch;
  }

  #tuple(place: Place, { checkpoint, metadata, parentId }: Entry): CheckpointTuple {
    const at = (checkpoint_id: string) => ({ configurable: { ...place, checkpoint_id } });
    return {
      config: at(checkpoint.id),
      checkpoint: copyCheckpoint(checkpoint),
      metadata,
      ...(parentId === undefined ? {} : { parentConfig: at(parentId) }),
      pendingWrites: this.#writes.get(writesKey({ ...place, checkpoint_id: checkpoint.id })) ?? [],
    };
  }
}

/** The same, and one synced insert per call: no durable saver of one commit per call is faster. */
export class CommittingReferenceSaver extends ReferenceSaver {
  readonly #commit: () => void;

  constructor(commit: () => void) {
    super();
    this.#commit = commit;
  }

  override put(...call: Parameters<ReferenceSaver["put"]>): Promise<RunnableConfig> {
    this.#commit();
    return super.put(...call);
  }

  override putWrites(...call: Parameters<ReferenceSaver["putWrites"]>): Promise<void> {
    this.#commit();
    return super.putWrites(...call);
  }
}

const writesKey = ({ thread_id, checkpoint_ns, checkpoint_id }: Place): string =>
  `${thread_id}\n${checkpoint_ns}\n${checkpoint_id}`;
