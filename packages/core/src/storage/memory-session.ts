import type {
  CheckpointRecord,
  Guard,
  ItemRecord,
  MessageRecord,
  Owner,
  StoredCheckpoint,
  WriteRecord,
} from "./storage.js";

/** What the memory storage keeps of one session. */
export interface Session {
  guard: Guard;
  owner: Owner;
  /** By namespace and id, in the order of their versions. */
  checkpoints: Map<string, CheckpointRecord>;
  /** By namespace and checkpoint id, then by task and place. */
  writes: Map<string, Map<string, WriteRecord>>;
  items: Map<number, ItemRecord>;
  messages: MessageRecord[];
  nextMessage: number;
}

export const pair = (a: string, b: string | number): string => JSON.stringify([a, b]);

export function newSession(guard: Guard, owner: Owner): Session {
  return {
    guard,
    owner,
    checkpoints: new Map(),
    writes: new Map(),
    items: new Map(),
    messages: [],
    nextMessage: 1,
  };
}

export function putWrite(session: Session, write: WriteRecord): void {
  const key = pair(write.ns, write.checkpointId);
  let writes = session.writes.get(key);
  if (writes === undefined) {
    writes = new Map();
    session.writes.set(key, writes);
  }
  const place = pair(write.taskId, write.idx);
  if (write.idx < 0 || !writes.has(place)) writes.set(place, write);
}

export function newestOf(session: Session, ns: string): CheckpointRecord | undefined {
  let newest: CheckpointRecord | undefined;
  for (const checkpoint of session.checkpoints.values()) {
    if (checkpoint.ns !== ns) continue;
    if (newest === undefined || checkpoint.version > newest.version) newest = checkpoint;
  }
  return newest;
}

export function stored(
  sessionId: string,
  session: Session,
  checkpoint: CheckpointRecord,
): StoredCheckpoint {
  const writes = session.writes.get(pair(checkpoint.ns, checkpoint.id))?.values() ?? [];
  return { sessionId, checkpoint, writes: [...writes], guard: session.guard };
}

export function sameCounters(a: Guard | undefined, b: Guard | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.nextItem === b.nextItem &&
    a.nextVersion === b.nextVersion &&
    a.incarnation === b.incarnation &&
    a.epoch === b.epoch
  );
}
