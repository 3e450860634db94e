import type {
  CheckpointRecord,
  Guard,
  ItemRecord,
  NodeRunRecord,
  Owner,
  StoredCheckpoint,
  ToolEventRecord,
  WriteRecord,
} from "../storage/storage.js";
import { CHECKPOINT_COLUMNS, GUARD_COLUMNS } from "./columns.js";
import type { Param, Row } from "./driver.js";
import { namespaceKey } from "./namespace.js";

type Text = string | null;

/** Where the guard and the write stand in a row of a checkpoint with both. */
const GUARD_AT = CHECKPOINT_COLUMNS.length;
const WRITE_AT = GUARD_AT + GUARD_COLUMNS.length;

const integer = (value: unknown): number | null => (value === null ? null : Number(value));

/** A row that begins with `CHECKPOINT_COLUMNS`. */
export function checkpointFrom(row: Row): CheckpointRecord {
  const [, key, version, id, parentId, step, source, nodePath, ...more] = row;
  const [tombstone, copyOf, name, label, properties, runId, state, metadata, createdAt, ns] = more;
  return {
    ns: (ns as Text) ?? (key as string),
    version: Number(version),
    id: id as string,
    parentId: parentId as Text,
    step: integer(step),
    source: source as Text,
    nodePath: nodePath as Text,
    tombstone: integer(tombstone) === 1,
    copyOf: integer(copyOf),
    name: name as Text,
    label: label as Text,
    properties: properties as Text,
    runId: runId as Text,
    state: state as string,
    metadata: metadata as string,
    createdAt: Number(createdAt),
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
    c.copyOf,
    c.name,
    c.label,
    c.properties,
    c.runId,
    c.state,
    c.metadata,
    c.createdAt,
    key === c.ns ? null : c.ns,
  ];
}

/** A row of `GUARD_COLUMNS`. */
export function guardFrom(row: Row): Guard {
  const [nextItem, nextVersion, incarnation, epoch, rollbacks, token, ...owner] = row;
  return {
    nextItem: Number(nextItem),
    nextVersion: Number(nextVersion),
    incarnation: Number(incarnation),
    epoch: Number(epoch),
    rollbacks: Number(rollbacks),
    token: token as string,
    owner: ownerFrom(owner),
  };
}

/** A row that begins with user, tenant and agent. */
export function ownerFrom([userId, tenantId, agentId]: Row): Owner {
  return {
    ...(typeof userId === "string" ? { userId } : {}),
    ...(typeof tenantId === "string" ? { tenantId } : {}),
    ...(typeof agentId === "string" ? { agentId } : {}),
  };
}

/** The guard in a row of a checkpoint. */
export const guardBeside = (row: Row): Guard => guardFrom(row.slice(GUARD_AT));

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
        guard: guardBeside(row),
      };
      found.set(key, entry);
    }
    const [taskId, idx, taskPath, channel, value] = row.slice(WRITE_AT);
    if (taskId !== null) {
      const { ns, id } = entry.checkpoint;
      entry.writes.push({
        ns,
        checkpointId: id,
        taskId: taskId as string,
        idx: Number(idx),
        taskPath: taskPath as string,
        channel: channel as string,
        value: value as string,
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

/** A row of `NODE_RUN_COLUMNS`. */
export function nodeRunFrom(row: Row): NodeRunRecord {
  const [, key, checkpointId, taskId, attempt, nodePath, step, kind, status, ...more] = row;
  const [learnt, input, output, error, startedAt, endedAt, ns] = more;
  return {
    ns: (ns as Text) ?? (key as string),
    checkpointId: checkpointId as string,
    taskId: taskId as string,
    attempt: Number(attempt),
    nodePath: nodePath as string,
    step: integer(step),
    kind: kind as NodeRunRecord["kind"],
    status: status as NodeRunRecord["status"],
    learnt: learnt as NodeRunRecord["learnt"],
    input: input as string,
    output: output as Text,
    error: error as Text,
    startedAt: integer(startedAt),
    endedAt: Number(endedAt),
  };
}

export function nodeRunParams(sessionId: string, r: NodeRunRecord): Param[] {
  const key = namespaceKey(r.ns);
  return [
    sessionId,
    key,
    r.checkpointId,
    r.taskId,
    r.attempt,
    r.nodePath,
    r.step,
    r.kind,
    r.status,
    r.learnt,
    r.input,
    r.output,
    r.error,
    r.startedAt,
    r.endedAt,
    key === r.ns ? null : r.ns,
  ];
}

/** A row of `TOOL_EVENT_COLUMNS`. */
export function toolEventFrom(row: Row): ToolEventRecord {
  const [, callId, attempt, event, tool, ns, checkpointId, ...more] = row;
  const [position, version, body, createdAt] = more;
  return {
    callId: callId as string,
    attempt: Number(attempt),
    event: event as string,
    position: Number(position),
    tool: tool as string,
    ns: ns as Text,
    checkpointId: checkpointId as Text,
    version: Number(version),
    body: body as string,
    createdAt: Number(createdAt),
  };
}

export function toolEventParams(sessionId: string, e: ToolEventRecord): Param[] {
  return [
    ...[sessionId, e.callId, e.attempt, e.event, e.tool, e.ns, e.checkpointId],
    ...[e.position, e.version, e.body, e.createdAt],
  ];
}

/** A row of number, type and body. */
export function itemFrom([seq, type, body]: Row): ItemRecord {
  return { seq: Number(seq), type: type as string, body: body as string };
}
