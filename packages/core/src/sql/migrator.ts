import { StorageError } from "../errors.js";
import type { Dialect } from "./dialect.js";
import type { Driver, Param, Row, Step } from "./driver.js";
import { HISTORY, MIGRATIONS, type Migration, OWN_TABLES } from "./schema.js";

/**
 * Brings the schema to this library's version. Any number of processes may call it at once.
 * @throws StorageError `SCHEMA_NEWER` or `SCHEMA_FOREIGN`; nothing is changed then
 */
export async function migrate(driver: Driver, dialect: Dialect, now: () => number): Promise<void> {
  if ((await readOnly(driver, appliedVersion(dialect))) === latest()) return;
  await driver.exclusive(() => migration(dialect, now));
}

/** Runs steps that only read, without the lock. */
async function readOnly<T>(driver: Driver, steps: Generator<Step, T, Row[]>): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    try {
      step = steps.next(await driver.query(step.value.text, step.value.params));
    } catch (error) {
      step = steps.throw(error);
    }
  }
  return step.value;
}

function read(text: string, params: readonly Param[] = []): Step {
  return { text, params, reads: true };
}

function write(text: string, params: readonly Param[] = []): Step {
  return { text, params, reads: false };
}

function* migration(dialect: Dialect, now: () => number): Generator<Step, void, Row[]> {
  const applied = yield* appliedVersion(dialect);
  if (applied === 0) yield write(dialect.createTable(MIGRATIONS));
  for (const one of HISTORY) if (one.version > applied) yield* apply(dialect, one, now());
}

function latest(): number {
  return (HISTORY[HISTORY.length - 1] as Migration).version;
}

/** 0 where there is nothing of ours yet. */
function* appliedVersion(dialect: Dialect): Generator<Step, number, Row[]> {
  const { text, params } = dialect.existingTables(OWN_TABLES);
  const existing = (yield read(text, params)).map(([name]) => name as string);
  if (existing.length === 0) return 0;
  if (!existing.includes("migrations")) throw foreign(dialect, existing[0] as string);
  const rows = yield* ownMigrations(dialect);
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

function* ownMigrations(dialect: Dialect): Generator<Step, Row[], Row[]> {
  let rows: Row[];
  try {
    rows = yield read(`SELECT version, name FROM ${dialect.table("migrations")}`);
  } catch (error) {
    if (error instanceof StorageError && error.code !== "DATABASE") throw error;
    throw foreign(dialect, "migrations", error);
  }
  const isOurs = rows.length > 0 && rows.every(([, name]) => String(name).startsWith("threadkeep"));
  if (!isOurs) throw foreign(dialect, "migrations");
  return rows;
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

function* apply(dialect: Dialect, one: Migration, now: number): Generator<Step, void, Row[]> {
  for (const text of one.statements(dialect)) yield write(text);
  const columns = MIGRATIONS.columns.map((column) => column.name);
  const record = dialect.insert("migrations", columns, { action: "fail" }, 1);
  yield write(dialect.placeholders(record), [one.version, one.name, now]);
}
