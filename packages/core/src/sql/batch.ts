import type {
  Batch,
  CheckpointRecord,
  NodeRunRecord,
  SessionRows,
  ToolEventRecord,
  WriteRecord,
} from "../storage/storage.js";
import {
  CHECKPOINT_COLUMNS,
  GUARD_SET,
  GUARD_WHERE,
  ITEM_COLUMNS,
  NODE_RUN_COLUMNS,
  OF_TENANT,
  TOOL_EVENT_COLUMNS,
  TOUCH_SET,
  WRITE_COLUMNS,
} from "./columns.js";
import type { Dialect } from "./dialect.js";
import type { Param } from "./driver.js";
import { namespaceKey } from "./namespace.js";
import { change, inserts, type Part, slices } from "./parts.js";
import { checkpointParams, nodeRunParams, toolEventParams, writeParams } from "./rows.js";
import { AGENT_STATE, NODE_RUNS, STATE_ITEMS, STATE_WRITES, TOOL_JOURNAL } from "./schema.js";
import type { Scope } from "./scope.js";
import { newSessionPart } from "./session-parts.js";
import { ownerParams } from "./session-rows.js";

const REMOVED_AT_ONCE = 100;
const CHECKPOINT_KEY = ["session_id", "checkpoint_ns", "checkpoint_id"];
const WRITE_KEY = WRITE_COLUMNS.slice(0, 5);

/** A checkpoint that is put again keeps its version. */
const CHECKPOINTS = {
  table: AGENT_STATE,
  columns: CHECKPOINT_COLUMNS,
  conflict: {
    action: "replace",
    key: CHECKPOINT_KEY,
    columns: CHECKPOINT_COLUMNS.filter((name) => ![...CHECKPOINT_KEY, "version"].includes(name)),
  },
} as const;

const ITEMS = {
  table: STATE_ITEMS,
  columns: ITEM_COLUMNS,
  conflict: { action: "fail" },
} as const;

/** The special channels, which stand at negative places, replace; other writes keep. */
const WRITES = {
  table: STATE_WRITES,
  columns: WRITE_COLUMNS,
  conflict: {
    action: "replace",
    key: WRITE_KEY,
    columns: WRITE_COLUMNS.slice(5),
    ifNegative: "idx",
  },
} as const;

const RUNS = {
  table: NODE_RUNS,
  columns: NODE_RUN_COLUMNS,
  conflict: { action: "keep", key: NODE_RUNS.key },
} as const;

const EVENTS = {
  table: TOOL_JOURNAL,
  columns: TOOL_EVENT_COLUMNS,
  conflict: { action: "keep", key: TOOL_JOURNAL.key },
} as const;

/** A batch's parts. The first one moves the guard, and all depend on it. */
export function batchParts(
  dialect: Dialect,
  scope: Scope,
  batch: Batch,
): { head: Part; rest: Part[] } {
  return {
    head: moveGuard(dialect, scope, batch),
    rest: [...stateParts(dialect, batch.sessionId, batch), ...removal(dialect, batch)],
  };
}

/** The rows of a session's states. */
export function stateParts(
  dialect: Dialect,
  sessionId: string,
  batch: Pick<SessionRows, "items" | "checkpoints" | "writes" | "nodeRuns" | "toolEvents">,
): Part[] {
  const items = batch.items.map(({ seq, type, body }) => [sessionId, seq, type, body]);
  const checkpoints = lastOfEach(batch.checkpoints).map((c) => checkpointParams(sessionId, c));
  const writes = oneOfEach(batch.writes).map((write) => writeParams(sessionId, write));
  const runs = firstRuns(batch.nodeRuns).map((run) => nodeRunParams(sessionId, run));
  const events = firstEvents(batch.toolEvents).map((event) => toolEventParams(sessionId, event));
  return [
    ...inserts(dialect, ITEMS, items),
    ...inserts(dialect, CHECKPOINTS, checkpoints),
    ...inserts(dialect, WRITES, writes),
    ...inserts(dialect, RUNS, runs),
    ...inserts(dialect, EVENTS, events),
  ];
}

