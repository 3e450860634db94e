import type { TableName } from "./dialect.js";

export const CHECKPOINT_COLUMNS = [
  "session_id",
  "checkpoint_ns",
  "version",
  "checkpoint_id",
  "parent_id",
  "step",
  "source",
  "node_path",
  "tombstone",
  "copy_of",
  "name",
  "label",
  "properties",
  "run_id",
  "state",
  "metadata",
  "created_at",
  "ns_text",
] as const;

export const WRITE_COLUMNS = [
  "session_id",
  "checkpoint_ns",
  "checkpoint_id",
  "task_id",
  "idx",
  "task_path",
  "channel",
  "value",
  "ns_text",
] as const;

export const NODE_RUN_COLUMNS = [
  "session_id",
  "checkpoint_ns",
  "checkpoint_id",
  "task_id",
  "attempt",
  "node_path",
  "step",
  "kind",
  "status",
  "learnt",
  "input",
  "output",
  "error",
  "started_at",
  "ended_at",
  "ns_text",
] as const;

export const TOOL_EVENT_COLUMNS = [
  "session_id",
  "call_id",
  "attempt",
  "event",
  "tool",
  "checkpoint_ns",
  "checkpoint_id",
  "position",
  "version",
  "body",
  "created_at",
] as const;

export const ITEM_COLUMNS = ["session_id", "seq", "type", "body"] as const;

export const SESSION_COLUMNS = [
  "id",
  "alias",
  "user_id",
  "tenant_id",
  "agent_id",
  "title",
  "title_key",
  "metadata",
  "status",
  "created_at",
  "updated_at",
  "ended_at",
  "next_item",
  "next_version",
  "next_message",
  "incarnation",
  "epoch",
  "rollbacks",
  "batch_token",
] as const;

export const MESSAGE_COLUMNS = [
  "session_id",
  "position",
  "id",
  "message_key",
  "role",
  "content",
  "metadata",
  "created_at",
] as const;

export const MODEL_CALL_COLUMNS = [
  "session_id",
  "id",
  "message_id",
  "model",
  "status",
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "usage_details",
  "error",
  "latency_ms",
  "started_at",
] as const;

export const GUARD_COLUMNS = [
  "next_item",
  "next_version",
  "incarnation",
  "epoch",
  "rollbacks",
  "batch_token",
  "user_id",
  "tenant_id",
  "agent_id",
] as const;

export const GUARD = GUARD_COLUMNS.map((name) => `s.${name}`).join(", ");
export const GUARD_SET =
  "next_item = ?, next_version = ?, epoch = ?, rollbacks = ?, batch_token = ?";
/** Notes the time, and an owner that was not known yet. */
export const TOUCH_SET =
  "updated_at = ?, user_id = COALESCE(user_id, ?), tenant_id = COALESCE(tenant_id, ?), agent_id = COALESCE(agent_id, ?)";
export const GUARD_WHERE =
  "WHERE id = ? AND next_item = ? AND next_version = ? AND incarnation = ? AND epoch = ? AND rollbacks = ?";

/** Behind a condition on `sessions`: the session is not another tenant's. */
export const OF_TENANT = " AND (tenant_id IS NULL OR tenant_id = ?)";

export const AFTER =
  "(checkpoint_id < ? OR (checkpoint_id = ? AND (session_id > ? OR (session_id = ? AND version < ?))))";

export const COPIED = {
  agent_state: CHECKPOINT_COLUMNS,
  state_items: ITEM_COLUMNS,
  state_writes: WRITE_COLUMNS,
  node_runs: NODE_RUN_COLUMNS,
  messages: MESSAGE_COLUMNS,
} as const;

/** Parameters: session. */
export const CHAIN_JOIN =
  "c.session_id = ? AND c.checkpoint_ns = chain.checkpoint_ns AND c.checkpoint_id = chain.checkpoint_id";

