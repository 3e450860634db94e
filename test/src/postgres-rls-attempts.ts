import type pg from "pg";
import type { GuardedSchema, Settings } from "./postgres-rls.js";

/** What PostgreSQL calls a row that a policy does not allow. */
const DENIED = "42501";

/** How many rows a raw statement came to, or the code of its error; nothing of it stays. */
export async function tried(client: pg.Client, text: string): Promise<unknown> {
  await client.query("BEGIN");
  try {
    return (await client.query(text)).rowCount;
  } catch (error) {
    return (error as { code?: unknown }).code;
  } finally {
    await client.query("ROLLBACK");
  }
}

/** Inserts a row like one that is there. */
export const copyAs = (table: string, change: object, from = table) =>
  `INSERT INTO ${table} SELECT (jsonb_populate_record(t, '${JSON.stringify(change)}')).* FROM ${from} t LIMIT 1`;

function onChild(table: string, parent: string, mine: string, other: string) {
  return {
    select: `SELECT 1 FROM ${table} WHERE session_id = '${other}'`,
    "select all": `SELECT 1 FROM ${table} WHERE session_id <> '${mine}'`,
    update: `UPDATE ${table} SET session_id = '${mine}' WHERE session_id <> '${mine}'`,
    delete: `DELETE FROM ${table} WHERE session_id = '${other}'`,
    "delete all": `DELETE FROM ${table} WHERE session_id <> '${mine}'`,
    "give away": `UPDATE ${table} SET session_id = '${other}'`,
    insert: copyAs(table, { session_id: other }, parent),
    "insert for nobody": copyAs(table, { session_id: "nobody" }, parent),
  };
}

function onSessions(table: string, parent: string, mine: string) {
  return {
    select: `SELECT 1 FROM ${table} WHERE id <> '${mine}'`,
    update: `UPDATE ${table} SET title = 'x' WHERE id <> '${mine}'`,
    delete: `DELETE FROM ${table} WHERE id <> '${mine}'`,
    insert: copyAs(table, { id: "new", tenant_id: "globex" }, parent),
    "insert for nobody": copyAs(table, { id: "new", tenant_id: null }, parent),
    "give away": `UPDATE ${table} SET tenant_id = 'globex'`,
    "give up": `UPDATE ${table} SET tenant_id = NULL`,
  };
}

function onMigrations(table: string) {
  return {
    insert: copyAs(table, { version: 99 }),
    update: `UPDATE ${table} SET version = 99`,
    delete: `DELETE FROM ${table}`,
  };
}

/**
 * What a connection gets at that is not its own, by SQL of its own: nothing, if it goes well.
 * @param mine its session, with a row in each table
 * @param other another tenant's
 */
export async function breaches(
  world: GuardedSchema,
  settings: Settings,
  mine: string,
  other: string,
): Promise<string[]> {
  const client = await world.client(settings);
  const broken: string[] = [];
  for (const { name, parent } of await world.tables()) {
    const table = world.table(name);
    const from = world.table(parent);
    const statements =
      parent === "migrations"
        ? onMigrations(table)
        : parent === "sessions"
          ? onSessions(table, from, mine)
          : onChild(table, from, mine, other);
    for (const [what, text] of Object.entries(statements)) {
      const result = await tried(client, text);
      if (result !== 0 && result !== DENIED) broken.push(`${name}: ${what}: ${result}`);
    }
  }
  return broken;
}
