import { firstOfEachKey } from "../storage/message-keys.js";
import type {
  Append,
  CopyFresh,
  Fresh,
  Guard,
  Owner,
  RunStatus,
  SessionChange,
  SessionRecord,
  SessionRows,
} from "../storage/storage.js";
import { titleKey } from "../storage/titles.js";
import {
  COPIED,
  MESSAGE_COLUMNS,
  MODEL_CALL_COLUMNS,
  OF_TENANT,
  SESSION_COLUMNS,
  TOUCH_SET,
} from "./columns.js";
import type { Dialect, TableName } from "./dialect.js";
import type { Param } from "./driver.js";
import { change, inserts, type Part } from "./parts.js";
import { MESSAGES, MODEL_CALLS, SESSIONS } from "./schema.js";
import type { Scope } from "./scope.js";
import { messageParams, modelCallParams, ownerParams, sessionParams } from "./session-rows.js";

const OF_A_COPY = ["messages", "state_writes", "node_runs", "agent_state", "state_items"] as const;
const OF_A_SESSION = [...OF_A_COPY, "tool_journal", "model_calls"] as const;

const NEW_SESSION = {
  table: SESSIONS,
  columns: SESSION_COLUMNS,
  conflict: { action: "keep", key: ["id"] },
} as const;

const NEW_MESSAGES = {
  table: MESSAGES,
  columns: MESSAGE_COLUMNS,
  conflict: { action: "fail" },
} as const;

const NEW_MODEL_CALLS = {
  table: MODEL_CALLS,
  columns: MODEL_CALL_COLUMNS,
  conflict: { action: "keep", key: MODEL_CALLS.key },
} as const;

/** Makes a session's row, if there is none. */
export function sessionPart(dialect: Dialect, record: SessionRecord): Part {
  const [part] = inserts(dialect, NEW_SESSION, [sessionParams(record)]);
  return part as Part;
}

/** Makes the row of a session that begins now, if there is none. */
export function newSessionPart(
  dialect: Dialect,
  id: string,
  guard: Guard,
  { now, alias, status }: { now: number; alias?: string; status?: RunStatus },
): Part {
  return sessionPart(dialect, {
    ...{ id, alias: alias ?? null, title: null, metadata: null, status: status ?? null },
    ...{ createdAt: now, updatedAt: now, endedAt: null, guard, nextMessage: 1 },
  });
}

/** What a session holds beside its states. */
export function historyParts(
  dialect: Dialect,
  sessionId: string,
  { messages, modelCalls }: Pick<SessionRows, "messages" | "modelCalls">,
): Part[] {
  return [
    ...inserts(
      dialect,
      NEW_MESSAGES,
      messages.map((m) => messageParams(sessionId, m)),
    ),
    ...inserts(
      dialect,
      NEW_MODEL_CALLS,
      modelCalls.map((c) => modelCallParams(sessionId, c)),
    ),
  ];
}

export function updatePart(
  dialect: Dialect,
  scope: Scope,
  sessionId: string,
  { title, metadata, endedAt }: SessionChange,
): Part {
  const changes: [string, Param][] = [
    ...(title === undefined
      ? []
      : ([
          ["title", title],
          ["title_key", title && titleKey(title)],
        ] as const)),
    ...(metadata === undefined ? [] : ([["metadata", metadata]] as const)),
    ...(endedAt === undefined ? [] : ([["ended_at", endedAt]] as const)),
  ].map(([name, value]) => [name, value]);
  const set = ["id = id", ...changes.map(([name]) => `${name} = ?`)].join(", ");
  const sql = `UPDATE ${dialect.table("sessions")} SET ${set} WHERE id = ?${scope.own}`;
  const params = [...changes.map(([, value]) => value), ...scope.of(sessionId)];
  return change(`update ${scope.key} ${set}`, sql, params);
}

function deleteRows(dialect: Dialect, table: TableName, sessionId: string): Part {
  const sql = `DELETE FROM ${dialect.table(table)} WHERE session_id = ?`;
  return change(`deleteRows ${table}`, sql, [sessionId]);
}

/**
 * To be run in order. Writers wait for the session's row, which goes last: row-level security shows the
 * other tables' rows only beside it.
 */
export function deleteParts(
  dialect: Dialect,
  scope: Scope,
  sessionId: string,
  unlessTouchedSince: number | undefined,
): { head: Part; rest: Part[] } {
  const sql = `DELETE FROM ${dialect.table("sessions")} WHERE id = ?`;
  return {
    head: lockPart(dialect, scope, sessionId, unlessTouchedSince),
    rest: [
      ...OF_A_SESSION.map((table) => deleteRows(dialect, table, sessionId)),
      change("deleteSession", sql, [sessionId]),
    ],
  };
}

export function clearPart(dialect: Dialect, scope: Scope, sessionId: string): Part {
  const sql = `DELETE FROM ${dialect.table("messages")} WHERE session_id = ${scope.one}`;
  return change(`clear ${scope.key}`, sql, scope.of(sessionId));
}

