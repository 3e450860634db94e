import type { MessageRecord, Owner } from "../storage/storage.js";
import { COPIED, MESSAGE_COLUMNS, SESSION_COLUMNS, TOUCH_SET } from "./columns.js";
import type { Dialect, TableName } from "./dialect.js";
import { change, type Part } from "./parts.js";
import { ownerParams } from "./rows.js";

const OF_A_COPY = ["messages", "state_writes", "node_runs", "agent_state", "state_items"] as const;
const OF_A_SESSION = [...OF_A_COPY, "tool_journal"] as const;

function deleteRows(dialect: Dialect, table: TableName, sessionId: string): Part {
  const key = table === "sessions" ? "id" : "session_id";
  const sql = `DELETE FROM ${dialect.table(table)} WHERE ${key} = ?`;
  return change(`deleteRows ${table}`, sql, [sessionId]);
}

/** To be run in order: once the session's row is gone, no writer gets through. */
export function deleteParts(dialect: Dialect, sessionId: string): { head: Part; rest: Part[] } {
  return {
    head: deleteRows(dialect, "sessions", sessionId),
    rest: OF_A_SESSION.map((table) => deleteRows(dialect, table, sessionId)),
  };
}

export const clearPart = (dialect: Dialect, sessionId: string): Part =>
  deleteRows(dialect, "messages", sessionId);

/** Holds writers to the session off until the transaction ends. */
export function lockPart(dialect: Dialect, sessionId: string): Part {
  const sql = `UPDATE ${dialect.table("sessions")} SET updated_at = updated_at WHERE id = ?`;
  return change("lock", sql, [sessionId]);
}

/** The new session's row, if there is none of that id yet. */
export function copySessionPart(
  dialect: Dialect,
  sourceId: string,
  targetId: string,
  { incarnation, now }: { incarnation: number; now: number },
): Part {
  const s = dialect.table("sessions");
  const kept = "user_id, tenant_id, agent_id, title, metadata";
  const counters = "next_item, next_version, next_message";
  const missing = `NOT EXISTS (SELECT 1 FROM ${s} other WHERE other.id = ?)`;
  const select = `SELECT ?, ${kept}, ?, ?, ended_at, ${counters}, ?, epoch, 0, '' FROM ${s} WHERE id = ? AND ${missing}`;
  const sql = `INSERT INTO ${s} (${SESSION_COLUMNS.join(", ")}) ${select}`;
  return change("copySession", sql, [targetId, now, now, incarnation, sourceId, targetId]);
}

export function copyRowsParts(dialect: Dialect, sourceId: string, targetId: string): Part[] {
  return OF_A_COPY.map((name) => {
    const columns = COPIED[name].slice(1).join(", ");
    const table = dialect.table(name);
    const select = `SELECT ?, ${columns} FROM ${table} WHERE session_id = ?`;
    const sql = `INSERT INTO ${table} (session_id, ${columns}) ${select}`;
    return change(`copyRows ${name}`, sql, [targetId, sourceId]);
  });
}

/** The head reserves positions at the end of the history; it writes nothing if there is no session. */
export function appendParts(
  dialect: Dialect,
  sessionId: string,
  owner: Owner,
  messages: readonly Omit<MessageRecord, "position">[],
  { now, token }: { now: number; token: string },
): { head: Part; rest: Part[] } {
  const sessions = dialect.table("sessions");
  const set = `next_message = next_message + ?, batch_token = ?, ${TOUCH_SET}`;
  const reserved = [messages.length, token, now, ...ownerParams(owner), sessionId];
  const into = `INSERT INTO ${dialect.table("messages")} (${MESSAGE_COLUMNS.join(", ")})`;
  const row = "SELECT id, next_message - ?, ?, ?, ?, NULL, ? FROM";
  return {
    head: change("reserve", `UPDATE ${sessions} SET ${set} WHERE id = ?`, reserved),
    rest: messages.map(({ id, role, content, createdAt }, i) => ({
      key: "append",
      params: [messages.length - i, id, role, content, createdAt, sessionId],
      sql: (head = sessions) => `${into} ${row} ${head} WHERE id = ?`,
    })),
  };
}
