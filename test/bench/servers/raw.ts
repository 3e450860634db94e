import { randomBytes } from "node:crypto";
import mysql from "mysql2/promise";
import pg from "pg";
import { mysqlRows } from "../../servers/mariadb.js";
import { postgresRows } from "../../servers/postgres.js";
import type { Urls } from "./hosts.js";
import { poolSize } from "./savers.js";

/** One prepared insert of one text, committed by itself: what one statement per call costs. */
export interface RawServerTable {
  insert(body: string): Promise<unknown>;
  close(): Promise<void>;
}

const name = () => `bench_raw_${randomBytes(6).toString("hex")}`;

export async function rawPostgres({ postgres }: Urls): Promise<RawServerTable> {
  const table = name();
  const columns = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL";
  await postgresRows(postgres, `CREATE TABLE ${table} (${columns})`);
  const pool = new pg.Pool({ connectionString: postgres, max: poolSize });
  const text = `INSERT INTO ${table} (body) VALUES ($1)`;
  return {
    insert: (body) => pool.query({ name: table, text, values: [body] }),
    close: async () => {
      await pool.end();
      await postgresRows(postgres, `DROP TABLE ${table}`);
    },
  };
}

export async function rawMysql({ mysql: uri }: Urls): Promise<RawServerTable> {
  const table = name();
  const columns = "id BIGINT AUTO_INCREMENT PRIMARY KEY, body LONGBLOB NOT NULL";
  await mysqlRows(uri, `CREATE TABLE ${table} (${columns}) ENGINE = InnoDB`);
  const pool = mysql.createPool({ uri, connectionLimit: poolSize });
  const sql = `INSERT INTO ${table} (body) VALUES (?)`;
  return {
    insert: (body) => pool.execute(sql, [Buffer.from(body)]),
    close: async () => {
      await pool.end();
      await mysqlRows(uri, `DROP TABLE ${table}`);
    },
  };
}
