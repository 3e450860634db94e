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
}

export type TableName =
  | "sessions"
  | "messages"
  | "agent_state"
  | "state_items"
  | "state_writes"
  | "migrations";

/** What an insert does where its key is taken. */
export type Conflict =
  | { readonly action: "fail" }
  | { readonly action: "keep"; readonly key: readonly string[] }
  | {
      readonly action: "replace";
      readonly key: readonly string[];
      readonly columns: readonly string[];
    };

/** How an engine spells what differs between engines. Everything else is in `statements.ts`. */
export interface Dialect {
  readonly name: string;
  /** The option that moves the tables elsewhere, for error messages. */
  readonly placeOption: "schema" | "tablePrefix";
  /** The quoted, fully qualified name of a table. */
  table(name: TableName): string;
  createTable(table: Table): string;
  createIndex(table: Table, index: Index): string;
  /** One insert of `rows` rows. */
  insert(table: TableName, columns: readonly string[], conflict: Conflict, rows: number): string;
  /** Turns `?` into the engine's placeholders. */
  placeholders(text: string): string;
  /** Lists which of our table names exist: one column, bare names. */
  existingTables(names: readonly string[]): { text: string; params: string[] };
}
