import type { Dialect, Insert, Table, TableName } from "@threadkeep/core/backend";
import {
  checkSchema,
  columnsSql,
  createIndexSql,
  onConflictSql,
  rowsSql,
} from "@threadkeep/core/backend";

/** Ids compare byte by byte, whatever the database's locale. */
const TYPES = { id: 'text COLLATE "C"', text: "text", integer: "bigint" } as const;
const CASTS = { id: "text", text: "text", integer: "bigint" } as const;

/** Where the tables stand, and how. */
export interface PostgresPlace {
  /** The schema of the tables; it is made if it is not there. Default: `"threadkeep"`. */
  readonly schema?: string;
}

export interface PostgresSpelling {
  /** Whether a batch is one statement, and so one round trip. Default: `true`. */
  readonly joins?: boolean;
  /** How many tables each table is cut into by its session. Default: 0, none. */
  readonly partitions?: number;
}

/** How PostgreSQL spells it. */
export class PostgresDialect implements Dialect {
  readonly name = "postgres";
  readonly placeOption = "schema";
  readonly joins: boolean;
  readonly lateral = true;
  readonly insertRows = 500;
  readonly insertBytes = Number.POSITIVE_INFINITY;
  readonly #schema: string;
  readonly #partitions: number;

  constructor(schema: string, { joins = true, partitions = 0 }: PostgresSpelling = {}) {
    this.#schema = checkSchema(schema);
    this.joins = joins;
    this.#partitions = partitions;
  }

  table(name: TableName): string {
    return this.#named(name);
  }

  createPlace(): ReturnType<NonNullable<Dialect["createPlace"]>> {
    const text = "SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1";
    return {
      exists: { text, params: [this.#schema] },
      create: `CREATE SCHEMA IF NOT EXISTS "${this.#schema}"`,
    };
  }

  createTable(table: Table): string[] {
    const name = this.table(table.name);
    const columns = columnsSql(table, TYPES).join(", ");
    const isCut = this.#partitions > 0 && table.name !== "migrations";
    const cut = isCut ? ` PARTITION BY HASH (${table.key[0]})` : "";
    const indexes = (table.indexes ?? []).map((index) => {
      return createIndexSql(index, `"${index.name}"`, name);
    });
    return [
      `CREATE TABLE ${name} (${columns})${cut}`,
      ...(isCut ? this.#partitionsOf(table.name) : []),
      ...indexes,
    ];
  }

  #partitionsOf(name: TableName): string[] {
    return Array.from({ length: this.#partitions }, (_, i) => {
      const values = `WITH (MODULUS ${this.#partitions}, REMAINDER ${i})`;
      return `CREATE TABLE ${this.#named(`${name}_${i}`)} PARTITION OF ${this.table(name)} FOR VALUES ${values}`;
    });
  }

  insert({ table, columns, conflict, rows, head }: Insert): string {
    const types = new Map(table.columns.map(({ name, type }) => [name, CASTS[type]]));
    const placeholders = columns.map((name) => `?::${types.get(name)}`);
    const values = `VALUES ${rowsSql(placeholders, rows)}`;
    const into = `INSERT INTO ${this.table(table.name)} (${columns.join(", ")})`;
    const from = head === undefined ? values : `SELECT v.* FROM ${head}, (${values}) v`;
    return `${into} ${from}${onConflictSql(conflict)}`;
  }

  insertKeeping(into: string, select: string): string {
    return `INSERT INTO ${into} ${select} ON CONFLICT DO NOTHING`;
  }

  placeholders(text: string): string {
    let n = 0;
    return text.replaceAll("?", () => {
      n += 1;
      return `$${n}`;
    });
  }

  existingTables(names: readonly string[]): { text: string; params: string[] } {
    const any = names.map((_, i) => `$${i + 2}`).join(", ");
    return {
      text: `SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname IN (${any})`,
      params: [this.#schema, ...names],
    };
  }

  #named(name: string): string {
    return `"${this.#schema}"."${name}"`;
  }
}
