import type { ColumnType, Conflict, Index, Table } from "./dialect.js";

/** The columns and the key of a table, as they stand in its `CREATE TABLE`. */
export function columnsSql(
  { columns, key }: Table,
  types: Readonly<Record<ColumnType, string>>,
): string[] {
  return [
    ...columns.map(({ name, type, nullable }) => {
      return `${name} ${types[type]}${nullable ? "" : " NOT NULL"}`;
    }),
    `PRIMARY KEY (${key.join(", ")})`,
  ];
}

/**
 * @param name of the index, quoted
 * @param table its table, quoted
 */
export function createIndexSql(
  { columns, unique, unlessNull }: Index,
  name: string,
  table: string,
): string {
  const kind = unique ? "UNIQUE INDEX" : "INDEX";
  const where = unlessNull === undefined ? "" : ` WHERE ${unlessNull} IS NOT NULL`;
  return `CREATE ${kind} ${name} ON ${table} (${columns.join(", ")})${where}`;
}

/** The rows of an insert, each of these placeholders. */
export function rowsSql(placeholders: readonly string[], rows: number): string {
  return Array(rows)
    .fill(`(${placeholders.join(", ")})`)
    .join(", ");
}

/** What stands behind an insert, where the engine has `ON CONFLICT`. */
export function onConflictSql(conflict: Conflict): string {
  if (conflict.action === "fail") return "";
  const on = ` ON CONFLICT (${conflict.key.join(", ")})`;
  if (conflict.action === "keep") return `${on} DO NOTHING`;
  const { columns, ifNegative } = conflict;
  const where = ifNegative === undefined ? "" : ` WHERE excluded.${ifNegative} < 0`;
  return `${on} DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}${where}`;
}