/** No statement may replace a row twice. A checkpoint that is put twice keeps its first version. */
function lastOfEach(checkpoints: readonly CheckpointRecord[]): CheckpointRecord[] {
  const found = new Map<string, CheckpointRecord>();
  for (const checkpoint of checkpoints) {
    const key = JSON.stringify([checkpoint.ns, checkpoint.id]);
    const { version } = found.get(key) ?? checkpoint;
    found.set(key, { ...checkpoint, version });
  }
  return [...found.values()];
}

function oneOfEach(writes: readonly WriteRecord[]): WriteRecord[] {
  const found = new Map<string, WriteRecord>();
  for (const write of writes) {
    const key = JSON.stringify([write.ns, write.checkpointId, write.taskId, write.idx]);
    if (write.idx < 0 || !found.has(key)) found.set(key, write);
  }
  return [...found.values()];
}

const firstRuns = (runs: readonly NodeRunRecord[]) =>
  firstOfEach(runs, (run) => [run.ns, run.checkpointId, run.taskId, run.attempt]);

const firstEvents = (events: readonly ToolEventRecord[]) =>
  firstOfEach(events, (event) => [event.callId, event.attempt, event.event]);

function firstOfEach<T>(records: readonly T[], keyOf: (record: T) => unknown): T[] {
  const found = new Map<string, T>();
  for (const record of records) {
    const key = JSON.stringify(keyOf(record));
    if (!found.has(key)) found.set(key, record);
  }
  return [...found.values()];
}

function moveGuard(dialect: Dialect, scope: Scope, batch: Batch): Part {
  const { sessionId, owner, expected, next, now, touch, status, exact, remove } = batch;
  if (expected === undefined) return newSessionPart(dialect, sessionId, { ...next, owner }, batch);
  // Beside a removal not even a write without items may pass: it may name old ones.
  const isExact = exact || remove !== undefined;
  const { tenantId } = touch ? owner : {};
  const { nextItem, nextVersion, incarnation, epoch, rollbacks, token } = expected;
  const params = [
    ...[next.nextItem, next.nextVersion, next.epoch, next.rollbacks, next.token],
    ...(touch ? [now, ...ownerParams(owner)] : []),
    ...(status === undefined ? [] : [status]),
    ...[sessionId, nextItem, nextVersion, incarnation, epoch, rollbacks],
    ...(isExact ? [token] : []),
    ...(tenantId === undefined ? [] : [tenantId]),
    ...scope.params,
  ];
  const set = `${GUARD_SET}${touch ? `, ${TOUCH_SET}` : ""}${status === undefined ? "" : ", status = ?"}`;
  const exactly = isExact ? " AND batch_token = ?" : "";
  const ofTenant = tenantId === undefined ? "" : OF_TENANT;
  const where = `${GUARD_WHERE}${exactly}${ofTenant}${scope.own}`;
  const sql = `UPDATE ${dialect.table("sessions")} SET ${set} ${where}`;
  const kind = [touch, isExact, tenantId !== undefined, status !== undefined, scope.key];
  return change(`moveGuard ${kind.join(" ")}`, sql, params);
}

function removal(dialect: Dialect, { sessionId, remove }: Batch): Part[] {
  if (remove === undefined) return [];
  const byNamespace = new Map<string, string[]>();
  for (const { ns, id } of remove.checkpoints) {
    const ids = byNamespace.get(ns);
    if (ids === undefined) byNamespace.set(ns, [id]);
    else ids.push(id);
  }
  const checkpoints = [...byNamespace].flatMap(([ns, ids]) =>
    slices(ids, REMOVED_AT_ONCE).flatMap((some) =>
      (["agent_state", "state_writes", "node_runs"] as const).map((table) => {
        const place = `session_id = ? AND checkpoint_ns = ? AND checkpoint_id IN (${some.map(() => "?").join(", ")})`;
        const sql = `DELETE FROM ${dialect.table(table)} WHERE ${place}`;
        return rareChange(sql, [sessionId, namespaceKey(ns), ...some]);
      }),
    ),
  );
  const items = slices(remove.items, REMOVED_AT_ONCE).map((some) => {
    const any = some.map(() => "seq BETWEEN ? AND ?").join(" OR ");
    const sql = `DELETE FROM ${dialect.table("state_items")} WHERE session_id = ? AND (${any})`;
    return rareChange(sql, [sessionId, ...some.flat()]);
  });
  return [...checkpoints, ...items];
}

const rareChange = (sql: string, params: readonly Param[]): Part => ({
  ...change(sql, sql, params),
  rare: true,
});
