import { StorageError } from "../errors.js";
import type { Dialect } from "./dialect.js";
import type { Driver, Param, Row, Step } from "./driver.js";
import { HISTORY, MIGRATIONS, type Migration, OWN_TABLES } from "./schema.js";
import { runSteps } from "./steps.js";

/** Who makes the tables, see `StorageOptions`. */
export type SetupMode = "auto" | "verify" | "off";

/**
 * Brings the schema to this library's version, or sees to it that it is. Any number of processes
 * may call it at once.
 * @throws StorageError `SCHEMA_NEWER`, `SCHEMA_FOREIGN` or `SCHEMA_OUTDATED`; nothing is changed then
 */
export async function migrate(
  driver: Driver,
  dialect: Dialect,
  mode: SetupMode,
  now: () => number,
): Promise<void> {
  if (mode === "off") return;
  const applied = await runSteps(appliedVersion(dialect), ({ text, params }) =>
    driver.query(text, params),
  );
  if (applied === latest()) return;
  if (mode === "verify") throw outdated(applied);
  await driver.exclusive(() => migration(dialect, now));
}

/** The SQL that makes all tables where there are none, for people who run their own. */
export function migrationSql(dialect: Dialect): string {
  const statements = [
    ...(dialect.createPlace === undefined ? [] : [dialect.createPlace().create]),
    ...dialect.createTable(MIGRATIONS),
    ...HISTORY.flatMap((one) => [...one.statements(dialect), recordSql(dialect, one)]),
  ];
  return statements.map((text) => `${text};\n`).join("");
}

function read(text: string, params: readonly Param[] = []): Step {
  return { text, params, reads: true };
}

function write(text: string): Step {
  return { text, params: [], reads: false };
}

function* migration(dialect: Dialect, now: () => number): Generator<Step, void, Row[]> {
  const applied = yield* appliedVersion(dialect);
  if (applied === 0) yield* createMigrations(dialect);
  for (const one of HISTORY) {
    if (one.version <= applied) continue;
    for (const text of one.statements(dialect)) yield write(text);
    yield write(recordSql(dialect, one, now()));
  }
}

function* createMigrations(dialect: Dialect): Generator<Step, void, Row[]> {
  if (dialect.createPlace !== undefined) {
    const { exists, create } = dialect.createPlace();
    // Whoever may not make a schema may still use one that is there.
    const found = yield read(exists.text, exists.params);
    if (found.length === 0) yield write(create);
  }
  for (const text of dialect.createTable(MIGRATIONS)) yield write(text);
}

/** The name is ours and has no quotes in it. */
function recordSql(dialect: Dialect, { version, name }: Migration, now = 0): string {
  const columns = MIGRATIONS.columns.map((column) => column.name).join(", ");
  return `INSERT INTO ${dialect.table("migrations")} (${columns}) VALUES (${version}, '${name}', ${now})`;
}

function latest(): number {
  return (HISTORY[HISTORY.length - 1] as Migration).version;
}

/** 0 where there is nothing of ours yet, or only what an interrupted set-up left. */
function* appliedVersion(dialect: Dialect): Generator<Step, number, Row[]> {
  const { text, params } = dialect.existingTables(OWN_TABLES);
  const existing = yield read(text, params);
  const stranger = existing.find(([, isMarked]) => !isMarked);
  const names = existing.map(([name]) => name as string);
  if (names.length === 0) return 0;
  if (!names.includes("migrations")) throw foreign(dialect, names[0] as string);
  const rows = yield* readMigrations(dialect);
  if (rows.length === 0 && stranger === undefined) return 0;
  const isOurs = rows.length > 0 && rows.every(([, name]) => String(name).startsWith("threadkeep"));
  if (!isOurs) throw foreign(dialect, (stranger?.[0] as string | undefined) ?? "migrations");
  const version = Math.max(...rows.map(([v]) => Number(v)));
  if (version <= latest()) return version;
  throw new StorageError(
    "SCHEMA_NEWER",
    "setup",
    `the tables have schema version ${version}, this threadkeep knows ${latest()}: upgrade threadkeep`,
  );
}

function* readMigrations(dialect: Dialect): Generator<Step, Row[], Row[]> {
  try {
    return yield read(`SELECT version, name FROM ${dialect.table("migrations")}`);
  } catch (error) {
    if (error instanceof StorageError && error.code !== "DATABASE") throw error;
    throw foreign(dialect, "migrations", error);
  }
}

function foreign(dialect: Dialect, table: string, cause?: unknown): StorageError {
  return new StorageError(
    "SCHEMA_FOREIGN",
    "setup",
    `there is a table ${JSON.stringify(table)} that threadkeep did not make; ` +
      `give threadkeep's tables another place with the option \`${dialect.placeOption}\``,
    cause === undefined ? {} : { cause },
  );
}

function outdated(applied: number): StorageError {
  const found = applied === 0 ? "there are no tables" : `the tables have version ${applied}`;
  return new StorageError(
    "SCHEMA_OUTDATED",
    "setup",
    `${found}, this threadkeep needs version ${latest()}; ` +
      "run the SQL that migrationSql() returns, or call setup() with a role that may create tables",
  );
}
