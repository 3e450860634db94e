import type { MessagePage, SessionQuery } from "../storage/storage.js";
import { MESSAGE_COLUMNS, MODEL_CALL_COLUMNS, SESSION_COLUMNS } from "./columns.js";
import type { TableName } from "./dialect.js";
import type { Statements } from "./statements.js";

const BEHIND = "updated_at <= ? AND (updated_at < ? OR id < ?)";
const FIRST_ONES = "ORDER BY updated_at DESC, id DESC LIMIT ?";

/** The texts of which the bytes of a row are counted. */
const WEIGHTS: readonly (readonly [TableName, readonly string[]])[] = [
  ["sessions", ["title", "metadata"]],
  ["agent_state", ["state", "metadata", "properties"]],
  ["state_items", ["body"]],
  ["state_writes", ["value"]],
  ["node_runs", ["input", "output", "error"]],
  ["tool_journal", ["body"]],
  ["messages", ["content", "metadata"]],
  ["model_calls", ["usage_details", "error"]],
];

/** How many times `sizes` binds a session's parameters. */
export const WEIGHED = WEIGHTS.length;

/** Parameters: a session's. */
export function session(statements: Statements): string {
  return statements.text("session", ({ t, own }) => {
    return `SELECT ${SESSION_COLUMNS.join(", ")} FROM ${t("sessions")} WHERE id = ?${own}`;
  });
}

type Status = NonNullable<SessionQuery["statuses"]>[number];

/**
 * Parameters, once for each status, or once: the scope's; what the query has of user, tenant and agent, a
 * status but done and archived, the part of a title, the time before which; where the page begins: time,
 * time, id; the limit. Of several statuses, the limit again.
 */
export function sessions(statements: Statements, query: SessionQuery): string {
  const { owner, statuses = [undefined], query: part, updatedBefore, after } = query;
  const conditionsOf = (status: Status | undefined) => [
    owner.userId !== undefined && "user_id = ?",
    owner.tenantId !== undefined && "tenant_id = ?",
    owner.agentId !== undefined && "agent_id = ?",
    status !== undefined && withStatus(status),
    part !== undefined && "title_key LIKE ? ESCAPE '!'",
    updatedBefore !== undefined && "updated_at < ?",
    after !== undefined && BEHIND,
  ];
  const each = statuses.map((status) => {
    const conditions = conditionsOf(status).filter((condition) => condition !== false);
    return conditions.map((condition) => ` AND ${condition}`).join("");
  });
  return statements.text(`sessions${each.join(" OR")}`, ({ t, own }) => {
    const columns = SESSION_COLUMNS.join(", ");
    const pages = each.map((rest) => {
      return `SELECT ${columns} FROM ${t("sessions")} WHERE 1 = 1${own}${rest} ${FIRST_ONES}`;
    });
    return pages.length === 1 ? (pages[0] as string) : merged(pages);
  });
}

/** No index has the sessions of several statuses in their order, but one has those of each. */
function merged(pages: readonly string[]): string {
  const each = pages.map((page, i) => `SELECT * FROM (${page}) page${i}`);
  return `${each.join(" UNION ALL ")} ${FIRST_ONES}`;
}

function withStatus(status: Status): string {
  if (status === "archived") return "ended_at IS NOT NULL";
  return `ended_at IS NULL AND status ${status === "done" ? "IS NULL" : "= ?"}`;
}

/** Parameters: a session's, as many times as tables are weighed. */
export function sizes(statements: Statements): string {
  return statements.text("sizes", ({ t, one, own }) => {
    const each = WEIGHTS.map(([table, columns]) => {
      const bytes = columns.map((column) => `COALESCE(OCTET_LENGTH(${column}), 0)`).join(" + ");
      const where = table === "sessions" ? `id = ?${own}` : `session_id = ${one}`;
      const select = `SELECT '${table}', COUNT(*), COALESCE(SUM(${bytes}), 0)`;
      return `${select} FROM ${t(table)} WHERE ${where}`;
    });
    return each.join(" UNION ALL ");
  });
}

/** Parameters: a session's. */
export function itemSizes(statements: Statements): string {
  return statements.text("itemSizes", ({ t, one }) => {
    return `SELECT seq, type, OCTET_LENGTH(body) FROM ${t("state_items")} WHERE session_id = ${one}`;
  });
}

/** Parameters: a session's, `before`, `from`, the roles, the limit, where the page has them. */
export function messages(
  statements: Statements,
  { before, from, roles, limit }: MessagePage,
): string {
  const conditions = [
    before !== undefined && "position < ?",
    from !== undefined && "position >= ?",
    roles !== undefined && `role IN (${roles.map(() => "?").join(", ")})`,
  ].filter((condition) => condition !== false);
  const rest = conditions.map((condition) => ` AND ${condition}`).join("");
  const tail = `ORDER BY position DESC${limit === undefined ? "" : " LIMIT ?"}`;
  return statements.text(`messages${rest}${tail}`, ({ t, one }) => {
    const columns = MESSAGE_COLUMNS.slice(1).join(", ");
    return `SELECT ${columns} FROM ${t("messages")} WHERE session_id = ${one}${rest} ${tail}`;
  });
}

/** Parameters: a session's. */
export function modelCalls(statements: Statements): string {
  return statements.text("modelCalls", ({ t, one }) => {
    const columns = MODEL_CALL_COLUMNS.slice(1).join(", ");
    return `SELECT ${columns} FROM ${t("model_calls")} WHERE session_id = ${one}`;
  });
}
