import type { Storage } from "@threadkeep/core";
import { MysqlStorage } from "@threadkeep/mysql";
import mysql from "mysql2";
import { MysqlDialect } from "../../packages/mysql/src/dialect.js";
import { MysqlDriver } from "../../packages/mysql/src/driver.js";
import type { Limits } from "./served.js";

export default function connect(url: string): Storage {
  return open(url, { max: 4 });
}

export function open(url: string, { max, timeoutMs, setup }: Limits = {}): Storage {
  return MysqlStorage.connect(url, {
    ...(setup === undefined ? {} : { setup }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    pool: {
      ...(max === undefined ? {} : { connectionLimit: max }),
      ...(timeoutMs === undefined ? {} : { connectTimeout: timeoutMs }),
    },
  });
}

export function halves(url: string): { driver: MysqlDriver; dialect: MysqlDialect } {
  const pool = mysql.createPool({ uri: url, connectionLimit: 4 });
  const settings = { timeoutMs: 30_000, lock: "test", place: "the test's server", owned: true };
  return { driver: new MysqlDriver(pool, settings), dialect: new MysqlDialect("") };
}
