import { StorageError } from "../errors.js";
import type { Dialect } from "./dialect.js";
import type { Driver } from "./driver.js";
import { HISTORY, MIGRATIONS, type Migration, OWN_TABLES } from "./schema.js";

type Session = Pick<Driver, "query" | "batch">;

/**
 * Brings the schema to this library's version. Any number of processes may call it at once.
 * @throws StorageError `SCHEMA_NEWER` or `SCHEMA_FOREIGN`; nothing is changed then
 */
export async function migrate(driver: Driver, dialect: Dialect, now: () => number): Promise<void> {
  if ((await appliedVersion(driver, dialect)) === latest()) return;
  await driver.exclusive(async (session) => {
    const applied = await appliedVersion(session, dialect);
    if (applied === 0) await createMigrations(session, dialect);
    for (const migration of HISTORY) {
      if (migration.version > applied) await apply(session, dialect, migration, now());
    }
  });
}

function latest(): number {
  return (HISTORY[HISTORY.length - 1] as Migration).version;
}

/** 0 where there is nothing of ours yet. */
async function appliedVersion(session: Session, dialect: Dialect): Promise<number> {
  const { text, params } = dialect.existingTables(OWN_TABLES);
  const existing = (await session.query(text, params)).map(([name]) => name as string);
  if (existing.length === 0) return 0;
  if (!existing.includes("migrations")) throw foreign(dialect, existing[0] as string);
  const rows = await ownMigrations(session, dialect);
  const version = Math.max(0, ...rows.map(([v]) => Number(v)));
  if (version > latest()) {
    throw new StorageError(
      "SCHEMA_NEWER",
      "setup",
      `the tables have schema version ${version}, this threadkeep knows ${latest()}: upgrade threadkeep`,
    );
  }
  return version;
}

async function ownMigrations(session: Session, dialect: Dialect) {
  try {
    const table = dialect.table("migrations");
    const rows = await session.query(`SELECT version, name FROM ${table}`, []);
    if (rows.length > 0 && rows.every(([, name]) => String(name).startsWith("threadkeep"))) {
      return rows;
    }
  } catch (error) {
    if (error instanceof StorageError && error.code !== "DATABASE") throw error;
    throw foreign(dialect, "migrations", error);
  }
  throw foreign(dialect, "migrations");
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

async function createMigrations(session: Session, dialect: Dialect): Promise<void> {
  await session.batch([{ text: dialect.createTable(MIGRATIONS), params: [] }]);
}

async function apply(
  session: Session,
  dialect: Dialect,
  migration: Migration,
  now: number,
): Promise<void> {
  const columns = MIGRATIONS.columns.map((column) => column.name);
  const record = dialect.insert("migrations", columns, { action: "fail" }, 1);
  await session.batch([
    ...migration.statements(dialect).map((text) => ({ text, params: [] })),
    { text: record, params: [migration.version, migration.name, now] },
  ]);
}
