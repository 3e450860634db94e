import type { TestProject } from "vitest/node";
import { createMariadb, mysqlRows } from "./mariadb.js";
import { createPostgres, postgresRows } from "./postgres.js";
import { oneLine, type TestServer } from "./server.js";

declare module "vitest" {
  interface ProvidedContext {
    postgresUrl: string;
    mysqlUrl: string;
  }
}

/** The servers that all tests share: those that the environment names, or else new ones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started: TestServer[] = [];
  const remove = async () => {
    await Promise.all(started.map((server) => server.remove()));
  };
  const start = async (create: () => Promise<TestServer>) => {
    const server = await create();
    started.push(server);
    return server.url;
  };
  const found = await Promise.allSettled([
    find(
      "PostgreSQL",
      "THREADKEEP_TEST_POSTGRES_URL",
      () => start(createPostgres),
      postgresVersion,
    ),
    find("MySQL/MariaDB", "THREADKEEP_TEST_MYSQL_URL", () => start(createMariadb), mysqlVersion),
  ]);
  const failures = found.filter((one) => one.status === "rejected").map((one) => one.reason);
  if (failures.length > 0) {
    await remove();
    throw new Error(failures.map(oneLine).join(" "));
  }
  const [postgresUrl, mysqlUrl] = found.map((one) => (one as PromiseFulfilledResult<string>).value);
  project.provide("postgresUrl", postgresUrl!);
  project.provide("mysqlUrl", mysqlUrl!);
  return remove;
}

/** @returns the server's URL, once the server has answered */
async function find(
  product: string,
  variable: string,
  start: () => Promise<string>,
  version: (url: string) => Promise<string>,
): Promise<string> {
  const given = process.env[variable];
  const url = given || (await start());
  const answer = await version(url).catch((error) => {
    throw new Error(`${product} at ${variable} does not answer: ${oneLine(error)}.`);
  });
  console.log(`${product}: ${answer} (${given ? `from ${variable}` : "started for this run"})`);
  return url;
}

async function postgresVersion(url: string): Promise<string> {
  const [row] = await postgresRows<{ server_version: string }>(url, "SHOW server_version");
  return row!.server_version;
}

async function mysqlVersion(url: string): Promise<string> {
  const [row] = await mysqlRows(url, "SELECT VERSION() AS version");
  return /^[\d.]+(-MariaDB)?/.exec(row!.version)?.[0] ?? row!.version;
}
