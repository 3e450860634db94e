import type { Range } from "./ranges.js";

/** Whose session it is. Absent fields are unknown, and stay as they are when a session is touched. */
export interface Owner {
  readonly userId?: string;
  readonly tenantId?: string;
  readonly agentId?: string;
}

/**
 * The counters of a session row. Every write to a thread moves them from the values that the
 * writer believed in, so that of two writers who believed the same only one gets through.
 */
export interface Guard {
  /** Number of the next item, from 1. */
  readonly nextItem: number;
  /** Version of the next checkpoint, from 1. */
  readonly nextVersion: number;
  /** Chosen at random when the row is made: tells a thread from its successor of the same id. */
  readonly incarnation: number;
  /** Raised by whoever removes items: what was believed to be stored may be gone. */
  readonly epoch: number;
  /** The last batch that was written, so that its writer can recognise it. */
  readonly token: string;
}

/** While neither changes, no item of a session is removed. */
export type Era = Pick<Guard, "incarnation" | "epoch">;

/** One saved state. `ns` is the checkpoint namespace. */
export interface CheckpointRecord {
  readonly ns: string;
  readonly id: string;
  readonly parentId: string | null;
  /** 1, 2, 3 … per session, in the order in which checkpoints were acknowledged. */
  readonly version: number;
  readonly step: number | null;
  readonly source: string | null;
  readonly nodePath: string | null;
  readonly tombstone: boolean;
  readonly runId: string | null;
  /** The manifest, as text. */
  readonly state: string;
  /** LangGraph's metadata, as text. */
  readonly metadata: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

export interface WriteRecord {
  readonly ns: string;
  readonly checkpointId: string;
  readonly taskId: string;
  /** Position in its `putWrites` call, or the negative place of a special channel. */
  readonly idx: number;
  readonly taskPath: string;
  readonly channel: string;
  /** The value's tree, as text. */
  readonly value: string;
}

export interface ItemRecord {
  readonly seq: number;
  readonly type: string;
  readonly body: string;
}

/** What one atomic write does to one session, in this order. */
export interface Batch {
  readonly sessionId: string;
  readonly owner: Owner;
  /**
   * The counters that must still stand; `undefined`: there must be no session row. A batch that
   * removes also needs the same token, since even a write without items may name old ones.
   */
  readonly expected: Guard | undefined;
  readonly next: Guard;
  /** Milliseconds; `updated_at` moves only where `touch` says so. */
  readonly now: number;
  readonly touch: boolean;
  readonly items: readonly ItemRecord[];
  readonly checkpoints: readonly CheckpointRecord[];
  readonly writes: readonly WriteRecord[];
  readonly remove?: Removal;
}

/** What a prune takes away. Writes go with their checkpoint. */
export interface Removal {
  readonly checkpoints: readonly { readonly ns: string; readonly id: string }[];
  readonly items: readonly Range[];
}

/** A checkpoint with its pending writes and the counters at the moment of reading. */
export interface StoredCheckpoint {
  readonly sessionId: string;
  readonly checkpoint: CheckpointRecord;
  readonly writes: readonly WriteRecord[];
  readonly guard: Guard;
}

/** Place of a checkpoint in the listing of all sessions; the next page begins behind it. */
export interface ListCursor {
  readonly sessionId: string;
  readonly id: string;
  readonly version: number;
}

export interface ListQuery {
  /** Without it all sessions are listed, newest checkpoint id first. */
  readonly sessionId?: string;
  /** `undefined`: all namespaces. */
  readonly ns?: string;
  readonly id?: string;
  /** Only checkpoints with a smaller version (needs `sessionId`). */
  readonly beforeVersion?: number;
  /** Only checkpoints with a smaller id. */
  readonly beforeId?: string;
  /** Where the next page of all sessions begins; that of one session begins at `beforeVersion`. */
  readonly after?: ListCursor;
  readonly limit: number;
}

/** A message of a chat history. */
export interface MessageRecord {
  /** From 1, growing in the order of `appendMessages`. */
  readonly position: number;
  readonly id: string | null;
  readonly role: string;
  /** The whole message, as text. */
  readonly content: string;
  readonly createdAt: number;
}

/** Which messages: those before a position, the newest `limit` of them; oldest first. */
export interface MessagePage {
  readonly before?: number;
  readonly limit?: number;
}

/**
 * The record contract between threadkeep's rooms and a database. Implementations keep records and
 * interpret none of them; strings come back exactly as they went in, and are compared and ordered
 * by their UTF-8 bytes. Ids have been validated before they arrive here.
 *
 * Every method rejects with a `StorageError`; a rejected write has left nothing, unless its code
 * is `CONNECTION_LOST`: then it may or may not have been written, and the guard's token tells.
 */
export interface Storage {
  /** Makes or verifies the tables. Runs by itself before the first call; may be called at any time. */
  setup(): Promise<void>;

