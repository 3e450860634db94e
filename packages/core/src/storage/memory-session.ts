import { checkpointKey } from "./keys.js";
import { isOfAnotherTenant, mergeOwners } from "./owners.js";
import type {
  Batch,
  CheckpointRecord,
  Guard,
  ItemRecord,
  MessageRecord,
  ModelCallRecord,
  NodeRunRecord,
  Removal,
  SessionRecord,
  SessionRows,
  StoredCheckpoint,
  ToolEventRecord,
  WriteRecord,
} from "./storage.js";

/** What the memory storage keeps of one session. */
export interface Session {
  row: SessionRecord;
  /** By namespace and id, in the order of their versions. */
  checkpoints: Map<string, CheckpointRecord>;
  /** By namespace and checkpoint id, then by task and place. */
  writes: Map<string, Map<string, WriteRecord>>;
  /** By namespace and checkpoint id, then by task and attempt. */
  nodeRuns: Map<string, Map<string, NodeRunRecord>>;
  /** By call, attempt and event. */
  toolEvents: Map<string, ToolEventRecord>;
  items: Map<number, ItemRecord>;
  messages: MessageRecord[];
  /** Keys of messages of which there is one only. */
  messageKeys: Set<string>;
  modelCalls: Map<string, ModelCallRecord>;
}

export function newSession(row: SessionRecord): Session {
  return {
    row,
    checkpoints: new Map(),
    writes: new Map(),
    nodeRuns: new Map(),
    toolEvents: new Map(),
    items: new Map(),
    messages: [],
    messageKeys: new Set(),
    modelCalls: new Map(),
  };
}

/** Moves the counters, as a batch wants them. */
export function moveGuard(session: Session, { next, owner, touch, now, status }: Batch): void {
  const { row } = session;
  const known = row.guard.owner;
  session.row = {
    ...row,
    guard: { ...next, owner: touch ? mergeOwners(known, owner) : known },
    updatedAt: touch ? now : row.updatedAt,
    status: status === undefined ? row.status : status,
  };
}

/** What a batch and an import have in common. */
type Records = Pick<SessionRows, "items" | "checkpoints" | "writes" | "nodeRuns" | "toolEvents">;

export function putRecords(session: Session, batch: Records): void {
  for (const item of batch.items) session.items.set(item.seq, item);
  for (const checkpoint of batch.checkpoints) {
    const key = checkpointKey(checkpoint.ns, checkpoint.id);
    const version = session.checkpoints.get(key)?.version ?? checkpoint.version;
    session.checkpoints.set(key, { ...checkpoint, version });
  }
  for (const write of batch.writes) {
    const writes = groupOf(session.writes, write);
    const place = placeKey(write.taskId, write.idx);
    if (write.idx < 0 || !writes.has(place)) writes.set(place, write);
  }
  for (const run of batch.nodeRuns) {
    putFirst(groupOf(session.nodeRuns, run), placeKey(run.taskId, run.attempt), run);
  }
  for (const event of batch.toolEvents) {
    const key = JSON.stringify([event.callId, event.attempt, event.event]);
    putFirst(session.toolEvents, key, event);
  }
}

/** Of a task: where a write stands, or which attempt a run is. */
const placeKey = (taskId: string, nth: number): string => JSON.stringify([taskId, nth]);

/** The records of one checkpoint. */
function groupOf<T>(
  groups: Map<string, Map<string, T>>,
  { ns, checkpointId }: { ns: string; checkpointId: string },
): Map<string, T> {
  const key = checkpointKey(ns, checkpointId);
  const group = groups.get(key) ?? new Map<string, T>();
  groups.set(key, group);
  return group;
}

function putFirst<T>(records: Map<string, T>, key: string, record: T): void {
  if (!records.has(key)) records.set(key, record);
}

export function removeRecords(session: Session, { checkpoints, items }: Removal): void {
  for (const { ns, id } of checkpoints) {
    session.checkpoints.delete(checkpointKey(ns, id));
    session.writes.delete(checkpointKey(ns, id));
    session.nodeRuns.delete(checkpointKey(ns, id));
  }
  for (const [first, last] of items) {
    for (let seq = first; seq <= last; seq += 1) session.items.delete(seq);
  }
}

export function newestOf(session: Session, ns: string): CheckpointRecord | undefined {
  let newest: CheckpointRecord | undefined;
  for (const checkpoint of session.checkpoints.values()) {
    if (checkpoint.ns !== ns || checkpoint.copyOf !== null) continue;
    if (newest === undefined || checkpoint.version > newest.version) newest = checkpoint;
  }
  return newest;
}

export function stored(
  sessionId: string,
  session: Session,
  checkpoint: CheckpointRecord,
): StoredCheckpoint {
  const writes = session.writes.get(checkpointKey(checkpoint.ns, checkpoint.id))?.values() ?? [];
  return { sessionId, checkpoint, writes: [...writes], guard: session.row.guard };
}

/** Whether the counters are those that the batch expects, and the token, where it must be. */
export function isExpected(guard: Guard | undefined, batch: Batch): boolean {
  const { expected, exact, remove, owner, touch } = batch;
  if (guard === undefined || expected === undefined) return guard === expected;
  if (touch && isOfAnotherTenant(guard.owner, owner)) return false;
  const isExact = exact || remove !== undefined;
  return (
    guard.nextItem === expected.nextItem &&
    guard.nextVersion === expected.nextVersion &&
    guard.incarnation === expected.incarnation &&
    guard.epoch === expected.epoch &&
    guard.rollbacks === expected.rollbacks &&
    (!isExact || guard.token === expected.token)
  );
}
