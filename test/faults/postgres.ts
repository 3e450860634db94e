import pg from "pg";
import { createPostgres } from "../servers/postgres.js";
import type { Durable } from "../src/harness.js";
import { postgresAt } from "../src/postgres.js";
import { halves, open } from "./postgres-open.js";
import { postgresProtocol } from "./postgres-protocol.js";
import type { Admin, Login, Served } from "./served.js";

async function clientOf(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url.split(" ")[0] as string });
  // A server that goes away is told to the next query.
  client.on("error", () => {});
  await client.connect();
  return client;
}

async function admin(url: string): Promise<Admin> {
  const client = await clientOf(url);
  return {
    rows: async (text) => (await client.query(text)).rows,
    terminateOthers: async () => {
      const others = "backend_type = 'client backend' AND pid <> pg_backend_pid()";
      const { rows } = await client.query<{ done: boolean }>(
        `SELECT pg_terminate_backend(pid) AS done FROM pg_stat_activity WHERE ${others}`,
      );
      return rows.filter(({ done }) => done).length;
    },
    close: () => client.end(),
  };
}

async function holdRow({ url, table }: Durable, sessionId: string): Promise<() => Promise<void>> {
  const client = await clientOf(url);
  await client.query("BEGIN");
  const lock = `SELECT 1 FROM ${table("sessions")} WHERE id = $1 FOR UPDATE`;
  const { rowCount } = await client.query(lock, [sessionId]);
  if (rowCount !== 1) throw new Error("there is no such row to hold");
  return () => client.end();
}

const schemaOf = ({ url }: Durable) => `"${url.split(" ")[1]}"`;

async function createLogin(
  place: Durable,
  { user, password }: Login,
): Promise<{ grant(): Promise<void> }> {
  const schema = schemaOf(place);
  await place.sql(`CREATE ROLE "${user}" LOGIN PASSWORD '${password}'`);
  const grant = async () => {
    await place.sql(`GRANT USAGE ON SCHEMA ${schema} TO "${user}"`);
    const rights = "SELECT, INSERT, UPDATE, DELETE";
    await place.sql(`GRANT ${rights} ON ALL TABLES IN SCHEMA ${schema} TO "${user}"`);
  };
  return { grant };
}

async function dropLogin(place: Durable, { user }: Login): Promise<void> {
  await place.sql(`DROP OWNED BY "${user}"`);
  await place.sql(`DROP ROLE "${user}"`);
}

export const servedPostgres: Served = {
  name: "postgres",
  scheme: "postgres",
  protocol: postgresProtocol,
  module: new URL("./postgres-open.ts", import.meta.url).href,
  createServer: createPostgres,
  at: (url) => postgresAt("postgres", url),
  open,
  halves,
  admin,
  holdRow,
  impatient: ["-c", "statement_timeout=300"],
  createLogin,
  dropLogin,
  most: { put: 1, trips: 1, turn: 6 },
};