  /** Releases what the storage opened itself. Later calls reject with `CLOSED`. */
  close(): Promise<void>;

  guard(sessionId: string): Promise<Guard | undefined>;

  /**
   * Writes a batch, all or nothing.
   * - A checkpoint of the same namespace and id is replaced; its version stays.
   * - A write with a negative `idx` replaces, any other keeps what stands there.
   * @returns whether it was written: not, where the counters are not the expected ones.
   */
  commit(batch: Batch): Promise<boolean>;

  /** The checkpoint of that id, or, without one, that of the highest version in the namespace. */
  checkpoint(
    sessionId: string,
    ns: string,
    id: string | undefined,
  ): Promise<StoredCheckpoint | undefined>;

  /** Pending writes of one checkpoint, also where the checkpoint itself is not there. */
  writes(sessionId: string, ns: string, checkpointId: string): Promise<WriteRecord[]>;

  /** All pending writes of the session, also of checkpoints that are not there. */
  sessionWrites(sessionId: string): Promise<WriteRecord[]>;

  /**
   * The items of the ranges, and perhaps others, in any order; none, where the session is no longer
   * of that incarnation and epoch.
   */
  items(sessionId: string, ranges: readonly Range[], at: Era): Promise<ItemRecord[]>;

  /**
   * One page: of a session newest version first, of all sessions newest id first,
   * then by session id, then newest version first.
   */
  list(query: ListQuery): Promise<StoredCheckpoint[]>;

  /** The versions of the checkpoints of that id, in whatever namespaces of the session. */
  versions(sessionId: string, id: string): Promise<{ ns: string; version: number }[]>;

  /**
   * Up to `limit` ancestors of a checkpoint, itself excluded, nearest first, along the parent ids
   * within one namespace. The chain ends at the first parent that is not stored.
   */
  ancestors(
    sessionId: string,
    ns: string,
    id: string,
    limit: number,
  ): Promise<{ readonly guard: Guard; readonly checkpoint: CheckpointRecord }[]>;

  /** The writes to some channels of the nearest `depth` ancestors of a checkpoint, in any order. */
  ancestorWrites(
    sessionId: string,
    ns: string,
    id: string,
    depth: number,
    channels: readonly string[],
  ): Promise<WriteRecord[]>;

  /** Sessions and namespaces that hold checkpoints of a run. */
  runCheckpoints(runId: string): Promise<{ sessionId: string; ns: string; id: string }[]>;

  /** Removes every row of the session in every table. */
  deleteSession(sessionId: string): Promise<void>;

  /**
   * Copies all state of a session to a new one.
   * @returns `false`, and nothing was written, where the target exists; `undefined` where the source does not.
   */
  copySession(
    sourceId: string,
    targetId: string,
    fresh: { readonly incarnation: number; readonly now: number },
  ): Promise<boolean | undefined>;

  /**
   * Appends at the end of the session's history, all or nothing, in this order. The guard then
   * bears the token.
   */
  appendMessages(
    sessionId: string,
    owner: Owner,
    messages: readonly Omit<MessageRecord, "position">[],
    fresh: { readonly incarnation: number; readonly now: number; readonly token: string },
  ): Promise<void>;

  messages(sessionId: string, page: MessagePage): Promise<MessageRecord[]>;

  clearMessages(sessionId: string): Promise<void>;
}