/** Parameters: a session's, namespace, id, session, depth. */
export function chain(joins: Joins): string {
  const state = joins.t("agent_state");
  const columns = "checkpoint_ns, checkpoint_id, parent_id";
  const start = `SELECT 0 AS depth, ${columns} FROM ${state} WHERE session_id = ${joins.one} AND checkpoint_ns = ? AND checkpoint_id = ?`;
  const parent =
    "a.session_id = ? AND a.checkpoint_ns = chain.checkpoint_ns AND a.checkpoint_id = chain.parent_id";
  const aliased = columns.replaceAll(/\b(\w+)\b/g, "a.$1");
  const up = lookUp(joins, "agent_state", "a", parent);
  const step = `SELECT chain.depth + 1, ${aliased} FROM chain ${up} WHERE chain.depth < ?`;
  return `WITH RECURSIVE chain (depth, ${columns}) AS (${start} UNION ALL ${step})`;
}

/** How to name tables, and how to join them. */
export interface Joins {
  readonly t: (name: TableName) => string;
  readonly lateral: boolean;
  /** The session, where nothing else looks whether it is in scope; see `Scope`. */
  readonly one: string;
  /** Only rows of sessions in scope. */
  readonly any: string;
}

/** Rows of a table that are looked up for each row before them. */
export function lookUp(
  { t, lateral }: Pick<Joins, "t" | "lateral">,
  table: TableName,
  alias: string,
  on: string,
): string {
  return lateral
    ? `JOIN LATERAL (SELECT * FROM ${t(table)} ${alias} WHERE ${on} OFFSET 0) ${alias} ON TRUE`
    : `JOIN ${t(table)} ${alias} ON ${on}`;
}

/**
 * The checkpoints of a page, with their guards and writes, in any order. The page holds keys only, so
 * that no engine sorts or keeps whole states. Joins name the session, if the page is of one, so that
 * an engine that keeps sessions apart looks into one place only. Parameters: the page's, then three
 * times the session.
 */
export function withWrites(joins: Joins, page: string, ofOneSession: boolean): string {
  const checkpoint = CHECKPOINT_COLUMNS.map((name) => `c.${name}`).join(", ");
  const write = "w.task_id, w.idx, w.task_path, w.channel, w.value";
  const session = ofOneSession ? "?" : "p.session_id";
  const same = (a: string) =>
    `${a}.session_id = ${session} AND ${a}.checkpoint_ns = p.checkpoint_ns AND ${a}.checkpoint_id = p.checkpoint_id`;
  return [
    `SELECT ${checkpoint}, ${GUARD}, ${write} FROM (${page}) p`,
    lookUp(joins, "agent_state", "c", same("c")),
    `JOIN ${joins.t("sessions")} s ON s.id = ${session}`,
    `LEFT ${lookUp(joins, "state_writes", "w", same("w"))}`,
  ].join(" ");
}

export const PAGE_COLUMNS = "session_id, checkpoint_ns, checkpoint_id";

/**
 * The items of some ranges, while the session is of an era. Parameters: ranges, session, a session's,
 * incarnation, epoch.
 */
export function itemsIn(joins: Joins, ranges: number): string {
  const select = "SELECT i.seq, i.type, i.body FROM";
  const era = `JOIN ${joins.t("sessions")} s ON`;
  const isOfEra = `s.id = ${joins.one} AND s.incarnation = ? AND s.epoch = ?`;
  if (joins.lateral) {
    const rows = Array(ranges).fill("(CAST(? AS bigint), CAST(? AS bigint))").join(", ");
    const within = "i.seq BETWEEN r.first AND r.last AND i.session_id = ?";
    const items = lookUp(joins, "state_items", "i", within);
    return `${select} (VALUES ${rows}) r (first, last) ${items} ${era} ${isOfEra}`;
  }
  const any = Array(ranges).fill("i.seq BETWEEN ? AND ?").join(" OR ");
  return `${select} ${joins.t("state_items")} i ${era} (${any}) AND i.session_id = ? AND ${isOfEra}`;
}
