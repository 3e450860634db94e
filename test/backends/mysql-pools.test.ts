import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { HumanMessage } from "@langchain/core/messages";
import { MysqlChatMessageHistory, MysqlSaver, MysqlStorage } from "@threadkeep/mysql";
import mysql from "mysql2";
import mysqlPromise from "mysql2/promise";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { mysqlRows } from "../servers/mariadb.js";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { type Backend, contract } from "../src/harness.js";
import { mysqlAt } from "../src/mysql.js";
import { assertRefused } from "../src/refusal.js";
import { concurrencyChecks } from "../suites/concurrency.js";
import { idChecks } from "../suites/ids.js";
import { putChecks } from "../suites/saver-put.js";
import { threadChecks } from "../suites/saver-threads.js";
import { writesChecks } from "../suites/saver-writes.js";
import { setupChecks } from "../suites/setup.js";
import { valueChecks } from "../suites/values.js";

const server = inject("mysqlUrl");
const database = `pools_${randomBytes(8).toString("hex")}`;
const uri = Object.assign(new URL(server), { pathname: `/${database}` }).href;

beforeAll(() => mysqlRows(server, `CREATE DATABASE ${database}`));
afterAll(() => mysqlRows(server, `DROP DATABASE ${database}`));

const TEXT = "naïve Ωμέγα 日本語 🧵 \u0000 ' \\ \" % `";

describe("a pool that was passed in", () => {
  it("stays open on end(), with callbacks or with promises", async () => {
    const callbacks = mysql.createPool({ uri });
    const promises = mysqlPromise.createPool({ uri });
    for (const pool of [callbacks, promises]) {
      const saver = new MysqlSaver(pool);
      await put(saver, place("t"), checkpoint("1", { a: TEXT }));
      await new MysqlChatMessageHistory(pool, "t").addMessages([new HumanMessage(TEXT)]);
      await saver.end();
      await assertRefused(() => latest(saver, "t"), "CLOSED", "getTuple");
      assert.deepEqual(await latest(new MysqlSaver(pool), "t"), { a: TEXT });
      await new MysqlSaver(pool).deleteThread("t");
    }
    const [rows] = await callbacks.promise().query("SELECT 7 AS seven");
    assert.deepEqual({ ...(rows as object[])[0] }, { seven: 7 });
    await callbacks.promise().end();
    await promises.end();
  });

  it("stores exact text though its character set is latin1", async () => {
    for (const charset of ["latin1", "utf8mb4_general_ci", "ascii"]) {
      const pool = mysql.createPool({ uri, charset });
      const saver = new MysqlSaver(pool, undefined, { tablePrefix: "charset_" });
      const [rows] = await pool.promise().query("SELECT @@character_set_client AS name");
      assert.equal((rows as { name: string }[])[0]?.name, charset.split("_")[0]);
      const key = TEXT.replaceAll("\u0000", "");
      const id = `thread ${key}`;
      const values = { text: TEXT, long: TEXT.repeat(100), message: new HumanMessage(TEXT) };
      await put(saver, place(id), checkpoint("1", values));
      await saver.putWrites(place(id, "1"), [[key, TEXT]], "task", key);
      const other = MysqlSaver.fromConnString(uri, { tablePrefix: "charset_" });
      assert.deepEqual(await latest(other, id), values);
      const tuple = await other.getTuple(place(id));
      assert.deepEqual(tuple?.pendingWrites?.[0]?.slice(1), [key, TEXT]);
      await other.deleteThread(id);
      await other.end();
      await pool.promise().end();
    }
  });
});

describe("options of a pool that is made here", () => {
  it("reach the driver", async () => {
    const saver = MysqlSaver.fromConnString(uri, { pool: { connectionLimit: 2 } });
    await Promise.all(Array.from({ length: 20 }, (_, i) => saver.getTuple(place(`t${i}`))));
    const open = `SELECT COUNT(*) AS n FROM information_schema.processlist WHERE db = '${database}'`;
    assert.equal(Number((await mysqlRows(server, open))[0]?.n), 2);
    await saver.end();
  });

  it("TLS is not given up silently", async () => {
    const saver = MysqlSaver.fromConnString(uri, {
      pool: { connectionLimit: 1, ssl: { rejectUnauthorized: false } },
    });
    const [{ ssl } = { ssl: "" }] = await mysqlRows(server, "SELECT @@have_ssl AS `ssl`").catch(
      () => [{ ssl: "YES" }],
    );
    if (ssl === "YES") assert.equal(await latest(saver, "nobody"), undefined);
    else await assertRefused(() => latest(saver, "nobody"), "CONNECTION", "getTuple", /secure|SSL/);
    await saver.end();
  });
});

/** Pools of a user, with the settings that each connection begins with. */
function ofUser(
  name: string,
  settings: readonly string[],
  config: mysql.PoolOptions = {},
): Backend {
  const base = mysqlAt(name, server);
  return {
    ...base,
    create: async () => {
      const found = await base.create();
      const pools: mysql.Pool[] = [];
      return {
        ...found,
        connect: async ({ place: tablePrefix = "" } = {}) => {
          const pool = mysql.createPool({ uri: found.durable!.url, connectionLimit: 4, ...config });
          pool.on("connection", (connection) => {
            for (const setting of settings) connection.query(`SET SESSION ${setting}`);
          });
          pools.push(pool);
          return new MysqlStorage(pool, { tablePrefix });
        },
        remove: async () => {
          for (const pool of pools) await pool.promise().end();
          await found.remove();
        },
      };
    },
  };
}

contract(
  ofUser("mysql, a user's pool as it comes: REPEATABLE READ", [
    "TRANSACTION ISOLATION LEVEL REPEATABLE READ",
  ]),
  { put: putChecks, threads: threadChecks, concurrency: concurrencyChecks },
);
contract(
  ofUser("mysql, a user's pool without strict mode, with other quotes", [
    "sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'",
  ]),
  { put: putChecks, "pending writes": writesChecks, setup: setupChecks, ids: idChecks },
);
contract(ofUser("mysql, a user's pool in latin1", [], { charset: "latin1" }), {
  values: valueChecks,
});
