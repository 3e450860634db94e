import { execFile } from "node:child_process";
import { chown, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "./packages.js";
import { isStranger, postgresRows } from "./postgres.js";
import { createServerOf, type Product, type Recipe } from "./server.js";

const run = promisify(execFile);

/** It refuses to run as root. */
const USER = "postgres";

export interface Pgbouncer {
  readonly name: string;
  /** The same database, through the pool. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface PgbouncerOptions {
  /** The PostgreSQL server behind it. */
  readonly url: string;
  readonly poolMode: "session" | "transaction" | "statement";
  /** Connections to PostgreSQL. */
  readonly poolSize?: number;
}

export async function createPgbouncer(options: PgbouncerOptions): Promise<Pgbouncer> {
  const product: Product = {
    name: "PgBouncer",
    advice: "install pgbouncer",
    prepare: (folder) => prepare(folder, options),
  };
  const server = await createServerOf(product);
  return { name: server.name, url: server.url, stop: () => server.remove() };
}

async function prepare(folder: string, options: PgbouncerOptions): Promise<Recipe> {
  const { path, env } = await findProgram(["pgbouncer"], "pgbouncer", async () => true);
  const settings = join(folder, "pgbouncer.ini");
  return {
    identity: settings,
    command: async (port) => {
      await configure(folder, settings, options, port);
      return { command: path, args: [settings], env, stopSignal: "SIGTERM" };
    },
    url: (port) => withPort(options.url, port),
    ask,
    isStranger,
  };
}

function withPort(url: string, port: number): string {
  return Object.assign(new URL(url), { hostname: "127.0.0.1", port: String(port) }).href;
}

async function configure(
  folder: string,
  settings: string,
  { url, poolMode, poolSize = 20 }: PgbouncerOptions,
  port: number,
): Promise<void> {
  const { hostname, port: serverPort, username, password } = new URL(url);
  const [user, secret] = [username, password].map(decodeURIComponent);
  const users = join(folder, "users");
  const isRoot = process.getuid?.() === 0;
  const lines = [
    "[databases]",
    `* = host=${hostname} port=${serverPort || 5432}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    // Without a socket a port that is taken is the end of it.
    "unix_socket_dir =",
    "auth_type = scram-sha-256",
    `auth_file = ${users}`,
    // Whoever may read its settings can see that it is this one.
    `stats_users = ${user}`,
    `pool_mode = ${poolMode}`,
    `default_pool_size = ${poolSize}`,
    "max_client_conn = 300",
    ...(isRoot ? [`user = ${USER}`] : []),
  ];
  await writeFile(settings, `${lines.join("\n")}\n`, { mode: 0o600 });
  await writeFile(users, `"${user}" "${secret}"\n`, { mode: 0o600 });
  if (isRoot) await giveAway([settings, users]);
}

async function giveAway(files: readonly string[]): Promise<void> {
  const id = async (kind: string) => Number((await run("id", [kind, USER])).stdout);
  const [uid, gid] = await Promise.all([id("-u"), id("-g")]);
  await Promise.all(files.map((file) => chown(file, uid, gid)));
}

/** Its own console answers in place of the database of that name. */
async function ask(url: string): ReturnType<Recipe["ask"]> {
  const console = Object.assign(new URL(url), { pathname: "/pgbouncer" }).href;
  const config = await postgresRows<{ key: string; value: string }>(console, "SHOW CONFIG");
  const [version] = await postgresRows<{ version: string }>(console, "SHOW VERSION");
  const file = config.find(({ key }) => key === "conffile")?.value ?? "";
  return { name: version!.version, identity: file };
}
