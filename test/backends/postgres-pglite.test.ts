import { PGlite } from "@electric-sql/pglite";
import { type PostgresClient, type PostgresPool, PostgresStorage } from "@threadkeep/postgres";
import { afterAll, beforeAll } from "vitest";
import { type Backend, contract } from "../src/harness.js";
import { deltaChecks } from "../suites/graphs-delta.js";
import { historyChecks } from "../suites/history.js";
import { listChecks } from "../suites/saver-list.js";
import { putChecks } from "../suites/saver-put.js";
import { threadChecks } from "../suites/saver-threads.js";
import { writesChecks } from "../suites/saver-writes.js";

/** PostgreSQL inside the process, as a pool: it has one connection, which is lent to one at a time. */
class PglitePool implements PostgresPool {
  readonly #db: PGlite;
  #free: Promise<void> = Promise.resolve();

  constructor(db: PGlite) {
    this.#db = db;
  }

  async connect(): Promise<PostgresClient> {
    const before = this.#free;
    let release = () => {};
    this.#free = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return {
      query: async ({ text, values, rowMode }) => {
        const { rows, affectedRows } = await this.#db.query(text, values, { rowMode });
        return { rows, rowCount: rows.length || (affectedRows ?? 0) };
      },
      release,
    };
  }
}

let db: PGlite;
let pool: PglitePool;
let schemas = 0;

beforeAll(async () => {
  db = await PGlite.create();
  pool = new PglitePool(db);
});
afterAll(() => db.close());

const pglite: Backend = {
  name: "postgres as PGlite",
  create: async () => {
    schemas += 1;
    const schema = `t_${schemas}`;
    return {
      connect: async ({ place = schema } = {}) => new PostgresStorage(pool, { schema: place }),
      remove: async () => {
        await db.exec(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      },
    };
  },
};

contract(pglite, {
  put: putChecks,
  "pending writes": writesChecks,
  list: listChecks,
  threads: threadChecks,
  "delta channels": deltaChecks,
  "chat history": historyChecks,
});
