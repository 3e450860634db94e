import { type Connection, createConnection } from "mysql2/promise";
import { createMariadb } from "../servers/mariadb.js";
import type { Durable } from "../src/harness.js";
import { mysqlAt } from "../src/mysql.js";
import { halves, open } from "./mysql-open.js";
import { mysqlProtocol } from "./mysql-protocol.js";
import type { Admin, Login, Served } from "./served.js";

type Rows = Record<string, unknown>[];

async function rowsOf(connection: Connection, text: string): Promise<Rows> {
  const [rows] = await connection.query(text);
  return Array.isArray(rows) ? (rows as Rows) : [];
}

async function admin(url: string): Promise<Admin> {
  const connection = await createConnection(url);
  // A server that goes away is told to the next query.
  connection.on("error", () => {});
  const rows = (text: string) => rowsOf(connection, text);
  return {
    rows,
    terminateOthers: async () => {
      const others = await rows(
        "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1)",
      );
      const killed = others.map(({ id }) =>
        // It may have ended by itself.
        rows(`KILL ${id}`).then(
          () => 1,
          () => 0,
        ),
      );
      return (await Promise.all<number>(killed)).reduce((sum, one) => sum + one, 0);
    },
    close: () => connection.end(),
  };
}

async function holdRow({ url, table }: Durable, sessionId: string): Promise<() => Promise<void>> {
  const connection = await createConnection(url);
  await connection.query("BEGIN");
  const lock = `SELECT 1 FROM ${table("sessions")} WHERE id = ? FOR UPDATE`;
  const [rows] = await connection.query(lock, [Buffer.from(sessionId)]);
  if ((rows as unknown[]).length !== 1) throw new Error("there is no such row to hold");
  return () => connection.end();
}

async function createLogin(
  place: Durable,
  { user, password }: Login,
): Promise<{ grant(): Promise<void> }> {
  const database = new URL(place.url).pathname.slice(1);
  await place.sql(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY '${password}'`);
  // Without any right on a database nobody may enter it.
  await place.sql(`GRANT SHOW VIEW ON ${database}.* TO ${user}@'127.0.0.1'`);
  const grant = async () => {
    const rights = "SELECT, INSERT, UPDATE, DELETE";
    await place.sql(`GRANT ${rights} ON ${database}.* TO ${user}@'127.0.0.1'`);
  };
  return { grant };
}

async function dropLogin(place: Durable, { user }: Login): Promise<void> {
  await place.sql(`DROP USER ${user}@'127.0.0.1'`);
}

export const servedMysql: Served = {
  name: "mysql",
  scheme: "mysql",
  protocol: mysqlProtocol,
  module: new URL("./mysql-open.ts", import.meta.url).href,
  createServer: createMariadb,
  at: (url) => mysqlAt("mysql", url),
  open,
  halves,
  admin,
  holdRow,
  impatient: ["--innodb-lock-wait-timeout=1"],
  createLogin,
  dropLogin,
  most: { put: 5, trips: 5, turn: 20 },
};
