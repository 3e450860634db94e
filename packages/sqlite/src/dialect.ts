import type { Dialect, Insert, Table, TableName } from "@threadkeep/core/backend";
import {
  checkPrefix,
  columnsSql,
  createIndexSql,
  onConflictSql,
  rowsSql,
} from "@threadkeep/core/backend";

const TYPES = { id: "TEXT", text: "TEXT", integer: "INTEGER" } as const;

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
    const name = this.table(table.name);
    const columns = columnsSql(table, TYPES).join(", ");
    const tail = table.clustered ? " WITHOUT ROWID" : "";
    const indexes = (table.indexes ?? []).map((index) => {
      return createIndexSql(index, this.#quote(index.name), name);
    });
    return [`CREATE TABLE ${name} (${columns})${tail}`, ...indexes];
  }

  insert({ table, columns, conflict, rows }: Insert): string {
    const values = rowsSql(Array(columns.length).fill("?"), rows);
    const into = `INSERT INTO ${this.table(table.name)} (${columns.join(", ")})`;
    return `${into} VALUES ${values}${onConflictSql(conflict)}`;
  }

  insertKeeping(into: string, select: string): string {
    return `INSERT INTO ${into} ${select} ON CONFLICT DO NOTHING`;
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
