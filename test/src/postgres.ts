import { randomBytes } from "node:crypto";
import { type PostgresOptions, PostgresStorage } from "@threadkeep/postgres";
import pg from "pg";
import { inject } from "vitest";
import type { Backend } from "./harness.js";

async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(text);
    return rows;
  } finally {
    await client.end();
  }
}

/** Every test gets schemas of its own in one database. */
export function postgresAt(
  name: string,
  url: string,
  connectTo: (schema: string, options?: PostgresOptions) => PostgresStorage = (schema, options) =>
    PostgresStorage.connect(url, { ...options, schema, pool: { max: 4 } }),
): Backend {
  return {
    name,
    create: async () => {
      const schema = `t_${randomBytes(8).toString("hex")}`;
      const places = [`${schema}_one`, `${schema}_two`] as const;
      return {
        connect: async ({ place = schema } = {}) => connectTo(place),
        remove: async () => {
          for (const one of [schema, ...places]) {
            await sql(url, `DROP SCHEMA IF EXISTS "${one}" CASCADE`);
          }
        },
        durable: {
          module: new URL("./postgres-connect.ts", import.meta.url).href,
          url: `${url} ${schema}`,
          sql: async (text) => {
            await sql(url, `CREATE SCHEMA IF NOT EXISTS "${schema}"`);
            return sql(url, text);
          },
          placeOption: "schema",
          places,
          table: (table, place = schema) => `"${place}"."${table}"`,
        },
      };
    },
  };
}

export const postgres = postgresAt("postgres", inject("postgresUrl"));
