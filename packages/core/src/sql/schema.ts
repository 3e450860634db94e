import type { Column, Dialect, Table } from "./dialect.js";

const id = (name: string): Column => ({ name, type: "id" });
const text = (name: string): Column => ({ name, type: "text" });
const integer = (name: string): Column => ({ name, type: "integer" });
const nullable = (column: Column): Column => ({ ...column, nullable: true });

export const MIGRATIONS: Table = {
  name: "migrations",
  columns: [integer("version"), id("name"), integer("applied_at")],
  key: ["version"],
};

export const SESSIONS: Table = {
  name: "sessions",
  columns: [
    id("id"),
    nullable(id("alias")),
    nullable(id("user_id")),
    nullable(id("tenant_id")),
    nullable(id("agent_id")),
    nullable(text("title")),
    nullable(text("title_key")),
    nullable(text("metadata")),
    nullable(id("status")),
    integer("created_at"),
    integer("updated_at"),
    nullable(integer("ended_at")),
    integer("next_item"),
    integer("next_version"),
    integer("next_message"),
    integer("incarnation"),
    integer("epoch"),
    integer("rollbacks"),
    id("batch_token"),
  ],
  key: ["id"],
  indexes: [
    { name: "sessions_by_activity", columns: ["updated_at", "id"] },
    ...["tenant_id", "user_id", "agent_id", "status"].map((name) => ({
      name: `sessions_by_${name}`,
      columns: [name, "updated_at", "id"],
      unlessNull: name,
    })),
    {
      name: "sessions_by_owner",
      columns: ["tenant_id", "user_id", "updated_at", "id"],
      unlessNull: "user_id",
    },
    {
      name: "sessions_archived",
      columns: ["updated_at", "id"],
      unlessNull: "ended_at",
      whole: ["ended_at", "updated_at", "id"],
    },
    {
      name: "sessions_archived_by_tenant",
      columns: ["tenant_id", "updated_at", "id"],
      unlessNull: "ended_at",
      whole: ["tenant_id", "ended_at", "updated_at", "id"],
    },
  ],
};

export const MESSAGES: Table = {
  name: "messages",
  columns: [
    id("session_id"),
    integer("position"),
    nullable(text("id")),
    nullable(id("message_key")),
    id("role"),
    text("content"),
    nullable(text("metadata")),
    integer("created_at"),
  ],
  key: ["session_id", "position"],
  indexes: [
    {
      name: "messages_by_key",
      columns: ["session_id", "message_key"],
      unique: true,
      unlessNull: "message_key",
    },
  ],
};

export const MODEL_CALLS: Table = {
  name: "model_calls",
  columns: [
    id("session_id"),
    id("id"),
    nullable(text("message_id")),
    nullable(text("model")),
    id("status"),
    nullable(integer("input_tokens")),
    nullable(integer("output_tokens")),
    nullable(integer("total_tokens")),
    nullable(text("usage_details")),
    nullable(text("error")),
    integer("latency_ms"),
    integer("started_at"),
  ],
  key: ["session_id", "id"],
};

export const AGENT_STATE: Table = {
  name: "agent_state",
  columns: [
    id("session_id"),
    id("checkpoint_ns"),
    integer("version"),
    id("checkpoint_id"),
    nullable(id("parent_id")),
    nullable(integer("step")),
    nullable(text("source")),
    nullable(text("node_path")),
    nullable(integer("tombstone")),
    nullable(integer("copy_of")),
    nullable(id("name")),
    nullable(text("label")),
    nullable(text("properties")),
    nullable(id("run_id")),
    text("state"),
    text("metadata"),
    integer("created_at"),
    nullable(text("ns_text")),
  ],
  key: ["session_id", "checkpoint_ns", "checkpoint_id"],
  indexes: [
    {
      name: "agent_state_by_version",
      columns: ["session_id", "checkpoint_ns", "version"],
      unique: true,
    },
    { name: "agent_state_by_run", columns: ["run_id"], unlessNull: "run_id" },
    { name: "agent_state_by_name", columns: ["session_id", "name"], unlessNull: "name" },
  ],
};

export const STATE_ITEMS: Table = {
  name: "state_items",
  columns: [id("session_id"), integer("seq"), id("type"), text("body")],
  key: ["session_id", "seq"],
};

export const STATE_WRITES: Table = {
  name: "state_writes",
  columns: [
    id("session_id"),
    id("checkpoint_ns"),
    id("checkpoint_id"),
    id("task_id"),
    integer("idx"),
    text("task_path"),
    text("channel"),
    text("value"),
    nullable(text("ns_text")),
  ],
  key: ["session_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"],
  clustered: true,
};

export const NODE_RUNS: Table = {
  name: "node_runs",
  columns: [
    id("session_id"),
    id("checkpoint_ns"),
    id("checkpoint_id"),
    id("task_id"),
    integer("attempt"),
    text("node_path"),
    nullable(integer("step")),
    id("kind"),
    id("status"),
    id("learnt"),
    text("input"),
    nullable(text("output")),
    nullable(text("error")),
    nullable(integer("started_at")),
    integer("ended_at"),
    nullable(text("ns_text")),
  ],
  key: ["session_id", "checkpoint_id", "checkpoint_ns", "task_id", "attempt"],
  clustered: true,
};

export const TOOL_JOURNAL: Table = {
  name: "tool_journal",
  columns: [
    id("session_id"),
    id("call_id"),
    integer("attempt"),
    id("event"),
    text("tool"),
    nullable(text("checkpoint_ns")),
    nullable(id("checkpoint_id")),
    integer("position"),
    integer("version"),
    text("body"),
    integer("created_at"),
  ],
  key: ["session_id", "call_id", "attempt", "event"],
};

/** A step of the schema's history; never changed once released. */
export interface Migration {
  readonly version: number;
  /** Begins with `threadkeep`: that is how our own tables are recognised. */
  readonly name: string;
  /** Where DDL has no transactions, each of them may run again after it was done. */
  readonly statements: (dialect: Dialect) => string[];
}

function create(tables: readonly Table[]): (dialect: Dialect) => string[] {
  return (dialect) => tables.flatMap((table) => dialect.createTable(table));
}

export const HISTORY: readonly Migration[] = [
  {
    version: 1,
    name: "threadkeep: sessions, messages, agent state",
    statements: create([
      SESSIONS,
      MESSAGES,
      AGENT_STATE,
      STATE_ITEMS,
      STATE_WRITES,
      NODE_RUNS,
      TOOL_JOURNAL,
      MODEL_CALLS,
    ]),
  },
];

export const OWN_TABLES = [
  "migrations",
  "sessions",
  "messages",
  "agent_state",
  "state_items",
  "state_writes",
  "node_runs",
  "tool_journal",
  "model_calls",
] as const;
