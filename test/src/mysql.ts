import { randomBytes } from "node:crypto";
import { MysqlStorage } from "@threadkeep/mysql";
import { createConnection } from "mysql2/promise";
import { inject } from "vitest";
import type { Backend } from "./harness.js";

async function sql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const connection = await createConnection(url);
  try {
    const [rows] = await connection.query(text);
    return Array.isArray(rows)
      ? (rows as Record<string, unknown>[]).map((row) => ({ ...row }))
      : [];
  } finally {
    await connection.end();
  }
}

/** Every test gets a database of its own. */
export function mysqlAt(name: string, server: string): Backend {
  return {
    name,
    create: async () => {
      const database = `t_${randomBytes(8).toString("hex")}`;
      await sql(server, `CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
      const url = Object.assign(new URL(server), { pathname: `/${database}` }).href;
      return {
        connect: async ({ place: tablePrefix = "" } = {}) =>
          MysqlStorage.connect(url, { tablePrefix, pool: { connectionLimit: 4 } }),
        remove: async () => {
          await sql(server, `DROP DATABASE ${database}`);
        },
        durable: {
          module: new URL("./mysql-connect.ts", import.meta.url).href,
          url,
          sql: (text) => sql(url, text),
          placeOption: "tablePrefix",
          places: ["one_", "two_"],
          table: (table, place = "") => `\`${place}${table}\``,
        },
      };
    },
  };
}

export const mysql = mysqlAt("mysql", inject("mysqlUrl"));
