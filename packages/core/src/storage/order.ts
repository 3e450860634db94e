import type { CheckpointRecord } from "./storage.js";

/** Newest version first, which is the order of a thread's listing. */
export function newestFirst(checkpoints: CheckpointRecord[]): CheckpointRecord[] {
  return checkpoints.sort((a, b) => b.version - a.version);
}

/** A checkpoint among all sessions. */
export interface Place {
  sessionId: string;
  ns: string;
  id: string;
}

export function placeOf(entry: { sessionId: string; checkpoint: CheckpointRecord }): Place {
  return { sessionId: entry.sessionId, ns: entry.checkpoint.ns, id: entry.checkpoint.id };
}

/** Newest id first, then by session and namespace. */
export function comparePlaces(a: Place, b: Place): number {
  return (
    compareBytes(b.id, a.id) || compareBytes(a.sessionId, b.sessionId) || compareBytes(a.ns, b.ns)
  );
}

export function compareBytes(a: string, b: string): number {
  if (a === b) return 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
