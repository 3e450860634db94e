import assert from "node:assert/strict";
import { Persistence } from "@threadkeep/core";
import { type RowLevelSecurityOptions, rowLevelSecuritySql } from "@threadkeep/postgres";
import { describe, inject, it } from "vitest";
import { checkpoint, place, put } from "../src/checkpoints.js";
import { threadConfig } from "../src/graphs.js";
import { human, Log, line, said } from "../src/persistence.js";
import { GuardedSchema, tenant } from "../src/postgres-rls.js";
import { breaches, tried } from "../src/postgres-rls-attempts.js";
import { assertRefused, refusal } from "../src/refusal.js";
import { ROWS, recordOf } from "../src/session-rows.js";

const url = inject("postgresUrl");

async function filled(world: GuardedSchema): Promise<void> {
  for (const name of ["acme", "globex"]) {
    const storage = world.storage(tenant(name));
    const owner = { tenantId: name, userId: "u" };
    assert.equal(await storage.insertSession(recordOf(`of ${name}`, owner), ROWS), true);
    await storage.close();
  }
}

async function assertApart(world: GuardedSchema): Promise<void> {
  await filled(world);
  const tables = await world.ofSessions();
  const rows = async () => {
    const all: string[][] = [];
    for (const table of tables) all.push(await world.rows(table, "of globex"));
    return all;
  };
  const before = await rows();
  const counts = before.map((some) => some.length);
  assert.deepEqual(counts, Array(tables.length).fill(1), "a row in each table");
  assert.deepEqual(await breaches(world, tenant("acme"), "of acme", "of globex"), []);
  assert.deepEqual(await rows(), before);
}

/** Its rows are there for the connections that bear its name, and for no others. */
async function assertNothingUnnamed(world: GuardedSchema): Promise<void> {
  await filled(world);
  const tables = await world.ofSessions();
  const acme = await world.client(tenant("acme"));
  for (const name of tables) {
    assert.equal(await tried(acme, `SELECT 1 FROM ${world.table(name)}`), 1, name);
  }
  for (const settings of [{}, tenant("")]) {
    const client = await world.client(settings);
    for (const name of tables) {
      assert.equal(await tried(client, `SELECT 1 FROM ${world.table(name)}`), 0, name);
      assert.equal(await tried(client, `DELETE FROM ${world.table(name)}`), 0, name);
    }
    const storage = world.storage(settings);
    assert.equal(await storage.guard("of acme"), undefined);
    assert.deepEqual(await storage.list({ limit: 10 }), []);
    const saver = new Persistence(storage).checkpointer;
    await assertRefused(() => put(saver, place("new"), checkpoint("1")), "ACCESS_DENIED", "put");
  }
}

async function withWorld(
  options: Parameters<typeof GuardedSchema.create>[1],
  check: (world: GuardedSchema) => Promise<void>,
): Promise<void> {
  const world = await GuardedSchema.create(url, options);
  try {
    await check(world);
  } finally {
    await world.remove();
  }
}

const asOwner = async (world: GuardedSchema, name?: string): Promise<unknown> => {
  const text = `SELECT count(*)::int AS n FROM ${world.table("messages")}`;
  const [row] = await world.owner(text, name === undefined ? {} : tenant(name));
  return row?.n;
};

/** A tenant's whole life beside another one's session of the same id. */
async function assertWorks(world: GuardedSchema, batches: "statement" | "transaction") {
  const [acme, globex] = ["acme", "globex"].map((tenantId) => {
    const storage = world.storage(tenant(tenantId), { batches });
    return { tenantId, own: new Persistence(storage).forOwner({ tenantId }) };
  }) as [Life, Life];
  for (const one of [acme, globex]) await live(one);
  const left = async () =>
    said((await globex.own.messages("t")).messages.map(({ message }) => message));
  const before = await left();
  assert.equal(await acme.own.sessions.delete("t"), true);
  assert.equal(await acme.own.sessions.get("t"), undefined);
  assert.deepEqual(await left(), before);
  await acme.own.erase({ tenantId: "acme" });
  for (const name of await world.ofSessions()) {
    const key = name === "sessions" ? "id" : "session_id";
    const owners = `SELECT tenant_id FROM ${world.table("sessions")} s WHERE s.id = t.${key}`;
    const text = `SELECT DISTINCT (${owners}) AS of FROM ${world.table(name)} t`;
    const found = (await world.admin(text)).map(({ of }) => of);
    assert.ok(
      found.every((of) => of === "globex"),
      `${name}: ${found}`,
    );
  }
}

interface Life {
  tenantId: string;
  own: ReturnType<Persistence["forOwner"]>;
}

