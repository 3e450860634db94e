import type {
  Column,
  Conflict,
  Dialect,
  Index,
  Insert,
  Table,
  TableName,
} from "@threadkeep/core/backend";
import { StorageError } from "@threadkeep/core/backend";

const TYPES = { id: "TEXT", text: "TEXT", integer: "INTEGER" } as const;

/** @throws StorageError `INVALID_ARGUMENT` for a prefix that is no plain identifier */
export function checkPrefix(prefix: unknown): string {
  if (typeof prefix === "string" && (prefix === "" || /^[a-z_][a-z0-9_]{0,39}$/.test(prefix))) {
    return prefix;
  }
  throw new StorageError(
    "INVALID_ARGUMENT",
    "tablePrefix",
    "tablePrefix must be at most 40 of a-z, 0-9 and _, and not begin with a digit",
  );
}

/** How SQLite spells it. Text columns compare by bytes (`BINARY`), SQLite's default. */
export class SqliteDialect implements Dialect {
  readonly name = "sqlite";
  readonly placeOption = "tablePrefix";
  readonly joins = false;
  readonly lateral = false;
  /** A prepared statement costs next to nothing per call. */
  readonly insertRows = 1;
  readonly insertBytes = Number.POSITIVE_INFINITY;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = checkPrefix(prefix);
  }

  table(name: TableName): string {
    return this.#quote(name);
  }

  createTable(table: Table): string[] {
    const key = `PRIMARY KEY (${table.key.join(", ")})`;
    const columns = [...table.columns.map(columnSql), key].join(", ");
    const tail = table.clustered ? " WITHOUT ROWID" : "";
    const create = `CREATE TABLE ${this.table(table.name)} (${columns})${tail}`;
    return [create, ...(table.indexes ?? []).map((index) => this.#createIndex(table, index))];
  }

  #createIndex(table: Table, { name, columns, unique, unlessNull }: Index): string {
    const kind = unique ? "UNIQUE INDEX" : "INDEX";
    const where = unlessNull === undefined ? "" : ` WHERE ${unlessNull} IS NOT NULL`;
    const on = `${this.table(table.name)} (${columns.join(", ")})`;
    return `CREATE ${kind} ${this.#quote(name)} ON ${on}${where}`;
  }

  insert({ table, columns, conflict, rows }: Insert): string {
    const row = `(${columns.map(() => "?").join(", ")})`;
    const all = Array(rows).fill(row).join(", ");
    return `INSERT INTO ${this.table(table.name)} (${columns.join(", ")}) VALUES ${all}${onConflict(conflict)}`;
  }

  placeholders(text: string): string {
    return text;
  }

  existingTables(names: readonly string[]): { text: string; params: string[] } {
    const any = names.map(() => "?").join(", ");
    return {
      text: `SELECT substr(name, ${this.#prefix.length + 1}) FROM sqlite_master WHERE type IN ('table', 'view') AND name IN (${any})`,
      params: names.map((name) => this.#prefix + name),
    };
  }

  #quote(name: string): string {
    return `"${this.#prefix}${name}"`;
  }
}

function columnSql({ name, type, nullable }: Column): string {
  return `${name} ${TYPES[type]}${nullable ? "" : " NOT NULL"}`;
}

function onConflict(conflict: Conflict): string {
  if (conflict.action === "fail") return "";
  const on = ` ON CONFLICT (${conflict.key.join(", ")})`;
  if (conflict.action === "keep") return `${on} DO NOTHING`;
  const { columns, ifNegative } = conflict;
  const where = ifNegative === undefined ? "" : ` WHERE excluded.${ifNegative} < 0`;
  return `${on} DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}${where}`;
}
