import {
  AFTER,
  CHAIN_JOIN,
  CHECKPOINT_COLUMNS,
  chain,
  GUARD,
  itemsIn,
  type Joins,
  lookUp,
  PAGE_COLUMNS,
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

/** Every statement that reads, spelled for one dialect. Texts are made once and reused. */
export class Statements {
  readonly #dialect: Dialect;
  readonly #texts = new Map<string, string>();

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  get guard(): string {
    return this.#text("guard", ({ t }) => {
      const columns = "next_item, next_version, incarnation, epoch, batch_token";
      return `SELECT ${columns} FROM ${t("sessions")} WHERE id = ?`;
    });
  }

  /**
   * The newest checkpoint of a namespace, or the one of an id, with its writes and its guard.
   * Parameters: session, namespace, perhaps an id, three times the session.
   */
  checkpoint(byId: boolean): string {
    const where = `session_id = ? AND checkpoint_ns = ?${byId ? " AND checkpoint_id = ?" : ""}`;
    const order = byId ? "" : " ORDER BY version DESC LIMIT 1";
    return this.#text(`checkpoint ${byId}`, (joins) =>
      withWrites(joins, `${pageOf(joins)} WHERE ${where}${order}`, true),
    );
  }

  /** Parameters: those of the shape, the limit and, if it has a session, three times that. */
  list(shape: ListShape): string {
    const conditions = [
      shape.session && "session_id = ?",
      shape.ns && "checkpoint_ns = ?",
      shape.id && "checkpoint_id = ?",
      shape.beforeVersion && "version < ?",
      shape.beforeId && "checkpoint_id < ?",
      shape.after && AFTER,
    ].filter((condition) => condition !== false);
    const order = shape.session ? "version DESC" : "checkpoint_id DESC, session_id, version DESC";
    const where = conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : "";
    return this.#text(`list ${JSON.stringify(shape)}`, (joins) => {
      const page = `${pageOf(joins)}${where} ORDER BY ${order} LIMIT ?`;
      return withWrites(joins, page, shape.session);
    });
  }

  get versions(): string {
    return this.#text("versions", ({ t }) => {
      const columns = "checkpoint_ns, ns_text, version";
      return `SELECT ${columns} FROM ${t("agent_state")} WHERE session_id = ? AND checkpoint_id = ?`;
    });
  }

  get writes(): string {
    return this.#text("writes", ({ t }) => {
      const where = "session_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?";
      return `SELECT ${WRITE_COLUMNS.join(", ")} FROM ${t("state_writes")} WHERE ${where}`;
    });
  }

  get sessionWrites(): string {
    return this.#text(
      "sessionWrites",
      ({ t }) =>
        `SELECT ${WRITE_COLUMNS.join(", ")} FROM ${t("state_writes")} WHERE session_id = ?`,
    );
  }

  /** @param ranges how many ranges the caller binds, before what `itemsIn` names */
  items(ranges: number): string {
    return this.#text(`items ${ranges}`, (joins) => itemsIn(joins, ranges));
  }

  /** Parameters: those of `chain`, session, session. */
  get ancestors(): string {
    return this.#text("ancestors", (joins) => {
      const { t } = joins;
      const join = lookUp(joins, "agent_state", "c", CHAIN_JOIN);
      const session = `JOIN ${t("sessions")} s ON s.id = ?`;
      const columns = CHECKPOINT_COLUMNS.map((name) => `c.${name}`).join(", ");
      return `${chain(joins)} SELECT ${columns}, ${GUARD} FROM chain ${join} ${session} WHERE chain.depth > 0 ORDER BY chain.depth`;
    });
  }

  /**
   * Parameters: those of `chain`, session, channels.
   * @param channels how many channel names the caller binds
   */
  ancestorWrites(channels: number): string {
    const any = Array(channels).fill("?").join(", ");
    return this.#text(`ancestorWrites ${channels}`, (joins) => {
      const join = lookUp(joins, "state_writes", "c", CHAIN_JOIN);
      const columns = WRITE_COLUMNS.map((name) => `c.${name}`).join(", ");
      return `${chain(joins)} SELECT ${columns} FROM chain ${join} WHERE chain.depth > 0 AND c.channel IN (${any})`;
    });
  }

  get runCheckpoints(): string {
    return this.#text("runCheckpoints", ({ t }) => {
      const columns = "session_id, checkpoint_ns, ns_text, checkpoint_id";
      return `SELECT ${columns} FROM ${t("agent_state")} WHERE run_id = ?`;
    });
  }

  messages(before: boolean, limit: boolean): string {
    const columns = "position, id, role, content, created_at";
    const where = `session_id = ?${before ? " AND position < ?" : ""}`;
    return this.#text(`messages ${before} ${limit}`, ({ t }) => {
      const tail = `ORDER BY position DESC${limit ? " LIMIT ?" : ""}`;
      return `SELECT ${columns} FROM ${t("messages")} WHERE ${where} ${tail}`;
    });
  }

  #text(key: string, make: (joins: Joins) => string): string {
    let text = this.#texts.get(key);
    if (text === undefined) {
      const { lateral } = this.#dialect;
      const t = (name: TableName) => this.#dialect.table(name);
      text = this.#dialect.placeholders(make({ t, lateral }));
      this.#texts.set(key, text);
    }
    return text;
  }
}

const pageOf = ({ t }: Joins) => `SELECT ${PAGE_COLUMNS} FROM ${t("agent_state")}`;