async function live({ tenantId, own }: Life): Promise<void> {
  const graph = line(new Log().nodes("one", "two")).compile({ checkpointer: own.checkpointer });
  for (const turn of [1, 2]) {
    const messages = [human(`${tenantId} ${turn}`)];
    const state = await graph.invoke({ messages }, threadConfig("t"));
    assert.equal(state.messages.length, turn);
  }
  await own.history("talk").addUserMessage(`${tenantId} talks`);
  assert.deepEqual(said(await own.history("talk").getMessages()), [`human: ${tenantId} talks`]);
  await own.sessions.create({ id: "made", title: tenantId });
  const { sessions } = await own.sessions.list({ all: true });
  assert.deepEqual(sessions.map(({ id }) => id).sort(), ["made", "t", "talk"]);
  await own.copy("t", { as: "copy" });
  assert.ok((await own.prune("t", { keepLast: 1 })).checkpoints > 0);
  const tuple = await own.checkpointer.getTuple(threadConfig("t"));
  const kept = tuple?.checkpoint.channel_values.messages;
  assert.deepEqual(said(kept as never), [`human: ${tenantId} 1`, `human: ${tenantId} 2`]);
}

describe("row-level security on PostgreSQL", { timeout: 120_000 }, () => {
  for (const [name, check] of Object.entries({ assertApart, assertNothingUnnamed })) {
    it(`${name}: as a role with least rights`, () => withWorld({}, check));
    it(`${name}: of partitions`, () => withWorld({ partitions: 2 }, check));
    it(`${name}: is caught without policies`, () =>
      withWorld({ policies: false }, (world) =>
        assert.rejects(check(world), assert.AssertionError),
      ));
  }

  for (const batches of ["statement", "transaction"] as const) {
    it(`a tenant's graphs, histories and sessions work, batches as a ${batches}`, () =>
      withWorld({}, (world) => assertWorks(world, batches)));
  }

  it("a run whose config names another tenant than its connection is refused", () =>
    withWorld({}, async (world) => {
      const saver = new Persistence(world.storage(tenant("acme"))).checkpointer;
      const of = (tenant_id: string) => ({
        configurable: { ...place("t").configurable, tenant_id },
      });
      await assertRefused(() => put(saver, of("globex"), checkpoint("1")), "ACCESS_DENIED", "put");
      await put(saver, of("acme"), checkpoint("1"));
      const other = new Persistence(world.storage(tenant("globex"))).checkpointer;
      assert.equal(await other.getTuple(of("globex")), undefined);
      assert.equal(await other.getTuple(of("acme")), undefined);
    }));

  it("a role may bear its tenant's name", () =>
    withWorld({}, async (world) => {
      await filled(world);
      await world.admin(`ALTER ROLE "${world.role}" SET threadkeep.tenant_id = 'acme'`);
      const storage = world.storage({});
      assert.equal((await storage.session("of acme"))?.title, "mine");
      assert.equal(await storage.session("of globex"), undefined);
    }));

  it("users of a tenant are apart where connections name them, too", () =>
    withWorld({ userSetting: "threadkeep.user_id" }, async (world) => {
      const of = (user: string) => ({ ...tenant("acme"), "threadkeep.user_id": user });
      for (const userId of ["ada", "bob"]) {
        const made = recordOf(`of ${userId}`, { tenantId: "acme", userId });
        assert.equal(await world.storage(of(userId)).insertSession(made, ROWS), true);
      }
      assert.deepEqual(await breaches(world, of("ada"), "of ada", "of bob"), []);
      const nobody = await world.client(tenant("acme"));
      assert.equal(await tried(nobody, `SELECT 1 FROM ${world.table("sessions")}`), 0);
    }));

  it("the tables' owner is bound, notes new versions, and sees all with BYPASSRLS", () =>
    withWorld({}, async (world) => {
      await filled(world);
      assert.deepEqual([await asOwner(world), await asOwner(world, "acme")], [0, 1]);
      await world.owner(`UPDATE ${world.table("migrations")} SET version = 99`);
      await world.admin(`ALTER ROLE "owner_${world.schema}" BYPASSRLS`);
      assert.equal(await asOwner(world), 2);
    }));

  it("with a role, that role only sees its tenant's rows", () =>
    withWorld({ only: true }, async (world) => {
      await assertApart(world);
      assert.equal(await asOwner(world, "acme"), 0);
    }));

  it("names that are none are refused", async () => {
    const bad: RowLevelSecurityOptions[] = [
      ...["", "a b", 'a"b', "A"].map((schema) => ({ schema })),
      ...["", "plain", "a.b'", "a.", ".b", "A.b", `a.${"b".repeat(63)}`].flatMap((setting) => [
        { setting },
        { userSetting: setting },
      ]),
      ...["", "a b", 'a"b', "a".repeat(64)].map((role) => ({ role })),
      { userSetting: undefined as never },
      { userSetting: "threadkeep.tenant_id" },
    ];
    for (const options of bad) {
      const error = await refusal(async () => rowLevelSecuritySql(options));
      assert.equal(error.code, "INVALID_ARGUMENT", JSON.stringify(options));
    }
  });
});
