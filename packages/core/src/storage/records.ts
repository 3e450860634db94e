import type { Range } from "./ranges.js";

/** Whose session it is. Absent fields are unknown, and stay as they are when a session is touched. */
export interface Owner {
  readonly userId?: string;
  readonly tenantId?: string;
  readonly agentId?: string;
}

/** What a thread's root graph does, as its last write told; `null`: nothing is left to run. */
export type RunStatus = "running" | "interrupted" | "failed" | null;

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
  /** How often the thread was rolled back: a run that began before cannot write any more. */
  readonly rollbacks: number;
  /** The last batch that was written, so that its writer can recognise it. */
  readonly token: string;
  /** Whose session it is, as far as is known. */
  readonly owner: Owner;
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
  /** The paths of the nodes whose results made it, as a JSON list. */
  readonly nodePath: string | null;
  readonly tombstone: boolean;
  /**
   * Of a copy to come back to: the version of the state that it keeps. It is never the newest of its
   * namespace, however late it was made.
   */
  readonly copyOf: number | null;
  /** What its maker called it: found by `ListQuery.name`, unique per session. */
  readonly name: string | null;
  /** A word of its maker's, which any number of checkpoints may bear. */
  readonly label: string | null;
  /** What its maker noted beside it, as text. */
  readonly properties: string | null;
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

/** One execution of one node. Of two with the same key the first one stays. */
export interface NodeRunRecord {
  /** Namespace and id of the checkpoint that the node read. */
  readonly ns: string;
  readonly checkpointId: string;
  readonly taskId: string;
  /** From 1. */
  readonly attempt: number;
  readonly nodePath: string;
  readonly step: number | null;
  readonly kind: "pull" | "push" | "task";
  readonly status: "ok" | "error" | "interrupted";
  readonly learnt: "observed" | "derived";
  /** Where the input stands, or the input, as text. */
  readonly input: string;
  readonly output: string | null;
  readonly error: string | null;
  /** Milliseconds; unknown where the run was not observed. */
  readonly startedAt: number | null;
  readonly endedAt: number;
}

/** Something that happened to a tool call. Of two with the same key the first one stays. */
export interface ToolEventRecord {
  readonly callId: string;
  /** Which execution of the call, from 1. */
  readonly attempt: number;
  readonly event: string;
  /** Its number among the session's items and events, in the order in which they were stored. */
  readonly position: number;
  readonly tool: string;
  /** Namespace and id of the checkpoint that the calling node read, where it is known. */
  readonly ns: string | null;
  readonly checkpointId: string | null;
  /** The session's newest checkpoint when it was noted, 0 for none. */
  readonly version: number;
  /** Arguments, result or error, as text. */
  readonly body: string;
  readonly createdAt: number;
}

/** What one atomic write does to one session, in this order. */
export interface Batch {
  readonly sessionId: string;
  readonly owner: Owner;
  /** Of a session that begins with this batch. */
  readonly alias?: string;
  /** What the thread does now; `undefined`: what it did. */
  readonly status?: RunStatus;
  /**
   * The counters that must still stand; `undefined`: there must be no session row.
   */
  readonly expected: Guard | undefined;
  readonly next: Guard;
  /** Milliseconds; `updated_at` moves only where `touch` says so. */
  readonly now: number;
  readonly touch: boolean;
  readonly items: readonly ItemRecord[];
  readonly checkpoints: readonly CheckpointRecord[];
  readonly writes: readonly WriteRecord[];
  readonly nodeRuns: readonly NodeRunRecord[];
  readonly toolEvents: readonly ToolEventRecord[];
  /** Nobody may have written since `expected` was read, not even a batch that moved no counter. */
  readonly exact?: boolean;
  /** Implies `exact`. */
  readonly remove?: Removal;
}

/** What a prune takes away. Writes and node runs go with their checkpoint. */
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
  /** The checkpoint of that name (needs `sessionId`). */
  readonly name?: string;
  /** Checkpoints with that label (needs `sessionId`). */
  readonly label?: string;
  /** Only checkpoints with a smaller version (needs `sessionId`). */
  readonly beforeVersion?: number;
  /** Only checkpoints with a smaller id. */
  readonly beforeId?: string;
  /** Where the next page of all sessions begins; that of one session begins at `beforeVersion`. */
  readonly after?: ListCursor;
  readonly limit: number;
}