/** Holds writers to the session off until the transaction ends. */
export function lockPart(
  dialect: Dialect,
  scope: Scope,
  sessionId: string,
  unlessTouchedSince?: number,
): Part {
  const older = unlessTouchedSince === undefined ? "" : " AND updated_at < ?";
  const since = unlessTouchedSince === undefined ? [] : [unlessTouchedSince];
  const move = `UPDATE ${dialect.table("sessions")} SET updated_at = updated_at`;
  const sql = `${move} WHERE id = ?${scope.own}${older}`;
  return change(`lock ${scope.key}${older}`, sql, [...scope.of(sessionId), ...since]);
}

/** The new session's row, if there is none of that id yet. */
export function copySessionPart(
  dialect: Dialect,
  sourceId: string,
  targetId: string,
  { incarnation, now, createdAt = now, alias, upTo, status }: CopyFresh,
): Part {
  const s = dialect.table("sessions");
  const kept = "user_id, tenant_id, agent_id, title, title_key, metadata";
  const counters = "next_item, next_version, next_message";
  const cut = upTo === undefined ? "status" : "?";
  const select = `SELECT ?, ?, ${kept}, ${cut}, ?, ?, NULL, ${counters}, ?, epoch, 0, '' FROM ${s} WHERE id = ?`;
  const sql = dialect.insertKeeping(`${s} (${SESSION_COLUMNS.join(", ")})`, select);
  return change(`copySession ${cut}`, sql, [
    ...[targetId, alias ?? null, ...(upTo === undefined ? [] : [status ?? null])],
    ...[createdAt, now, incarnation, sourceId],
  ]);
}

/** Which rows of a table a copy that ends at a checkpoint takes, and what that binds. */
function copiedRows(
  dialect: Dialect,
  table: (typeof OF_A_COPY)[number],
  upTo: CopyFresh["upTo"],
): { where: string; params: Param[] } {
  if (upTo === undefined || table === "state_items") return { where: "", params: [] };
  if (table === "messages") return { where: " AND created_at <= ?", params: [upTo.createdAt] };
  if (table === "agent_state") return { where: " AND version <= ?", params: [upTo.version] };
  const same = ["session_id", "checkpoint_ns", "checkpoint_id"].map(
    (name) => `a.${name} = c.${name}`,
  );
  const before = `SELECT 1 FROM ${dialect.table("agent_state")} a WHERE ${same.join(" AND ")} AND a.version < ?`;
  return { where: ` AND EXISTS (${before})`, params: [upTo.version] };
}

export function copyRowsParts(
  dialect: Dialect,
  sourceId: string,
  targetId: string,
  upTo: CopyFresh["upTo"],
): Part[] {
  return OF_A_COPY.map((name) => {
    const columns = COPIED[name].slice(1).join(", ");
    const table = dialect.table(name);
    const { where, params } = copiedRows(dialect, name, upTo);
    const select = `SELECT ?, ${columns} FROM ${table} c WHERE session_id = ?${where}`;
    const sql = `INSERT INTO ${table} (session_id, ${columns}) ${select}`;
    return change(`copyRows ${name}${where}`, sql, [targetId, sourceId, ...params]);
  });
}

/** The head reserves positions at the end of the history; it writes nothing if there is no session. */
export function appendParts(
  dialect: Dialect,
  scope: Scope,
  sessionId: string,
  owner: Owner,
  append: Append,
  { now, token, only }: Fresh,
): { head: Part; rest: Part[] } {
  const messages = firstOfEachKey(append.messages);
  const sessions = dialect.table("sessions");
  const set = `next_message = next_message + ?, batch_token = ?, ${TOUCH_SET}`;
  const ofTenant = owner.tenantId === undefined ? "" : OF_TENANT;
  const ofOne = only === undefined ? "" : " AND incarnation = ?";
  const where = `WHERE id = ?${scope.own}${ofTenant}${ofOne}`;
  const reserved = [
    ...[messages.length, token, now, ...ownerParams(owner), ...scope.of(sessionId)],
    ...[owner.tenantId, only].filter((param) => param !== undefined),
  ];
  const into = `${dialect.table("messages")} (${MESSAGE_COLUMNS.join(", ")})`;
  const row = "SELECT id, next_message - ?, ?, ?, ?, ?, ?, ? FROM";
  const head = change(`reserve ${where}`, `UPDATE ${sessions} SET ${set} ${where}`, reserved);
  const calls = { messages: [], modelCalls: append.modelCalls ?? [] };
  const appended = messages.map(({ id, key, role, content, metadata, createdAt }, i) => ({
    key: "append",
    params: [messages.length - i, id, key, role, content, metadata, createdAt, sessionId],
    sql: (head = sessions) => dialect.insertKeeping(into, `${row} ${head} WHERE id = ?`),
  }));
  return {
    head,
    rest: [...appended, ...historyParts(dialect, sessionId, calls)],
  };
}
