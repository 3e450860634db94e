import type { PostgresClient, PostgresPool, PostgresQuery } from "@threadkeep/postgres";
import pg from "pg";

/** Where a statement has been, by each way of looking at it. */
export interface Visit {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Tables that the plan for these very parameters names. */
  readonly planned: readonly string[];
  /** Tables that a plan for any parameters, as prepared statements come to have, went into. */
  readonly generic: readonly string[];
  /** Tables that were locked; only these tell where an inserted row went. */
  readonly locked: readonly string[];
}

interface Plan {
  readonly "Relation Name"?: string;
  readonly "Actual Loops": number;
  readonly Plans?: readonly Plan[];
}

function tablesOf(plan: Plan): string[] {
  const name = plan["Relation Name"];
  const own = name === undefined || plan["Actual Loops"] === 0 ? [] : [name];
  return [...own, ...(plan.Plans ?? []).flatMap(tablesOf)];
}

/** A user's pool that explains each statement before it runs, and undoes what that did. */
export class ExplainingPool implements PostgresPool {
  readonly visits: Visit[] = [];
  readonly pool: pg.Pool;
  readonly #schema: string;

  /** @param schema whose tables are looked at */
  constructor(url: string, schema: string) {
    this.#schema = schema;
    // Else a statement that was prepared comes to lock every partition.
    const options = "-c plan_cache_mode=force_custom_plan";
    this.pool = new pg.Pool({ connectionString: url, max: 2, options });
  }

  async connect(): Promise<PostgresClient> {
    const client = await this.pool.connect();
    let isOpen = false;
    return {
      query: async (query) => {
        if (/^(BEGIN|COMMIT|ROLLBACK)$/.test(query.text)) isOpen = query.text === "BEGIN";
        else this.visits.push(await explain(client, query, isOpen, this.#schema));
        return client.query(query);
      },
      release: (error) => client.release(error),
    };
  }
}

async function explain(
  client: pg.PoolClient,
  { text, values }: PostgresQuery,
  isOpen: boolean,
  schema: string,
): Promise<Visit> {
  await client.query(isOpen ? "SAVEPOINT explained" : "BEGIN");
  const undo = () => client.query(isOpen ? "ROLLBACK TO explained" : "ROLLBACK");
  const how = "EXPLAIN (ANALYZE, FORMAT JSON)";
  const planOf = ({ rows }: pg.QueryResult) => tablesOf(rows[0]["QUERY PLAN"][0].Plan);
  const planned = planOf(await client.query(`${how} ${text}`, values));
  const locked = await lockedBy(client, schema);
  await undo();
  if (!isOpen) await client.query("BEGIN");
  await client.query("SET LOCAL plan_cache_mode = force_generic_plan");
  await client.query(`PREPARE explained AS ${text}`);
  const given = values.map((value) => (value === null ? "NULL" : pg.escapeLiteral(`${value}`)));
  const generic = planOf(await client.query(`${how} EXECUTE explained (${given.join(", ")})`));
  await undo();
  await client.query("DEALLOCATE explained");
  return { text, values, planned, generic, locked };
}

/** The tables of the schema that the client's transaction has locked. */
export async function lockedBy(client: pg.ClientBase, schema: string): Promise<string[]> {
  const { rows } = await client.query(
    "SELECT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relnamespace = $1::regnamespace",
    [schema],
  );
  return rows.map(({ relname }) => relname);
}
