import {
  AFTER,
  CHAIN_JOIN,
  CHECKPOINT_COLUMNS,
  COPIED,
  chain,
  GUARD,
  GUARD_SET,
  GUARD_WHERE,
  ITEM_COLUMNS,
  MESSAGE_COLUMNS,
  SESSION_COLUMNS,
  TOUCH_SET,
  WRITE_COLUMNS,
  withWrites,
} from "./columns.js";
import type { Dialect, TableName } from "./dialect.js";

/** Which optional conditions a listing has; each combination is one statement text. */
export interface ListShape {
  readonly session: boolean;
  readonly ns: boolean;
  readonly id: boolean;
  readonly beforeVersion: boolean;
  readonly beforeId: boolean;
  readonly after: boolean;
}

/** Every SQL statement of threadkeep, spelled for one dialect. Texts are made once and reused. */
export class Statements {
  readonly #dialect: Dialect;
  readonly #texts = new Map<string, string>();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  get guard(): string {
    return this.#text("guard", (t) => {
      const columns = "next_item, next_version, incarnation, epoch, batch_token";
      return `SELECT ${columns} FROM ${t("sessions")} WHERE id = ?`;
    });
  }

  /** Makes the session row, if there is none. Parameters: one row of `SESSION_COLUMNS`. */
  get createSession(): string {
    return this.#text("createSession", () =>
      this.#dialect.insert("sessions", SESSION_COLUMNS, { action: "keep", key: ["id"] }, 1),
    );
  }

  get moveGuard(): string {
    return this.#text(
      "moveGuard",
      (t) => `UPDATE ${t("sessions")} SET ${GUARD_SET} ${GUARD_WHERE}`,
    );
  }

  /** Like `moveGuard`, where nobody has written at all. */
  get moveGuardExactly(): string {
    return this.#text(
      "moveGuardExactly",
      (t) => `UPDATE ${t("sessions")} SET ${GUARD_SET} ${GUARD_WHERE} AND batch_token = ?`,
    );
  }

  /** Like `moveGuard`, and notes the time and an owner that was not known yet. */
  get touchGuard(): string {
    return this.#text(
      "touchGuard",
      (t) => `UPDATE ${t("sessions")} SET ${GUARD_SET}, ${TOUCH_SET} ${GUARD_WHERE}`,
    );
  }

  get insertItem(): string {
    return this.#text("insertItem", () =>
      this.#dialect.insert("state_items", ITEM_COLUMNS, { action: "fail" }, 1),
    );
  }

  get insertCheckpoint(): string {
    return this.#text("insertCheckpoint", () => {
      const key = ["session_id", "checkpoint_ns", "checkpoint_id"];
      const columns = CHECKPOINT_COLUMNS.filter((name) => ![...key, "version"].includes(name));
      const conflict = { action: "replace", key, columns } as const;
      return this.#dialect.insert("agent_state", CHECKPOINT_COLUMNS, conflict, 1);
    });
  }

  /** @param replaces whether it takes the place of what stands at its key */
  insertWrite(replaces: boolean): string {
    return this.#text(`insertWrite ${replaces}`, () => {
      const key = WRITE_COLUMNS.slice(0, 5);
      const replace = { action: "replace", key, columns: WRITE_COLUMNS.slice(5) } as const;
      const conflict = replaces ? replace : ({ action: "keep", key } as const);
      return this.#dialect.insert("state_writes", WRITE_COLUMNS, conflict, 1);
    });
  }

  /** The newest checkpoint of a namespace, or the one of an id, with its writes and its guard. */
  checkpoint(byId: boolean): string {
    const where = `session_id = ? AND checkpoint_ns = ?${byId ? " AND checkpoint_id = ?" : ""}`;
    const order = byId ? "" : " ORDER BY version DESC LIMIT 1";
    return this.#text(`checkpoint ${byId}`, (t) =>
      withWrites(t, `SELECT * FROM ${t("agent_state")} WHERE ${where}${order}`, ""),
    );
  }

  list(shape: ListShape): string {
    const conditions = [
      shape.session && "session_id = ?",
      shape.ns && "checkpoint_ns = ?",
      shape.id && "checkpoint_id = ?",
      shape.beforeVersion && "version < ?",
      shape.beforeId && "checkpoint_id < ?",
      shape.after && AFTER,
    ].filter((condition) => condition !== false);
    const order = shape.session
      ? (a: string) => ` ORDER BY ${a}version DESC`
      : (a: string) => ` ORDER BY ${a}checkpoint_id DESC, ${a}session_id, ${a}version DESC`;
    const where = conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : "";
    return this.#text(`list ${JSON.stringify(shape)}`, (t) =>
      withWrites(t, `SELECT * FROM ${t("agent_state")}${where}${order("")} LIMIT ?`, order("c.")),
    );
  }

  get versions(): string {
    return this.#text("versions", (t) => {
      const columns = "checkpoint_ns, ns_text, version";
      return `SELECT ${columns} FROM ${t("agent_state")} WHERE session_id = ? AND checkpoint_id = ?`;
    });
  }

  get writes(): string {
    return this.#text("writes", (t) => {
      const where = "session_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?";
      return `SELECT ${WRITE_COLUMNS.join(", ")} FROM ${t("state_writes")} WHERE ${where}`;
    });
  }

  get sessionWrites(): string {
    return this.#text(
      "sessionWrites",
      (t) => `SELECT ${WRITE_COLUMNS.join(", ")} FROM ${t("state_writes")} WHERE session_id = ?`,
    );
  }

  /** @param ranges how many ranges the caller binds */
  items(ranges: number): string {
    const any = Array(ranges).fill("i.seq BETWEEN ? AND ?").join(" OR ");
    return this.#text(`items ${ranges}`, (t) => {
      const era = `JOIN ${t("sessions")} s ON s.id = i.session_id AND s.incarnation = ? AND s.epoch = ?`;
      return `SELECT i.seq, i.type, i.body FROM ${t("state_items")} i ${era} WHERE i.session_id = ? AND (${any})`;
    });
  }

  get ancestors(): string {
    return this.#text("ancestors", (t) => {
      const join = `JOIN ${t("agent_state")} c ON ${CHAIN_JOIN}`;
      const session = `JOIN ${t("sessions")} s ON s.id = chain.session_id`;
      const columns = CHECKPOINT_COLUMNS.map((name) => `c.${name}`).join(", ");
      return `${chain(t)} SELECT ${columns}, ${GUARD} FROM chain ${join} ${session} WHERE chain.depth > 0 ORDER BY chain.depth`;
    });
  }

  /** @param channels how many channel names the caller binds */
  ancestorWrites(channels: number): string {
    const any = Array(channels).fill("?").join(", ");
    return this.#text(`ancestorWrites ${channels}`, (t) => {
      const join = `JOIN ${t("state_writes")} c ON ${CHAIN_JOIN}`;
      const columns = WRITE_COLUMNS.map((name) => `c.${name}`).join(", ");
      return `${chain(t)} SELECT ${columns} FROM chain ${join} WHERE chain.depth > 0 AND c.channel IN (${any})`;
    });
  }

  get runCheckpoints(): string {
    return this.#text("runCheckpoints", (t) => {
      const columns = "session_id, checkpoint_ns, ns_text, checkpoint_id";
      return `SELECT ${columns} FROM ${t("agent_state")} WHERE run_id = ?`;
    });
  }

  deleteRows(table: TableName): string {
    const key = table === "sessions" ? "id" : "session_id";
    return this.#text(`deleteRows ${table}`, (t) => `DELETE FROM ${t(table)} WHERE ${key} = ?`);
  }

  deleteCheckpoint(table: "agent_state" | "state_writes"): string {
    const where = "session_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?";
    return this.#text(`deleteCheckpoint ${table}`, (t) => `DELETE FROM ${t(table)} WHERE ${where}`);
  }

  get deleteItems(): string {
    return this.#text(
      "deleteItems",
      (t) => `DELETE FROM ${t("state_items")} WHERE session_id = ? AND seq BETWEEN ? AND ?`,
    );
  }

  /** Parameters: target, times, incarnation, source, target. */
  get copySession(): string {
    return this.#text("copySession", (t) => {
      const s = t("sessions");
      const kept = "user_id, tenant_id, agent_id, title, metadata";
      const counters = "next_item, next_version, next_message";
      const missing = `NOT EXISTS (SELECT 1 FROM ${s} other WHERE other.id = ?)`;
      return `INSERT INTO ${s} (${SESSION_COLUMNS.join(", ")}) SELECT ?, ${kept}, ?, ?, ended_at, ${counters}, ?, epoch, '' FROM ${s} WHERE id = ? AND ${missing}`;
    });
  }

  /** Parameters: target, source. */
  copyRows(table: "agent_state" | "state_items" | "state_writes" | "messages"): string {
    const columns = COPIED[table].slice(1).join(", ");
    return this.#text(`copyRows ${table}`, (t) => {
      const select = `SELECT ?, ${columns} FROM ${t(table)} WHERE session_id = ?`;
      return `INSERT INTO ${t(table)} (session_id, ${columns}) ${select}`;
    });
  }

  get reserveMessages(): string {
    return this.#text("reserveMessages", (t) => {
      const set = `next_message = next_message + ?, ${TOUCH_SET}`;
      return `UPDATE ${t("sessions")} SET ${set} WHERE id = ?`;
    });
  }

  /** Places a message that many positions before the end. */
  get appendMessage(): string {
    return this.#text("appendMessage", (t) => {
      const into = `INSERT INTO ${t("messages")} (${MESSAGE_COLUMNS.join(", ")})`;
      return `${into} SELECT id, next_message - ?, ?, ?, ?, NULL, ? FROM ${t("sessions")} WHERE id = ?`;
    });
  }

  messages(before: boolean, limit: boolean): string {
    const columns = "position, id, role, content, created_at";
    const where = `session_id = ?${before ? " AND position < ?" : ""}`;
    return this.#text(`messages ${before} ${limit}`, (t) => {
      const tail = `ORDER BY position DESC${limit ? " LIMIT ?" : ""}`;
      return `SELECT ${columns} FROM ${t("messages")} WHERE ${where} ${tail}`;
    });
  }

  #text(key: string, make: (table: (name: TableName) => string) => string): string {
    let text = this.#texts.get(key);
    if (text === undefined) {
      text = this.#dialect.placeholders(make((name) => this.#dialect.table(name)));
      this.#texts.set(key, text);
    }
    return text;
  }
}
