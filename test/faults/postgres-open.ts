import type { Storage } from "@threadkeep/core";
import { PostgresStorage } from "@threadkeep/postgres";
import pg from "pg";
import { PostgresDialect } from "../../packages/postgres/src/dialect.js";
import { PostgresDriver } from "../../packages/postgres/src/driver.js";
import type { Limits } from "./served.js";

/** The schema stands behind the URL. */
function partsOf(url: string): { server: string; schema: string } {
  // What is no URL is for the package to refuse.
  if (typeof url !== "string") return { server: url, schema: "" };
  const [server = "", schema = ""] = url.split(" ");
  return { server, schema };
}

export default function connect(url: string): Storage {
  return open(url, { max: 4 });
}

export function open(url: string, { max, timeoutMs, setup }: Limits = {}): Storage {
  const { server, schema } = partsOf(url);
  const timeouts = { query_timeout: timeoutMs, connectionTimeoutMillis: timeoutMs };
  return PostgresStorage.connect(server, {
    ...(schema === "" ? {} : { schema }),
    ...(setup === undefined ? {} : { setup }),
    pool: {
      ...(max === undefined ? {} : { max }),
      ...(timeoutMs === undefined ? {} : timeouts),
    },
  });
}

export function halves(url: string): { driver: PostgresDriver; dialect: PostgresDialect } {
  const { server, schema } = partsOf(url);
  const pool = new pg.Pool({ connectionString: server, max: 4 });
  const settings = { namedStatements: true, lock: 4711, place: "the test's server", owned: true };
  return { driver: new PostgresDriver(pool, settings), dialect: new PostgresDialect(schema) };
}
