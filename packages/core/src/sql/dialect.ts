/** What a column holds, independent of how an engine calls it. */
export type ColumnType =
  /** A string of at most 255 UTF-8 bytes, compared byte by byte. */
  | "id"
  /** A string of any length, never compared. */
  | "text"
  /** A whole number within JavaScript's safe range. */
  | "integer";

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable?: boolean;
}

export interface Table {
  readonly name: TableName;
  readonly columns: readonly Column[];
  readonly key: readonly string[];
  readonly indexes?: readonly Index[];
  /** Rows are short, so they may live in the key's own tree where an engine has that choice. */
  readonly clustered?: boolean;
}

export interface Index {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique?: boolean;
  /** A column without which a row need not stand in the index, where an engine has that choice. */
  readonly unlessNull?: string;
  /** The columns of it where an engine has not. Default: the same. */
  readonly whole?: readonly string[];
}

export type TableName =
  | "sessions"
  | "messages"
  | "agent_state"
  | "state_items"
  | "state_writes"
  | "node_runs"
  | "tool_journal"
  | "model_calls"
  | "migrations";

/** What an insert does where its key is taken. */
export type Conflict =
  | { readonly action: "fail" }
  | { readonly action: "keep"; readonly key: readonly string[] }
  | {
      readonly action: "replace";
      readonly key: readonly string[];
      readonly columns: readonly string[];
      /** A column that must be negative in the new row; other rows keep what stands there. */
      readonly ifNegative?: string;
    };

export interface Insert {
  readonly table: Table;
  readonly columns: readonly string[];
  readonly conflict: Conflict;
  readonly rows: number;
  /** The part of the same statement that must have written a row, else nothing is inserted. */
  readonly head?: string | undefined;
}

/** How an engine spells what differs between engines. Everything else is in `statements.ts`. */
export interface Dialect {
  readonly name: string;
  /** The option that moves the tables elsewhere, for error messages. */
  readonly placeOption: "schema" | "tablePrefix";
  /**
   * Whether the statements of a batch can be parts of one (`WITH … AS (INSERT … RETURNING …)`),
   * which is then one round trip.
   */
  readonly joins: boolean;
  /**
   * Whether a join must be told to look its rows up one by one (`LATERAL`): a planner that knows
   * nothing of a young table would rather read a whole thread.
   */
  readonly lateral: boolean;
  /** How many rows one insert takes, and about how many bytes of them. */
  readonly insertRows: number;
  readonly insertBytes: number;
  /** The quoted, fully qualified name of a table. */
  table(name: TableName): string;
  /** What must stand before any table, where it does not yet: a schema. */
  createPlace?(): { exists: { text: string; params: string[] }; create: string };
  /** The statements that make a table and its indexes. */
  createTable(table: Table): string[];
  insert(insert: Insert): string;
  /** An `INSERT INTO … SELECT …` that keeps what stands where any key is taken. */
  insertKeeping(into: string, select: string): string;
  /** Turns `?` into the engine's placeholders. */
  placeholders(text: string): string;
  /**
   * Lists which of our table names exist: bare names and, where DDL has no transactions, a mark
   * that is true for tables of ours.
   */
  existingTables(names: readonly string[]): { text: string; params: string[] };
}
