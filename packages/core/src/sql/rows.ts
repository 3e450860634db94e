import type {
  CheckpointRecord,
  Guard,
  Owner,
  StoredCheckpoint,
  WriteRecord,
} from "../storage/storage.js";
import type { Param, Row } from "./driver.js";
import { namespaceKey } from "./namespace.js";

type Text = string | null;

/** A row of `CHECKPOINT_COLUMNS`. */
export function checkpointFrom(row: Row): CheckpointRecord {
  const tombstone = row[8];
  return {
    ns: (row[13] as Text) ?? (row[1] as string),
    version: Number(row[2]),
    id: row[3] as string,
    parentId: row[4] as Text,
    step: row[5] === null ? null : Number(row[5]),
    source: row[6] as Text,
    nodePath: row[7] as Text,
    tombstone: tombstone !== null && Number(tombstone) === 1,
    runId: row[9] as Text,
    state: row[10] as string,
    metadata: row[11] as string,
    createdAt: Number(row[12]),
  };
}

export function checkpointParams(sessionId: string, c: CheckpointRecord): Param[] {
  const key = namespaceKey(c.ns);
  return [
    sessionId,
    key,
    c.version,
    c.id,
    c.parentId,
    c.step,
    c.source,
    c.nodePath,
    c.tombstone ? 1 : null,
    c.runId,
    c.state,
    c.metadata,
    c.createdAt,
    key === c.ns ? null : c.ns,
  ];
}

export function guardFrom(row: Row, at = 0): Guard {
  return {
    nextItem: Number(row[at]),
    nextVersion: Number(row[at + 1]),
    incarnation: Number(row[at + 2]),
    epoch: Number(row[at + 3]),
    token: row[at + 4] as string,
  };
}

/** Rows of a checkpoint with its guard and, once per row, its writes. */
export function storedCheckpoints(rows: readonly Row[]): StoredCheckpoint[] {
  const found = new Map<string, StoredCheckpoint & { writes: WriteRecord[] }>();
  for (const row of rows) {
    const key = JSON.stringify([row[0], row[1], row[3]]);
    let entry = found.get(key);
    if (entry === undefined) {
      entry = {
        sessionId: row[0] as string,
        checkpoint: checkpointFrom(row),
        writes: [],
        guard: guardFrom(row, 14),
      };
      found.set(key, entry);
    }
    if (row[19] !== null) {
      const { ns, id } = entry.checkpoint;
      entry.writes.push({
        ns,
        checkpointId: id,
        taskId: row[19] as string,
        idx: Number(row[20]),
        taskPath: row[21] as string,
        channel: row[22] as string,
        value: row[23] as string,
      });
    }
  }
  return [...found.values()];
}

/** A row of `WRITE_COLUMNS`. */
export function writeFrom(row: Row): WriteRecord {
  return {
    ns: (row[8] as Text) ?? (row[1] as string),
    checkpointId: row[2] as string,
    taskId: row[3] as string,
    idx: Number(row[4]),
    taskPath: row[5] as string,
    channel: row[6] as string,
    value: row[7] as string,
  };
}

export function writeParams(sessionId: string, w: WriteRecord): Param[] {
  const ns = namespaceKey(w.ns);
  const text = ns === w.ns ? null : w.ns;
  return [sessionId, ns, w.checkpointId, w.taskId, w.idx, w.taskPath, w.channel, w.value, text];
}

/** User, tenant and agent, as they stand beside one another everywhere. */
export function ownerParams({ userId, tenantId, agentId }: Owner): Param[] {
  return [userId ?? null, tenantId ?? null, agentId ?? null];
}

/** A row of `SESSION_COLUMNS` for a session that begins with this batch. */
export function newSessionParams(
  sessionId: string,
  owner: Owner,
  guard: Guard,
  now: number,
): Param[] {
  return [
    sessionId,
    ...ownerParams(owner),
    null,
    null,
    now,
    now,
    null,
    guard.nextItem,
    guard.nextVersion,
    1,
    guard.incarnation,
    guard.epoch,
    guard.token,
  ];
}
