import type { Storage } from "@threadkeep/core";
import type { StoredCheckpoint } from "@threadkeep/core/backend";

/** Everything that a storage holds, to compare before and after. */
export async function everything(storage: Storage): Promise<unknown> {
  const checkpoints: StoredCheckpoint[] = await storage.list({ limit: 1_000_000 });
  const sessions = [...new Set(checkpoints.map((c) => c.sessionId))].sort();
  return { checkpoints, sessions: await Promise.all(sessions.map((id) => session(storage, id))) };
}

/** All records of one session. */
export async function session(storage: Storage, id: string): Promise<unknown> {
  const guard = await storage.guard(id);
  return {
    guard,
    checkpoints: await storage.list({ sessionId: id, limit: 1_000_000 }),
    items: await items(storage, id),
    writes: await storage.sessionWrites(id),
    nodeRuns: await storage.nodeRuns(id),
    toolEvents: await storage.toolEvents(id),
    messages: await storage.messages(id, {}),
  };
}

/** All items of a session, in order. */
export async function items(storage: Storage, id: string) {
  const guard = await storage.guard(id);
  if (guard === undefined) return [];
  const found = await storage.items(id, [[1, Math.max(1, guard.nextItem)]], guard);
  return [...found].sort((a, b) => a.seq - b.seq);
}
