import type { Conflict, Dialect, Index, Insert, Table, TableName } from "@threadkeep/core/backend";
import { checkPrefix, columnsSql, rowsSql } from "@threadkeep/core/backend";

/** Bytes, so that no character set and no collation has a say in what is equal. */
const TYPES = { id: "VARBINARY(255)", text: "LONGBLOB", integer: "BIGINT" } as const;

const MARK = "threadkeep";

/** How MySQL 8 and MariaDB spell it, in what both understand. */
export class MysqlDialect implements Dialect {
  readonly name = "mysql";
  readonly placeOption = "tablePrefix";
  readonly joins = false;
  readonly lateral = false;
  readonly insertRows = 500;
  /** A packet takes 16 MB (MariaDB) or 64 MB (MySQL), and 1 MB where somebody has lowered it. */
  readonly insertBytes = 512 * 1024;
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = checkPrefix(prefix);
  }

  table(name: TableName): string {
    return `\`${this.#prefix}${name}\``;
  }

  /** DDL has no transactions here: the mark tells a table of ours that an interrupted set-up left. */
  createTable(table: Table): string[] {
    const parts = [...columnsSql(table, TYPES), ...(table.indexes ?? []).map(indexSql)].join(", ");
    const how = `ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COMMENT = '${MARK}'`;
    return [`CREATE TABLE IF NOT EXISTS ${this.table(table.name)} (${parts}) ${how}`];
  }

  insert({ table, columns, conflict, rows }: Insert): string {
    const values = rowsSql(Array(columns.length).fill("?"), rows);
    // Only IGNORE tells truly how many rows were inserted. It would also cut what is too long: ids were
    // checked before, and no text is too long for its column.
    const insert = conflict.action === "keep" ? "INSERT IGNORE" : "INSERT";
    const into = `${insert} INTO ${this.table(table.name)} (${columns.join(", ")})`;
    return `${into} VALUES ${values}${onConflict(conflict)}`;
  }

  insertKeeping(into: string, select: string): string {
    return `INSERT IGNORE INTO ${into} ${select}`;
  }

  placeholders(text: string): string {
    return text;
  }

  existingTables(names: readonly string[]): { text: string; params: string[] } {
    const any = names.map(() => "?").join(", ");
    const bare = `SUBSTRING(table_name, ${this.#prefix.length + 1})`;
    return {
      text: `SELECT ${bare}, table_comment = '${MARK}' FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN (${any})`,
      params: names.map((name) => this.#prefix + name),
    };
  }
}

function indexSql({ name, columns, whole = columns, unique }: Index): string {
  return `${unique ? "UNIQUE KEY" : "KEY"} ${name} (${whole.join(", ")})`;
}

function onConflict(conflict: Conflict): string {
  if (conflict.action !== "replace") return "";
  const { columns, ifNegative } = conflict;
  const set = columns.map((name) => {
    const next = `VALUES(${name})`;
    return ifNegative === undefined
      ? `${name} = ${next}`
      : `${name} = IF(VALUES(${ifNegative}) < 0, ${next}, ${name})`;
  });
  return ` ON DUPLICATE KEY UPDATE ${set.join(", ")}`;
}
