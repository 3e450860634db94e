import type { Batch, CheckpointRecord, WriteRecord } from "../storage/storage.js";
import {
  CHECKPOINT_COLUMNS,
  GUARD_SET,
  GUARD_WHERE,
  ITEM_COLUMNS,
  SESSION_COLUMNS,
  TOUCH_SET,
  WRITE_COLUMNS,
} from "./columns.js";
import type { Dialect } from "./dialect.js";
import type { Param } from "./driver.js";
import { namespaceKey } from "./namespace.js";
import { change, inserts, type Part } from "./parts.js";
import { checkpointParams, newSessionParams, ownerParams, writeParams } from "./rows.js";
import { AGENT_STATE, SESSIONS, STATE_ITEMS, STATE_WRITES } from "./schema.js";

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

const NEW_SESSION = {
  table: SESSIONS,
  columns: SESSION_COLUMNS,
  conflict: { action: "keep", key: ["id"] },
} as const;

/** Makes the session row, if there is none. */
export function createSession(dialect: Dialect, ...row: Parameters<typeof newSessionParams>): Part {
  const [part] = inserts(dialect, NEW_SESSION, [newSessionParams(...row)]);
  return part as Part;
}

/** A batch's parts. The first one moves the guard, and all depend on it. */
export function batchParts(dialect: Dialect, batch: Batch): { head: Part; rest: Part[] } {
  const { sessionId } = batch;
  const items = batch.items.map(({ seq, type, body }) => [sessionId, seq, type, body]);
  const checkpoints = lastOfEach(batch.checkpoints).map((c) => checkpointParams(sessionId, c));
  const writes = oneOfEach(batch.writes).map((write) => writeParams(sessionId, write));
  return {
    head: moveGuard(dialect, batch),
    rest: [
      ...inserts(dialect, ITEMS, items),
      ...inserts(dialect, CHECKPOINTS, checkpoints),
      ...inserts(dialect, WRITES, writes),
      ...removal(dialect, batch),
    ],
  };
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

function moveGuard(dialect: Dialect, batch: Batch): Part {
  const { sessionId, owner, expected, next, now } = batch;
  if (expected === undefined) return createSession(dialect, sessionId, owner, next, now);
  const sessions = dialect.table("sessions");
  const set = [next.nextItem, next.nextVersion, next.epoch, next.token];
  const { nextItem, nextVersion, incarnation, epoch, token } = expected;
  const where = [sessionId, nextItem, nextVersion, incarnation, epoch];
  const move = `UPDATE ${sessions} SET ${GUARD_SET}`;
  if (batch.remove !== undefined) {
    // Nobody may have written at all: even a write without items may name old ones.
    const sql = `${move} ${GUARD_WHERE} AND batch_token = ?`;
    return change("moveGuardExactly", sql, [...set, ...where, token]);
  }
  if (!batch.touch) return change("moveGuard", `${move} ${GUARD_WHERE}`, [...set, ...where]);
  const touch = [now, ...ownerParams(owner)];
  return change("touchGuard", `${move}, ${TOUCH_SET} ${GUARD_WHERE}`, [...set, ...touch, ...where]);
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
    slices(ids).flatMap((some) =>
      (["agent_state", "state_writes"] as const).map((table) => {
        const place = `session_id = ? AND checkpoint_ns = ? AND checkpoint_id IN (${some.map(() => "?").join(", ")})`;
        const sql = `DELETE FROM ${dialect.table(table)} WHERE ${place}`;
        return rareChange(sql, [sessionId, namespaceKey(ns), ...some]);
      }),
    ),
  );
  const items = slices(remove.items).map((some) => {
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

function slices<T>(all: readonly T[]): T[][] {
  const count = Math.ceil(all.length / REMOVED_AT_ONCE);
  return Array.from({ length: count }, (_, i) =>
    all.slice(i * REMOVED_AT_ONCE, (i + 1) * REMOVED_AT_ONCE),
  );
}
