import type { Owner } from "../storage/storage.js";
import type { Dialect } from "./dialect.js";
import type { Param } from "./driver.js";

const COLUMNS = [
  ["userId", "user_id"],
  ["tenantId", "tenant_id"],
  ["agentId", "agent_id"],
] as const;

/** Which sessions a storage sees: those of an owner, or all. It stands in every `WHERE`. */
export class Scope {
  /** Names the texts: scopes of one key have one text. */
  readonly key: string;
  /** A session's id, if that session is in scope. Parameters: `of`. */
  readonly one: string;
  /** Behind a condition on any table but `sessions`. Parameters: `params`. */
  readonly any: string;
  /** Behind a condition on `sessions`. Parameters: `params`. */
  readonly own: string;
  readonly params: readonly Param[];

  constructor(dialect: Dialect, owner: Owner = {}) {
    const fields = COLUMNS.filter(([field]) => owner[field] !== undefined);
    const where = fields.map(([, column]) => `${column} = ?`).join(" AND ");
    this.key = fields.map(([field]) => field).join(" ");
    this.params = fields.map(([field]) => owner[field] as string);
    const isWhole = fields.length === 0;
    const sessions = `SELECT id FROM ${dialect.table("sessions")} WHERE`;
    this.one = isWhole ? "?" : `(${sessions} id = ? AND ${where})`;
    this.any = isWhole ? "" : ` AND session_id IN (${sessions} ${where})`;
    this.own = isWhole ? "" : ` AND ${where}`;
  }

  get isWhole(): boolean {
    return this.params.length === 0;
  }

  of(sessionId: string): Param[] {
    return [sessionId, ...this.params];
  }
}
