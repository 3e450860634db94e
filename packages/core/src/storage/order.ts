import type { CheckpointRecord, ListCursor, SessionCursor, SessionRecord } from "./storage.js";

/** Newest version first, which is the order of a thread's listing. */
export function newestFirst(checkpoints: CheckpointRecord[]): CheckpointRecord[] {
  return checkpoints.sort((a, b) => b.version - a.version);
}

/** Where a checkpoint stands among those of all sessions. */
export function cursorOf(entry: { sessionId: string; checkpoint: CheckpointRecord }): ListCursor {
  const { id, version } = entry.checkpoint;
  return { sessionId: entry.sessionId, id, version };
}

/** Newest id first, then by session, then newest version first. */
export function compareCursors(a: ListCursor, b: ListCursor): number {
  return (
    compareBytes(b.id, a.id) || compareBytes(a.sessionId, b.sessionId) || b.version - a.version
  );
}

export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Where a session stands among those of a listing. */
export function placeOfSession({ updatedAt, id, storedId = id }: SessionRecord): SessionCursor {
  return { updatedAt, id: storedId };
}
