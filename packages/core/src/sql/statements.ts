import type { ListQuery } from "../storage/storage.js";
import {
  AFTER,
  CHAIN_JOIN,
  CHECKPOINT_COLUMNS,
  chain,
  GUARD,
  GUARD_COLUMNS,
  itemsIn,
  type Joins,
  lookUp,
  NODE_RUN_COLUMNS,
  PAGE_COLUMNS,
  TOOL_EVENT_COLUMNS,
  WRITE_COLUMNS,
  withWrites,
} from "./columns.js";
import type { Dialect, TableName } from "./dialect.js";
import type { Scope } from "./scope.js";

/** What a statement is made of. */
export interface ReadJoins extends Joins {
  /** Behind a condition on `sessions`. */
  readonly own: string;
}

/**
 * Every statement that reads states, spelled for one dialect and scope. Texts are made once and reused.
 * "A session's" parameters are those of `Scope.of`, "the scope's" those of `Scope.params`.
 */
export class Statements {
  readonly scope: Scope;
  readonly #dialect: Dialect;
  readonly #texts = new Map<string, string>();

  constructor(dialect: Dialect, scope: Scope) {
    this.#dialect = dialect;
    this.scope = scope;
  }

  /** Parameters: a session's. */
  get guard(): string {
    return this.text("guard", ({ t, own }) => {
      return `SELECT ${GUARD_COLUMNS.join(", ")} FROM ${t("sessions")} WHERE id = ?${own}`;
    });
  }

  /**
   * The newest checkpoint of a namespace, or the one of an id, with its writes and its guard.
   * Parameters: a session's, namespace, perhaps an id, three times the session.
   */
  checkpoint(byId: boolean): string {
    const which = byId ? " AND checkpoint_id = ?" : " AND copy_of IS NULL";
    const order = byId ? "" : " ORDER BY version DESC LIMIT 1";
    return this.text(`checkpoint ${byId}`, (joins) => {
      const where = `session_id = ${joins.one} AND checkpoint_ns = ?${which}`;
      return withWrites(joins, `${pageOf(joins)} WHERE ${where}${order}`, true);
    });
  }

  /**
   * One text per combination of conditions. Parameters: a session's, or the scope's; what the query has
   * of the others, in this order; the limit and, if it has a session, three times that.
   */
  list(query: ListQuery): string {
    const ofOneSession = query.sessionId !== undefined;
    const conditions = [
      query.ns !== undefined && "checkpoint_ns = ?",
      query.id !== undefined && "checkpoint_id = ?",
      query.name !== undefined && "name = ?",
      query.label !== undefined && "label = ?",
      query.beforeVersion !== undefined && "version < ?",
      query.beforeId !== undefined && "checkpoint_id < ?",
      query.after !== undefined && AFTER,
    ].filter((condition) => condition !== false);
    const order = ofOneSession ? "version DESC" : "checkpoint_id DESC, session_id, version DESC";
    const rest = conditions.map((condition) => ` AND ${condition}`).join("");
    return this.text(`list ${ofOneSession}${rest}`, (joins) => {
      const within = ofOneSession ? `session_id = ${joins.one}` : `1 = 1${joins.any}`;
      const page = `${pageOf(joins)} WHERE ${within}${rest} ORDER BY ${order} LIMIT ?`;
      return withWrites(joins, page, ofOneSession);
    });
  }

  get versions(): string {
    return this.text("versions", ({ t, one }) => {
      const columns = "checkpoint_ns, ns_text, version";
      return `SELECT ${columns} FROM ${t("agent_state")} WHERE session_id = ${one} AND checkpoint_id = ?`;
    });
  }

  get writes(): string {
    return this.text("writes", ({ t, one }) => {
      const where = `session_id = ${one} AND checkpoint_ns = ? AND checkpoint_id = ?`;
      return `SELECT ${WRITE_COLUMNS.join(", ")} FROM ${t("state_writes")} WHERE ${where}`;
    });
  }

  get sessionWrites(): string {
    return this.text(
      "sessionWrites",
      ({ t, one }) =>
        `SELECT ${WRITE_COLUMNS.join(", ")} FROM ${t("state_writes")} WHERE session_id = ${one}`,
    );
  }

  /** @param checkpoints how many checkpoint ids the caller binds, behind the session; 0: all */
  nodeRuns(checkpoints: number): string {
    const any = Array(checkpoints).fill("?").join(", ");
    const which = checkpoints > 0 ? ` AND checkpoint_id IN (${any})` : "";
    return this.text(`nodeRuns ${checkpoints}`, ({ t, one }) => {
      const columns = NODE_RUN_COLUMNS.join(", ");
      return `SELECT ${columns} FROM ${t("node_runs")} WHERE session_id = ${one}${which}`;
    });
  }

  toolEvents(ofOneCall: boolean): string {
    const which = ofOneCall ? " AND call_id = ?" : "";
    return this.text(`toolEvents ${ofOneCall}`, ({ t, one }) => {
      const columns = TOOL_EVENT_COLUMNS.join(", ");
      return `SELECT ${columns} FROM ${t("tool_journal")} WHERE session_id = ${one}${which}`;
    });
  }

  /** @param ranges how many ranges the caller binds, before what `itemsIn` names */
  items(ranges: number): string {
    return this.text(`items ${ranges}`, (joins) => itemsIn(joins, ranges));
  }

  /** Parameters: those of `chain`, session, session. */
  get ancestors(): string {
    return this.text("ancestors", (joins) => {
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
    return this.text(`ancestorWrites ${channels}`, (joins) => {
      const join = lookUp(joins, "state_writes", "c", CHAIN_JOIN);
      const columns = WRITE_COLUMNS.map((name) => `c.${name}`).join(", ");
      return `${chain(joins)} SELECT ${columns} FROM chain ${join} WHERE chain.depth > 0 AND c.channel IN (${any})`;
    });
  }

  get namespaces(): string {
    return this.text("namespaces", ({ t, one }) => {
      const columns = "checkpoint_ns, ns_text";
      return `SELECT DISTINCT ${columns} FROM ${t("agent_state")} WHERE session_id = ${one}`;
    });
  }

  get runCheckpoints(): string {
    return this.text("runCheckpoints", ({ t, any }) => {
      const columns = "session_id, checkpoint_ns, ns_text, checkpoint_id";
      return `SELECT ${columns} FROM ${t("agent_state")} WHERE run_id = ?${any}`;
    });
  }

  /** The text of a key, made by the first who asks. */
  text(key: string, make: (joins: ReadJoins) => string): string {
    let text = this.#texts.get(key);
    if (text === undefined) {
      const { lateral } = this.#dialect;
      const t = (name: TableName) => this.#dialect.table(name);
      const { one, any, own } = this.scope;
      text = this.#dialect.placeholders(make({ t, lateral, one, any, own }));
      this.#texts.set(key, text);
    }
    return text;
  }
}

const pageOf = ({ t }: Joins) => `SELECT ${PAGE_COLUMNS} FROM ${t("agent_state")}`;

/** A text depends on how many values it binds: few numbers keep the set of texts small. */
export function padded<T>(values: readonly T[], filler = values[0] as T): T[] {
  const count = 2 ** Math.ceil(Math.log2(values.length));
  return Array.from({ length: count }, (_, i) => (i < values.length ? (values[i] as T) : filler));
}
