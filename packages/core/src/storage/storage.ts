import type { Range } from "./ranges.js";
import type {
  Batch,
  CheckpointRecord,
  Era,
  Guard,
  ItemRecord,
  ListQuery,
  NodeRunRecord,
  Owner,
  StoredCheckpoint,
  ToolEventRecord,
  WriteRecord,
} from "./records.js";
import type {
  Append,
  CopyFresh,
  Fresh,
  ItemSize,
  MessagePage,
  MessageRecord,
  ModelCallRecord,
  SessionChange,
  SessionQuery,
  SessionRecord,
  SessionRows,
  TableSize,
} from "./session-records.js";

export type * from "./records.js";
export type * from "./session-records.js";

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
   * - Node runs and tool events keep what stands there.
   * @returns whether it was written: not, where the counters are not the expected ones.
   */
  commit(batch: Batch): Promise<boolean>;

  /**
   * The checkpoint of that id, or, without one, that of the highest version in the namespace which
   * is no copy to come back to.
   */
  checkpoint(
    sessionId: string,
    ns: string,
    id: string | undefined,
  ): Promise<StoredCheckpoint | undefined>;

  /** Pending writes of one checkpoint, also where the checkpoint itself is not there. */
  writes(sessionId: string, ns: string, checkpointId: string): Promise<WriteRecord[]>;

  /** All pending writes of the session, also of checkpoints that are not there. */
  sessionWrites(sessionId: string): Promise<WriteRecord[]>;

  /** Runs of nodes that read one of the checkpoints, or all of the session, in any order. */
  nodeRuns(sessionId: string, checkpointIds?: readonly string[]): Promise<NodeRunRecord[]>;

  /** What happened to one tool call, or to all of the session, in any order. */
  toolEvents(sessionId: string, callId?: string): Promise<ToolEventRecord[]>;

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

  /** The namespaces in which the session has checkpoints. */
  namespaces(sessionId: string): Promise<string[]>;

  /** Sessions and namespaces that hold checkpoints of a run. */
  runCheckpoints(runId: string): Promise<{ sessionId: string; ns: string; id: string }[]>;

  /**
   * A view of the sessions of an owner, which must have a field: all others are as if they were not
   * there, but that their ids are taken. It shares what this storage opened.
   */
  scoped(owner: Owner): Storage;

  session(sessionId: string): Promise<SessionRecord | undefined>;

  /** Sessions, the last active one first, then by id from the last one. */
  sessions(query: SessionQuery): Promise<SessionRecord[]>;

  /**
   * Makes a session with all its rows, all or nothing.
   * @returns `false`, and nothing was written, where there is one of that id
   */
  insertSession(session: SessionRecord, rows?: SessionRows): Promise<boolean>;

  /** @returns whether there is such a session */
  updateSession(sessionId: string, change: SessionChange): Promise<boolean>;

  /** What the session takes in each table, its own row included. */
  sizes(sessionId: string): Promise<TableSize[]>;

  /** What each item takes, in any order. */
  itemSizes(sessionId: string): Promise<ItemSize[]>;

  /**
   * Removes every row of the session in every table.
   * @param unlessTouchedSince only where its last activity is older than this
   * @returns whether there was one
   */
  deleteSession(sessionId: string, unlessTouchedSince?: number): Promise<boolean>;

  /**
   * Copies all state of a session to a new one, but no tool events: their effects are the source's.
   * @param fresh.upTo only checkpoints of at most this version, with what led to them, and no messages
   * that are younger; of the checkpoint of this version neither writes nor node runs
   * @returns `false`, and nothing was written, where the target exists; `undefined` where the source does not.
   */
  copySession(sourceId: string, targetId: string, fresh: CopyFresh): Promise<boolean | undefined>;

  /**
   * Appends at the end of the session's history, all or nothing, in this order. The guard then
   * bears the token.
   * @returns whether it was appended: not, where the session is not of the one incarnation allowed
   */
  appendMessages(sessionId: string, owner: Owner, append: Append, fresh: Fresh): Promise<boolean>;

  messages(sessionId: string, page: MessagePage): Promise<MessageRecord[]>;

  clearMessages(sessionId: string): Promise<void>;

  /** In any order. */
  modelCalls(sessionId: string): Promise<ModelCallRecord[]>;
}
