import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import {
  PostgresChatMessageHistory,
  type PostgresOptions,
  type PostgresPool,
  PostgresSaver,
  PostgresStorage,
} from "@threadkeep/postgres";
import pg from "pg";
import { afterAll, describe, inject, it } from "vitest";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { contract } from "../src/harness.js";
import { postgresAt } from "../src/postgres.js";
import { assertRefused } from "../src/refusal.js";
import { deltaChecks } from "../suites/graphs-delta.js";
import { historyChecks } from "../suites/history.js";
import { listChecks } from "../suites/saver-list.js";
import { writesChecks } from "../suites/saver-writes.js";

const url = inject("postgresUrl");
const schema = "pools_of_users";
const pools: pg.Pool[] = [];

function newPool(config: pg.PoolConfig = {}): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 2, ...config });
  pools.push(pool);
  return pool;
}

const saverOf = (pool: PostgresPool, options: PostgresOptions = {}) =>
  new PostgresSaver(pool, undefined, { schema, ...options });

async function sql(text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

const terminate = (name: string) =>
  sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", [name]);

afterAll(async () => {
  await Promise.all(pools.map((pool) => pool.end()));
  for (const name of [schema, `${schema}_2`]) await sql(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
});

describe("a pool that was passed in", () => {
  it("stays open on end(), and serves what comes after", async () => {
    const pool = newPool();
    const saver = saverOf(pool);
    await put(saver, place("t"), checkpoint("1", { a: 1 }));
    await saver.end();
    await assertRefused(() => latest(saver, "t"), "CLOSED", "getTuple");
    assert.deepEqual((await pool.query("SELECT 7 AS seven")).rows, [{ seven: 7 }]);
    assert.deepEqual(await latest(saverOf(pool), "t"), { a: 1 });
    assert.equal(pool.idleCount, pool.totalCount, "every connection was given back");
  });

  it("tells its own listeners of a connection that broke while nobody used it", async () => {
    const pool = newPool({ application_name: "pools_idle" });
    const saver = saverOf(pool);
    await put(saver, place("idle"), checkpoint("1", { a: 1 }));
    const seen = once(pool, "error");
    await terminate("pools_idle");
    const [error] = await seen;
    assert.match(error.message, /terminat/);
    assert.deepEqual(await latest(saver, "idle"), { a: 1 });
  });

  it("does not end the process when a connection breaks, though nobody listens", async () => {
    const run = (mode: string) =>
      new Promise<{ code: number | null; stdout: string }>((resolve) => {
        const script = `
          import pg from "pg";
          import { PostgresSaver } from "@threadkeep/postgres";
          const [url, mode, schema] = process.argv.slice(1);
          const pool = new pg.Pool({ connectionString: url, application_name: "pools_" + mode });
          const saverOf = () => new PostgresSaver(pool, undefined, { schema });
          const read = (saver) => saver.getTuple({ configurable: { thread_id: "t" } });
          if (mode === "bare") await pool.query("SELECT 1");
          else await read(saverOf());
          const other = new pg.Client(url);
          await other.connect();
          await other.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", ["pools_" + mode]);
          while (pool.totalCount > 0) await new Promise(setImmediate);
          await read(saverOf());
          console.log("alive");
          await other.end();
          await pool.end();`;
        const args = ["--import", "tsx", "--input-type=module", "--eval", script];
        const cwd = fileURLToPath(new URL("..", import.meta.url));
        const child = execFile(
          process.execPath,
          [...args, url, mode, schema],
          { cwd },
          (_, stdout) => resolve({ code: child.exitCode, stdout }),
        );
      });
    assert.deepEqual(await run("saver"), { code: 0, stdout: "alive\n" });
    // Without a saver it does.
    assert.deepEqual(await run("bare"), { code: 1, stdout: "" });
  });

  it("may be shared by any number of histories", async () => {
    const pool = newPool();
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on("warning", onWarning);
    for (let i = 0; i < 30; i += 1) {
      const history = new PostgresChatMessageHistory(pool, `s${i}`, { schema });
      await history.addUserMessage(`hello ${i}`);
    }
    await new Promise(setImmediate);
    process.off("warning", onWarning);
    assert.deepEqual(
      warnings.filter(({ name }) => name === "MaxListenersExceededWarning"),
      [],
    );
    assert.ok(pool.listenerCount("error") <= 1, `${pool.listenerCount("error")} listeners`);
  });

  it("may be shared by two schemas: their named statements are apart", async () => {
    const pool = newPool({ max: 1 });
    const savers = [saverOf(pool), saverOf(pool, { schema: `${schema}_2` })];
    for (let i = 0; i < 3; i += 1) {
      for (const [n, saver] of savers.entries()) {
        await put(saver, place("both"), checkpoint(`${i}`, { n, i }));
      }
      for (const [n, saver] of savers.entries()) {
        assert.deepEqual(await latest(saver, "both"), { n, i });
      }
    }
    const { rows } = await pool.query("SELECT name FROM pg_prepared_statements");
    assert.ok(rows.length >= 4 && rows.every(({ name }) => name.startsWith("threadkeep_")));
  });
});

describe("options of a pool that is made here", () => {
  it("reach the driver", async () => {
    const saver = PostgresSaver.fromConnString(url, {
      schema,
      pool: { application_name: "pools_named", max: 1 },
    });
    await latest(saver, "t");
    const query = "SELECT state FROM pg_stat_activity WHERE application_name = 'pools_named'";
    assert.equal((await sql(query)).length, 1);
    await saver.end();
  });

  it("TLS is not given up silently", async () => {
    const [{ ssl } = { ssl: "" }] = await sql("SHOW ssl");
    const saver = PostgresSaver.fromConnString(url, {
      schema,
      pool: { ssl: { rejectUnauthorized: false } },
    });
    if (ssl === "on") assert.deepEqual(await latest(saver, "nobody"), undefined);
    else await assertRefused(() => latest(saver, "nobody"), "CONNECTION", "getTuple", /SSL/);
    await saver.end();
  });
});

/** A pool that knows rows as objects only, and neither names nor listeners. */
function plain(pool: pg.Pool): PostgresPool {
  return {
    connect: async () => {
      const client = await pool.connect();
      return {
        query: ({ text, values }) => client.query(text, values),
        release: (error) => client.release(error),
      };
    },
  };
}

contract(
  postgresAt("postgres through a pool with rows as objects", url, (place, options) => {
    const pool = newPool({ max: 4 });
    return new PostgresStorage(plain(pool), { ...options, schema: place });
  }),
  {
    "pending writes": writesChecks,
    list: listChecks,
    "delta channels": deltaChecks,
    "chat history": historyChecks,
  },
);
