import assert from "node:assert/strict";
import { PostgresStorage } from "@threadkeep/postgres";
import pg from "pg";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { createPgbouncer, type Pgbouncer } from "../servers/pgbouncer.js";
import { postgresRows } from "../servers/postgres.js";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { contract, Database } from "../src/harness.js";
import { postgresAt } from "../src/postgres.js";
import { refusal } from "../src/refusal.js";
import { everyBackend } from "../suites/all.js";
import { setupChecks } from "../suites/setup.js";

/** Fewer than the connections of most tests, so that they take turns. */
const SERVERS = 3;

const direct = inject("postgresUrl");
let pgbouncer: Pgbouncer;
let single: Pgbouncer;

beforeAll(async () => {
  const poolMode = "transaction";
  [pgbouncer, single] = await Promise.all([
    createPgbouncer({ url: direct, poolMode, poolSize: SERVERS }),
    createPgbouncer({ url: direct, poolMode, poolSize: 1 }),
  ]);
}, 120_000);
afterAll(() => Promise.all([pgbouncer?.stop(), single?.stop()]));

/** What its own console says. */
function ask<Row extends pg.QueryResultRow>({ url }: Pgbouncer, query: string): Promise<Row[]> {
  return postgresRows<Row>(Object.assign(new URL(url), { pathname: "/pgbouncer" }).href, query);
}

async function transactions(): Promise<number> {
  const rows = await ask<{ total_xact_count: string }>(pgbouncer, "SHOW STATS");
  return rows.reduce((sum, row) => sum + Number(row.total_xact_count), 0);
}

const backend = postgresAt("postgres behind pgbouncer", direct, (schema, options) =>
  PostgresStorage.connect(pgbouncer.url, {
    ...options,
    schema,
    namedStatements: false,
    pool: { max: 4 },
  }),
);

const first = "setup runs by itself before whatever call comes first, on many connections at once";

// What the database hardly takes part in is left out.
const { values: _values, "edits in place": _edits, ...suites } = everyBackend;

contract(backend, { ...suites, setup: { [first]: setupChecks[first]! } });

describe("pgbouncer in transaction mode", () => {
  it("is what the statements go through, and its connections take turns", async () => {
    const clients = Array.from({ length: 8 }, () => new pg.Client(pgbouncer.url));
    await Promise.all(clients.map((client) => client.connect()));
    const pids = await Promise.all(
      clients.map(
        async (client) => (await client.query("SELECT pg_backend_pid() pid")).rows[0].pid,
      ),
    );
    await Promise.all(clients.map((client) => client.end()));
    assert.ok(new Set(pids).size <= SERVERS, `${pids}`);
    const before = await transactions();
    const db = await Database.create(backend);
    try {
      for (let i = 0; i < 20; i += 1) {
        await put(db.saver(), place("t"), checkpoint(`${i}`, { i }));
        assert.deepEqual(await latest(db.saver(), "t"), { i });
      }
    } finally {
      await db.destroy();
    }
    // Counted when a transaction ends: two for each round, and those of the set-up.
    assert.ok((await transactions()) - before >= 40);
  });

  it("refuses named statements with a typed error, where it cannot keep them apart", async () => {
    const settings = await ask<{ key: string; value: string }>(single, "SHOW CONFIG");
    // Unknown before 1.21.
    const kept = settings.find(({ key }) => key === "max_prepared_statements")?.value ?? 0;
    const named = postgresAt("postgres behind pgbouncer", direct, (schema, options) =>
      PostgresStorage.connect(single.url, { ...options, schema, pool: { max: 1 } }),
    );
    const db = await Database.create(named);
    try {
      await put(db.saver(), place("t"), checkpoint("1", { a: 1 }));
      const other = await db.connect();
      if (Number(kept) > 0) {
        assert.equal((await other.guard("t"))?.nextVersion, 2);
        return;
      }
      const error = await refusal(() => other.guard("t"));
      assert.equal(error.code, "DATABASE");
      assert.match(error.message, /prepared statement "threadkeep_\w+" already exists/);
    } finally {
      await db.destroy();
    }
  });
});
