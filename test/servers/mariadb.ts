import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { createDatabase, type Database, type Site, USER } from "./database.js";
import { findProgram, type Program } from "./packages.js";
import type { Answer, ServerOptions, TestServer } from "./server.js";
import type { Command } from "./supervised.js";

const run = promisify(execFile);
const DATABASE = "test";

const MARIADB: Database = {
  name: "MariaDB",
  advice: "install mariadb-server or set THREADKEEP_TEST_MYSQL_URL to name a server that exists",
  scheme: "mysql",
  database: DATABASE,
  install,
  ask,
  isStranger: (error) => (error as { code?: unknown }).code === "ER_ACCESS_DENIED_ERROR",
};

/** The MariaDB server that is installed, or else Debian's. */
export function createMariadb(options?: ServerOptions): Promise<TestServer> {
  return createDatabase(MARIADB, options);
}

async function install({ folder, data, password }: Site): Promise<(port: number) => Command> {
  const program = await findProgram(["mariadbd", "mysqld"], "mariadb-server-core", isMariadb);
  const usr = program.usr ?? dirname(dirname(await realpath(program.path)));
  const share = await findShare(usr);
  const args = ["--no-defaults", `--basedir=${usr}`, `--datadir=${data}`];
  // A server that starts deletes temporary tables in its tmpdir, also those of another server.
  args.push(`--lc-messages-dir=${share.folder}`, `--tmpdir=${folder}`);
  if (process.getuid?.() === 0) args.push("--user=root");
  await mkdir(data);
  await bootstrap(program, args, [...share.sql, ...accounts(password)]);
  if (program.usr !== undefined) args.push(`--plugin-dir=${join(usr, "lib", "mysql", "plugin")}`);
  return (port) => ({
    command: program.path,
    args: [...args, ...settings(folder), `--port=${port}`],
    env: program.env,
    stopSignal: "SIGTERM",
  });
}

function isMariadb(path: string): Promise<boolean> {
  return run(path, ["--no-defaults", "--version"]).then(
    ({ stdout }) => stdout.includes("MariaDB"),
    () => false,
  );
}

/** The server's messages, and the statements that make its system tables. */
async function findShare(usr: string): Promise<{ folder: string; sql: string[] }> {
  const folders = [usr, "/usr"].flatMap((root) => [
    join(root, "share", "mysql"),
    join(root, "share", "mariadb"),
  ]);
  for (const folder of folders) {
    for (const prefix of ["mariadb", "mysql"]) {
      const read = (name: string) => readFile(join(folder, `${prefix}_${name}.sql`), "utf8");
      const names = ["system_tables", "performance_tables", "system_tables_data"];
      const sql = await Promise.all(names.map(read)).catch(() => undefined);
      if (sql !== undefined) return { folder, sql };
    }
  }
  throw new Error(`no mariadb_system_tables.sql in ${folders.join(", ")}`);
}

function accounts(password: string): string[] {
  return [
    // The shipped ones need no password.
    "DELETE FROM global_priv WHERE User IN ('', 'root');",
    "FLUSH PRIVILEGES;",
    `CREATE DATABASE ${DATABASE} CHARACTER SET utf8mb4;`,
    `CREATE USER ${USER}@'127.0.0.1' IDENTIFIED BY '${password}';`,
    `GRANT ALL ON *.* TO ${USER}@'127.0.0.1' WITH GRANT OPTION;`,
  ];
}

/** What mariadb-install-db does. */
async function bootstrap({ path, env }: Program, args: string[], sql: string[]): Promise<void> {
  const child = spawn(path, [...args, "--bootstrap", "--skip-networking"], {
    env,
    stdio: ["pipe", "ignore", "pipe"],
  });
  const closed = once(child, "close");
  const errors = text(child.stderr);
  // A server that ends early says why itself.
  child.stdin.on("error", () => {});
  child.stdin.end(`${["CREATE DATABASE mysql;", "USE mysql;", ...sql].join("\n")}\n`);
  const [code] = await closed;
  if (code !== 0) throw new Error(`its bootstrap failed: ${(await errors).trim().slice(-400)}`);
}

function settings(folder: string): string[] {
  return [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--max-connections=300",
    `--socket=${join(folder, "sock")}`,
    `--pid-file=${join(folder, "pid")}`,
  ];
}

async function ask(url: string): Promise<Answer> {
  const [row] = await mysqlRows(url, "SELECT VERSION() AS version, @@datadir AS data");
  const { version, data } = row as { version: string; data: string };
  return { name: `MariaDB ${version.split("-")[0]}`, identity: data.replace(/\/$/, "") };
}

/** Runs one statement on a connection of its own. */
export async function mysqlRows(url: string, query: string): Promise<RowDataPacket[]> {
  const connection = await createConnection({ uri: url, connectTimeout: 5_000 });
  try {
    const [rows] = await connection.query<RowDataPacket[]>({ sql: query, timeout: 5_000 });
    return rows;
  } finally {
    connection.destroy();
  }
}
