import { randomBytes } from "node:crypto";
import {
  migrationSql,
  type PostgresOptions,
  PostgresStorage,
  type RowLevelSecurityOptions,
  rowLevelSecuritySql,
} from "@threadkeep/postgres";
import pg from "pg";

/** What a connection says of itself. */
export type Settings = Readonly<Record<string, string>>;

export const tenant = (name: string): Settings => ({ "threadkeep.tenant_id": name });

const optionsOf = (settings: Settings) =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(" ");

/** A schema whose owner binds everybody to policies, and a role with no more rights than it needs. */
export class GuardedSchema {
  readonly schema: string;
  readonly role: string;
  readonly #admin: pg.Client;
  readonly #url: string;
  readonly #open: { close?(): Promise<void>; end?(): Promise<void> }[] = [];

  private constructor(admin: pg.Client, url: string, schema: string) {
    this.#admin = admin;
    this.schema = schema;
    this.role = `app_${schema}`;
    const mine = new URL(url);
    mine.username = this.role;
    mine.password = schema;
    this.#url = mine.href;
  }

  /**
   * @param policies `false`: the double, in which nobody is bound
   * @param only whether the policies are for the role alone
   */
  static async create(
    url: string,
    {
      policies = true,
      only = false,
      partitions = 0,
      ...options
    }: RowLevelSecurityOptions & {
      policies?: boolean;
      only?: boolean;
      partitions?: number;
    } = {},
  ): Promise<GuardedSchema> {
    const admin = new pg.Client(url);
    await admin.connect();
    const made = new GuardedSchema(admin, url, `t_${randomBytes(8).toString("hex")}`);
    const { schema, role } = made;
    const rights = `NOSUPERUSER NOBYPASSRLS PASSWORD '${schema}'`;
    await admin.query(`CREATE ROLE "${role}" LOGIN ${rights}`);
    await admin.query(`CREATE ROLE "owner_${schema}" ${rights}`);
    const database = decodeURIComponent(new URL(url).pathname.slice(1));
    await admin.query(`GRANT CREATE ON DATABASE "${database}" TO "owner_${schema}"`);
    const setUp = migrationSql({ schema, partitions });
    const whose = only ? { role } : {};
    const bind = policies ? rowLevelSecuritySql({ schema, ...whose, ...options }) : "";
    // As their owner makes them, and twice, as after an upgrade.
    await admin.query(`SET ROLE "owner_${schema}"; ${setUp}${bind}${bind} RESET ROLE`);
    await admin.query(`GRANT USAGE ON SCHEMA "${schema}" TO "${role}"`);
    const all = `ALL TABLES IN SCHEMA "${schema}"`;
    await admin.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${all} TO "${role}"`);
    return made;
  }

  table(name: string): string {
    return `"${this.schema}"."${name}"`;
  }

  /** As a superuser, who is not bound. */
  async admin(text: string): Promise<Record<string, unknown>[]> {
    return (await this.#admin.query(text)).rows;
  }

  /** As the tables' owner. */
  async owner(text: string, settings: Settings = {}): Promise<Record<string, unknown>[]> {
    const set = Object.entries(settings).map(([name, value]) => `SET LOCAL ${name} = '${value}';`);
    const role = `SET LOCAL ROLE "owner_${this.schema}"`;
    await this.#admin.query(`BEGIN; ${role}; ${set.join(" ")}`);
    try {
      return (await this.#admin.query(text)).rows;
    } finally {
      await this.#admin.query("ROLLBACK");
    }
  }

  /** A connection of the role. */
  async client(settings: Settings): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#url, options: optionsOf(settings) });
    this.#open.push(client);
    await client.connect();
    return client;
  }

  storage(settings: Settings, options: PostgresOptions = {}): PostgresStorage {
    const pool = { max: 4, options: optionsOf(settings) };
    const { schema } = this;
    const storage = PostgresStorage.connect(this.#url, {
      ...{ setup: "verify", schema, pool },
      ...options,
    });
    this.#open.push(storage);
    return storage;
  }

  /** All tables: partitions, too, and what they are partitions of. */
  async tables(): Promise<{ name: string; parent: string }[]> {
    const rows = await this.admin(
      `SELECT c.relname AS name, COALESCE(p.relname, c.relname) AS parent
       FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent
       WHERE c.relkind IN ('r', 'p') AND c.relnamespace = '"${this.schema}"'::regnamespace ORDER BY c.relname`,
    );
    return rows.map(({ name, parent }) => ({ name: name as string, parent: parent as string }));
  }

  /** The tables that hold something of sessions. */
  async ofSessions(): Promise<string[]> {
    const all = await this.tables();
    return all
      .filter(({ name, parent }) => name === parent && name !== "migrations")
      .map(({ name }) => name);
  }

  /** A table's rows of a session, as they stand there. */
  async rows(table: string, sessionId: string): Promise<string[]> {
    const key = table === "sessions" ? "id" : "session_id";
    const text = `SELECT t::text AS row FROM ${this.table(table)} t WHERE ${key} = '${sessionId}' ORDER BY 1`;
    return (await this.admin(text)).map(({ row }) => row as string);
  }

  async remove(): Promise<void> {
    for (const one of this.#open) await (one.close ?? one.end)?.call(one);
    for (const role of [this.role, `owner_${this.schema}`]) {
      await this.#admin.query(`DROP OWNED BY "${role}" CASCADE; DROP ROLE "${role}"`);
    }
    await this.#admin.end();
  }
}
