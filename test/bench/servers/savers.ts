import { randomBytes } from "node:crypto";
import { PostgresSaver as OfficialPostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import type { StorageSaver } from "@threadkeep/core";
import { MysqlSaver } from "@threadkeep/mysql";
import { PostgresSaver } from "@threadkeep/postgres";
import mysql from "mysql2";
import pg from "pg";
import { mysqlRows } from "../../servers/mariadb.js";
import { postgresRows } from "../../servers/postgres.js";
import type { OpenSaver } from "../savers.js";
import type { Urls } from "./hosts.js";

export type ServerSaver = "langgraph-postgres" | "threadkeep-postgres" | "threadkeep-mysql";

export const serverSavers = [
  "langgraph-postgres",
  "threadkeep-postgres",
  "threadkeep-mysql",
] as const satisfies readonly ServerSaver[];

export const serverLabels: Record<ServerSaver, string> = {
  "langgraph-postgres": "LangGraph PostgresSaver",
  "threadkeep-postgres": "threadkeep PostgresSaver",
  "threadkeep-mysql": "threadkeep MysqlSaver",
};

/** Connections of every pool, the raw inserts' included: `pg`'s and `mysql2`'s default. */
export const poolSize = 10;

/** Opens a saver on tables of its own, which `close` drops. */
export async function openServerSaver(
  name: ServerSaver,
  urls: Urls,
  /** Is called for every statement that is sent. */
  onStatement?: () => void,
): Promise<OpenSaver> {
  const place = `bench_${randomBytes(6).toString("hex")}`;
  if (name === "langgraph-postgres") {
    const pool = new pg.Pool({ connectionString: urls.postgres, max: poolSize });
    if (onStatement) countStatements(pool, onStatement);
    const saver = new OfficialPostgresSaver(pool, undefined, { schema: place });
    await saver.setup();
    return { saver, dropCaches: () => {}, ...inPostgres(urls, place, () => saver.end()) };
  }
  const { saver, end } = threadkeepSaver(name, urls, place, onStatement);
  await saver.setup();
  const where = name === "threadkeep-mysql" ? inMysql : inPostgres;
  return { saver, dropCaches: () => saver.dropCaches(), ...where(urls, place, end) };
}

interface Opened {
  readonly saver: StorageSaver;
  readonly end: () => Promise<unknown>;
}

function threadkeepSaver(
  name: "threadkeep-postgres" | "threadkeep-mysql",
  urls: Urls,
  place: string,
  onStatement?: () => void,
): Opened {
  if (name === "threadkeep-postgres") {
    if (!onStatement) {
      const options = { schema: place, pool: { max: poolSize } };
      const saver = PostgresSaver.fromConnString(urls.postgres, options);
      return { saver, end: () => saver.end() };
    }
    const pool = new pg.Pool({ connectionString: urls.postgres, max: poolSize });
    countStatements(pool, onStatement);
    const saver = new PostgresSaver(pool, undefined, { schema: place });
    return { saver, end: () => saver.end().then(() => pool.end()) };
  }
  const tablePrefix = `${place}_`;
  if (!onStatement) {
    const options = { tablePrefix, pool: { connectionLimit: poolSize } };
    const saver = MysqlSaver.fromConnString(urls.mysql, options);
    return { saver, end: () => saver.end() };
  }
  const pool = mysql.createPool({ uri: urls.mysql, connectionLimit: poolSize });
  pool.on("connection", (connection) => countCalls(connection, ["execute", "query"], onStatement));
  const saver = new MysqlSaver(pool, undefined, { tablePrefix });
  return { saver, end: () => saver.end().then(() => pool.promise().end()) };
}

function countStatements(pool: pg.Pool, onStatement: () => void): void {
  pool.on("connect", (client) => countCalls(client, ["query"], onStatement));
}

function countCalls<Key extends string>(
  object: Record<Key, unknown>,
  names: readonly Key[],
  onCall: () => void,
): void {
  for (const name of names) {
    const original = object[name] as (...args: unknown[]) => unknown;
    Object.assign(object, {
      [name]: (...args: unknown[]) => {
        onCall();
        return original.apply(object, args);
      },
    });
  }
}

type Place = Pick<OpenSaver, "bytes" | "takenBytes" | "close">;

/** Sizes with all indexes and what is stored out of line. */
const inPostgres = ({ postgres }: Urls, schema: string, end: () => Promise<unknown>): Place => ({
  bytes: async () => {
    const [row] = await postgresRows<{ bytes: string }>(
      postgres,
      `SELECT sum(pg_total_relation_size(c.oid)) AS bytes FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = '${schema}' AND c.relkind IN ('r', 'm')`,
    );
    return Number(row!.bytes);
  },
  close: async () => {
    await end();
    await postgresRows(postgres, `DROP SCHEMA "${schema}" CASCADE`);
  },
});

/** Sizes of the tables' files, which hold the indexes too. */
const inMysql = ({ mysql }: Urls, prefix: string, end: () => Promise<unknown>): Place => ({
  bytes: async () => {
    const [row] = await mysqlRows(
      mysql,
      `SELECT SUM(file_size) AS bytes FROM information_schema.innodb_sys_tablespaces
       WHERE name LIKE CONCAT(DATABASE(), '/${prefix}%')`,
    );
    return Number(row!.bytes);
  },
  takenBytes: async () => {
    await mysqlRows(mysql, `ANALYZE TABLE ${await namesOf(mysql, prefix)}`);
    const [row] = await mysqlRows(
      mysql,
      `SELECT SUM(data_length + index_length) AS bytes ${ofTables(prefix)}`,
    );
    return Number(row!.bytes);
  },
  close: async () => {
    await end();
    await mysqlRows(mysql, `DROP TABLE ${await namesOf(mysql, prefix)}`);
  },
});

const ofTables = (prefix: string): string =>
  `FROM information_schema.tables
   WHERE table_schema = DATABASE() AND table_name LIKE '${prefix}%'`;

async function namesOf(url: string, prefix: string): Promise<string> {
  const tables = await mysqlRows(url, `SELECT table_name AS name ${ofTables(prefix)}`);
  return tables.map(({ name }) => `\`${name}\``).join(", ");
}
