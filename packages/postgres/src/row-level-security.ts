import { checkSchema, OWN_TABLES, StorageError } from "@threadkeep/core/backend";

/** Which rows are whose, and for whom that counts. */
export interface RowLevelSecurityOptions {
  /** The schema of the tables. Default: `"threadkeep"`. */
  readonly schema?: string;
  /** The setting that names a connection's tenant. Default: `"threadkeep.tenant_id"`. */
  readonly setting?: string;
  /** The setting that names its user. Without it, a tenant's users see each other's sessions. */
  readonly userSetting?: string;
  /** The only role that gets to see its tenant's rows. Default: every role with rights on the tables. */
  readonly role?: string;
}

/** Tables of sessions' rows. The log of migrations is nobody's. */
const CHILDREN = OWN_TABLES.filter((name) => name !== "migrations" && name !== "sessions");
const MAX_NAME = 63;

/**
 * The SQL that lets PostgreSQL itself keep tenants apart: a connection sees and changes only the
 * sessions of the tenant that its setting names, and nothing at all without one. It goes where the
 * migrations go, behind them, and may run any number of times: run it again after each upgrade.
 * Superusers and roles with `BYPASSRLS` are not bound; the tables' owner is.
 * @throws StorageError `INVALID_ARGUMENT` for names that are none
 *
 * @example
 * ```ts
 * console.log(migrationSql({ schema: "threadkeep" }) + rowLevelSecuritySql({ schema: "threadkeep" }));
 * // then, for each tenant: a pool whose connections say whose they are
 * const pool = { options: "-c threadkeep.tenant_id=acme" };
 * const storage = PostgresStorage.connect(process.env.DATABASE_URL, { setup: "verify", pool });
 * const acme = new Persistence(storage).forOwner({ tenantId: "acme" });
 * ```
 */
export function rowLevelSecuritySql(options: RowLevelSecurityOptions = {}): string {
  const schema = checkSchema(options.schema ?? "threadkeep");
  const to = options.role === undefined ? "" : ` TO "${checkRole(options.role)}"`;
  const own = ownSql(options);
  const table = (name: string) => `"${schema}"."${name}"`;
  const visible = `"${schema}".session_is_visible`;
  const guarded = [
    ...guard(table("sessions"), to, own),
    ...CHILDREN.flatMap((name) => guard(table(name), to, childSql(name, table, visible))),
  ];
  const statements = [
    visibleSql(visible, table("sessions")),
    ...readable(table("migrations")),
    ...guarded,
    partitionsSql(["sessions", ...CHILDREN].map(table)),
  ];
  return statements.map((text) => `${text};\n`).join("");
}

/** A setting that was never set is null, and one that was reset is empty: neither is anybody's. */
function ownSql({ setting = "threadkeep.tenant_id", ...options }: RowLevelSecurityOptions): string {
  const is = (column: string, name: string) =>
    `${column} = NULLIF(current_setting('${name}', true), '')`;
  const tenant = is("tenant_id", checkSetting("setting", setting));
  // One that is there but undefined was meant to be something.
  if (!("userSetting" in options)) return tenant;
  const user = checkSetting("userSetting", options.userSetting);
  if (user === setting) throw invalid("userSetting", "must not be the tenant's setting");
  return `${tenant} AND ${is("user_id", user)}`;
}

/**
 * A batch is one statement, whose snapshot has no session that it only makes. A volatile function
 * looks anew, and sees it. It is slower, and a transaction that wrote nothing need not ask it.
 */
function childSql(name: string, table: (name: string) => string, visible: string): string {
  const id = `"${name}".session_id`;
  const stands = `EXISTS (SELECT 1 FROM ${table("sessions")} s WHERE s.id = ${id})`;
  return `${stands} OR (pg_current_xact_id_if_assigned() IS NOT NULL AND ${visible}(${id}))`;
}

/** Runs with its caller's rights, and so under the caller's policy. */
function visibleSql(visible: string, sessions: string): string {
  const exists = `EXISTS (SELECT 1 FROM ${sessions} s WHERE s.id = wanted COLLATE "C")`;
  return `CREATE OR REPLACE FUNCTION ${visible}(wanted text) RETURNS boolean LANGUAGE sql VOLATILE RETURN ${exists}`;
}

/** What rows must fulfil to be seen, new ones must too. */
function guard(table: string, to: string, condition: string): string[] {
  return [
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
    `DROP POLICY IF EXISTS threadkeep_owner ON ${table}`,
    `CREATE POLICY threadkeep_owner ON ${table}${to} USING (${condition})`,
  ];
}

/** Everybody may read which version the tables have; only their owner notes a new one. */
function readable(table: string): string[] {
  return [
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    `DROP POLICY IF EXISTS threadkeep_version ON ${table}`,
    `CREATE POLICY threadkeep_version ON ${table} FOR SELECT USING (true)`,
  ];
}

/** Who asks a partition itself is not bound by its table's policies: it then has none, and so no rows. */
function partitionsSql(tables: readonly string[]): string {
  const all = tables.map((table) => `'${table}'`).join(", ");
  const parts = `SELECT p.relid FROM unnest(ARRAY[${all}]::regclass[]) t, pg_partition_tree(t) p WHERE p.level > 0`;
  const alter = (how: string) =>
    `EXECUTE format('ALTER TABLE %s ${how} ROW LEVEL SECURITY', part);`;
  return `DO $$ DECLARE part regclass; BEGIN FOR part IN ${parts} LOOP ${alter("ENABLE")} ${alter("FORCE")} END LOOP; END $$`;
}

function checkSetting(option: string, name: unknown): string {
  const isName =
    typeof name === "string" &&
    name.length <= MAX_NAME &&
    /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)+$/.test(name);
  if (isName) return name;
  throw invalid(option, "must be a prefix, a dot and a name, of a-z, 0-9 and _");
}

function checkRole(role: unknown): string {
  const isName = typeof role === "string" && /^[A-Za-z_][A-Za-z0-9_$-]*$/.test(role);
  if (isName && role.length <= MAX_NAME) return role;
  throw invalid("role", "must be at most 63 of A-Z, a-z, 0-9, _, - and $, beginning with a letter");
}

function invalid(option: string, message: string): StorageError {
  return new StorageError("INVALID_ARGUMENT", option, message);
}
