import type {
  CheckpointRecord,
  Guard,
  ItemRecord,
  NodeRunRecord,
  Owner,
  RunStatus,
  ToolEventRecord,
  WriteRecord,
} from "./records.js";

/** A session's row. */
export interface SessionRecord {
  readonly id: string;
  /** The id under which it stands, where its owner knows it by another one. */
  readonly storedId?: string;
  /** The id that its owner knows it by, where that was taken by another owner's session. */
  readonly alias: string | null;
  readonly title: string | null;
  /** What its maker noted, as text. */
  readonly metadata: string | null;
  readonly status: RunStatus;
  /** Milliseconds, as all times. */
  readonly createdAt: number;
  /** Its last activity; moves at most once a second. */
  readonly updatedAt: number;
  /** When it was archived. */
  readonly endedAt: number | null;
  /** Its counters, and whose it is. */
  readonly guard: Guard;
  /** Position of the next message, from 1. */
  readonly nextMessage: number;
}

/** What `updateSession` changes; absent fields stay. */
export interface SessionChange {
  readonly title?: string | null;
  readonly metadata?: string | null;
  readonly endedAt?: number | null;
}

/** Place of a session in a listing; the next page begins behind it. */
export interface SessionCursor {
  readonly updatedAt: number;
  /** The id under which the session stands. */
  readonly id: string;
}

export interface SessionQuery {
  readonly owner: Owner;
  /** Any of these; `"archived"` for those with an `endedAt`, which are of no other status. */
  readonly statuses?: readonly ("running" | "interrupted" | "failed" | "done" | "archived")[];
  /** A part of the title, whatever its case. */
  readonly query?: string;
  /** Only sessions without activity since then. */
  readonly updatedBefore?: number;
  readonly after?: SessionCursor;
  readonly limit: number;
}

/** Everything that a session holds beside its row. */
export interface SessionRows {
  readonly items: readonly ItemRecord[];
  readonly checkpoints: readonly CheckpointRecord[];
  readonly writes: readonly WriteRecord[];
  readonly nodeRuns: readonly NodeRunRecord[];
  readonly toolEvents: readonly ToolEventRecord[];
  readonly messages: readonly MessageRecord[];
  readonly modelCalls: readonly ModelCallRecord[];
}

/** How many rows of a table a session has, and how many bytes their texts take. */
export interface TableSize {
  readonly table: string;
  readonly rows: number;
  readonly bytes: number;
}

export interface ItemSize {
  readonly seq: number;
  readonly type: string;
  readonly bytes: number;
}

/** One call of a model. Of two with the same id the first one stays. */
export interface ModelCallRecord {
  readonly id: string;
  /** The message that it answered with. */
  readonly messageId: string | null;
  readonly model: string | null;
  readonly status: "ok" | "error" | "aborted";
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly totalTokens: number | null;
  /** What else the model said of its usage, as text. */
  readonly usage: string | null;
  readonly error: string | null;
  readonly latencyMs: number;
  readonly startedAt: number;
}

/** What is appended to a session's history at once. */
export interface Append {
  readonly messages: readonly NewMessage[];
  readonly modelCalls?: readonly ModelCallRecord[];
}

/** A message without its position. */
export type NewMessage = Omit<MessageRecord, "position">;

/** The session that an append makes, if there is none; and the token that the guard then bears. */
export interface Fresh {
  readonly incarnation: number;
  readonly now: number;
  readonly token: string;
  readonly alias?: string;
  /** The session must be there, and of this incarnation: else nothing is appended. */
  readonly only?: number;
}

/** A message of a chat history. */
export interface MessageRecord {
  /** From 1, growing in the order of `appendMessages`. */
  readonly position: number;
  readonly id: string | null;
  /** Of two messages of a session with one key the first one stays. */
  readonly key: string | null;
  readonly role: string;
  /** The whole message, as text. */
  readonly content: string;
  /** What its recorder noted beside it, as text. */
  readonly metadata: string | null;
  readonly createdAt: number;
}

/** Which messages: those before and from a position, the newest `limit` of them; oldest first. */
export interface MessagePage {
  readonly before?: number;
  readonly from?: number;
  readonly limit?: number;
  /** Only messages of these roles. */
  readonly roles?: readonly string[];
}

/** The session that a copy makes. */
export interface CopyFresh {
  readonly incarnation: number;
  readonly now: number;
  /** When it began, if it is not now. */
  readonly createdAt?: number;
  readonly alias?: string;
  /** The newest checkpoint that is copied, and when it was made; without it, all are. */
  readonly upTo?: { readonly version: number; readonly createdAt: number };
  /** Of a copy that ends at `upTo`. */
  readonly status?: RunStatus;
}
