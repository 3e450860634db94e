import assert from "node:assert/strict";
import type { RunnableConfig } from "@langchain/core/runnables";
import { type Owner, Persistence, StorageError } from "@threadkeep/core";
import { all, checkpoint, idOf, latest, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import type { Own } from "../src/isolation-calls.js";
import { human, Log, line, said } from "../src/persistence.js";
import { assertRefused, refusal } from "../src/refusal.js";
import { everything } from "../src/snapshot.js";

/** A run's config that names a tenant. */
const named = (tenant_id: string, thread_id = "t") => ({ configurable: { thread_id, tenant_id } });

const graphOn = ({ checkpointer }: Pick<Own, "checkpointer">) =>
  line(new Log().nodes("one", "two")).compile({ checkpointer });

const ids = async (own: Own) =>
  (await own.sessions.list({ all: true })).sessions.map(({ id }) => id).sort();

const values = (n: number) => checkpoint(idOf(n), { value: n });
const TENANTS = Array.from({ length: 8 }, (_, i) => `tenant ${i}`);
const ROUNDS = 15;

/** What a tenant wrote is there until it deletes it, whoever makes and deletes the same id meanwhile. */
async function takeTurns(db: Database, tenantId: string, id: string): Promise<void> {
  const processes = [new Persistence(db.storage), new Persistence(await db.connect())];
  const mark = (round: number) => `${tenantId} ${round}`;
  for (let round = 0; round < ROUNDS; round += 1) {
    const [here, there] = (round % 2 === 0 ? processes : [...processes].reverse()).map((one) =>
      one.forOwner({ tenantId }),
    ) as [Own, Own];
    const saved = checkpoint(idOf(round), { value: mark(round) });
    await put(here.checkpointer, place(id), saved);
    await here.history(id).addMessages([human(mark(round))]);
    assertSame(await latest(there.checkpointer, id), { value: mark(round) });
    assertSame(said(await there.history(id).getMessages()), [`human: ${mark(round)}`]);
    assertSame((await all(there.checkpointer, {})).length, 1, "tuples of the tenant");
    assertSame((await there.sessions.get(id))?.tenantId, tenantId);
    assertSame(await there.sessions.delete(id), true);
    assertSame(await there.checkpointer.getTuple(place(id)), undefined);
    assertSame(await there.sessions.get(id), undefined);
    assertSame(await there.history(id).getMessages(), []);
  }
}

/** What takes the config of a run, and makes nothing where there is nothing. */
const BY_CONFIG: Readonly<Record<string, (own: Own, config: RunnableConfig) => Promise<unknown>>> =
  {
    listCheckpoints: (own, config) => own.listCheckpoints(config),
    getLatestCheckpoint: (own, config) => own.getLatestCheckpoint(config),
    getCheckpointById: (own, config) => own.getCheckpointById(config, "cp"),
    createCheckpoint: (own, config) => own.createCheckpoint(config),
    createTombstoneCheckpoint: (own, config) => own.createTombstoneCheckpoint(config),
    deleteCheckpoint: (own, config) => own.deleteCheckpoint(config, "cp"),
    rollbackToCheckpoint: (own, config) => own.rollbackToCheckpoint(config, "cp"),
    rollbackToLatestCheckpoint: (own, config) => own.rollbackToLatestCheckpoint(config),
    setExecutionPoint: (own, config) =>
      own.setExecutionPoint(config, { nodePath: "two", graph: graphOn(own), messageHistory: [] }),
    toolCalls: (own, config) => own.toolCalls(config),
    listNodeRuns: ({ checkpointer }, config) => checkpointer.listNodeRuns(config),
    getDeltaChannelHistory: ({ checkpointer }, config) =>
      checkpointer.getDeltaChannelHistory({ config, channels: ["messages"] }),
  };

/** Without the session's name. */
async function answerOf(call: () => Promise<unknown>, id: string): Promise<string> {
  try {
    return JSON.stringify(await call()) ?? "nothing";
  } catch (error) {
    assert.ok(error instanceof StorageError, String(error));
    return `${error.code} ${error.message.replaceAll(JSON.stringify(id), "…")}`;
  }
}

const BAD_OWNERS: readonly unknown[] = [
  ...[undefined, null, "acme", 1, [], {}],
  ...[undefined, null, "", 1, {}, "a\0b", "\ud800", "x".repeat(256)].flatMap((bad) => [
    { tenantId: bad },
    { tenantId: "acme", userId: bad },
    { userId: "ada", agentId: bad },
  ]),
  { tenant: "acme" },
  { tenantId: "acme", all: true },
  { all: true },
];

export const ownedRunChecks: Checks = {
  "a session that a run made elsewhere is its tenant's, and nobody else's": async (db) => {
    const persistence = new Persistence(db.storage);
    await graphOn(persistence).invoke({ messages: [human("hi")] }, named("acme"));
    const [acme, globex] = ["acme", "globex"].map((tenantId) =>
      persistence.forOwner({ tenantId }),
    ) as [Own, Own];
    assert.deepEqual(await ids(acme), ["t"]);
    assert.equal((await acme.sessions.get("t"))?.tenantId, "acme");
    assert.equal((await acme.listCheckpoints("t")).length > 0, true);
    const more = await graphOn(acme).invoke({ messages: [human("again")] }, place("t"));
    assert.deepEqual(said(more.messages), ["human: hi", "human: again"]);
    assert.deepEqual(await ids(globex), []);
    assert.equal(await globex.checkpointer.getTuple(place("t")), undefined);
    assert.deepEqual(await globex.listCheckpoints("t"), []);
  },

  "a run whose config contradicts the session's tenant reads nothing and cannot write": async (
    db,
  ) => {
    const persistence = new Persistence(db.storage);
    const saver = persistence.checkpointer;
    const graph = graphOn(persistence);
    await graph.invoke({ messages: [human("hi")] }, named("acme"));
    await persistence.createCheckpoint("t", { checkpointId: "cp" });
    const { id } = (await saver.getTuple(named("acme")))!.checkpoint;
    const before = await everything(db.storage);
    for (const process of [persistence, new Persistence(await db.connect())]) {
      const { checkpointer } = process;
      const exact = { configurable: { ...place("t", id).configurable, tenant_id: "globex" } };
      for (const config of [named("globex"), exact]) {
        assert.equal(await checkpointer.getTuple(config), undefined);
        assert.deepEqual(await all(checkpointer, config), []);
        assert.deepEqual(await checkpointer.listNodeRuns(config), []);
        await assertRefused(() => put(checkpointer, config, values(1)), "NOT_FOUND", "put");
      }
      const write = () => checkpointer.putWrites(exact, [["value", 1]], "task");
      await assertRefused(write, "NOT_FOUND", "putWrites");
      for (const [name, call] of Object.entries(BY_CONFIG)) {
        const [theirs, nobodys] = [named("globex"), named("globex", "u")].map((config) =>
          answerOf(() => call(process, config), config.configurable.thread_id),
        );
        const answer = (await theirs) as string;
        assert.ok(
          answer === (await nobodys) || answer.startsWith("NOT_FOUND"),
          `${name}: ${answer}`,
        );
      }
      assert.deepEqual(await all(checkpointer, { configurable: { tenant_id: "globex" } }), []);
      const error = await refusal(() => graphOn(process).invoke({ note: "n" }, named("globex")));
      assert.equal(error.code, "NOT_FOUND");
      const context = { ...place("t"), context: { tenantId: "globex" } };
      assert.equal(await checkpointer.getTuple(context), undefined);
    }
    assertSame(await everything(db.storage), before, "something was written");
    const state = await graph.invoke({ messages: [human("again")] }, named("acme"));
    assert.deepEqual(said(state.messages), ["human: hi", "human: again"]);
  },

  "a config within an owner's functions cannot name another owner": async (db) => {
    const persistence = new Persistence(db.storage);
    const owners: Owner[] = [{ tenantId: "acme" }, { tenantId: "globex" }];
    const [acme, globex] = owners.map((owner) => persistence.forOwner(owner)) as [Own, Own];
    await graphOn(globex).invoke({ note: "theirs" }, place("t"));
    const theirs = await ids(globex);
    const seen = await globex.listCheckpoints("t");
    await graphOn(acme)
      .invoke({ note: "mine" }, named("globex"))
      .catch(() => {});
    await graphOn(acme)
      .invoke({ note: "mine" }, named("globex", "u"))
      .catch(() => {});
    assert.deepEqual(await ids(globex), theirs);
    assertSame(await globex.listCheckpoints("t"), seen);
    for (const { id } of (await acme.sessions.list({ all: true })).sessions) {
      assert.equal((await acme.sessions.get(id))?.tenantId, "acme");
    }
  },

  "tenants that make and delete the same id at once each find their own": async (db) => {
    await Promise.all(TENANTS.map((tenantId) => takeTurns(db, tenantId, "same")));
    assertSame(await db.storage.sessions({ owner: {}, limit: 100 }), []);
  },

  "a session whose id is what another one's is stored under is in nobody's way": async (db) => {
    const persistence = new Persistence(db.storage);
    const own = (tenantId: string) => persistence.forOwner({ tenantId });
    await own("acme").sessions.create({ id: "t" });
    await own("globex").sessions.create({ id: "t" });
    const stored = await db.storage.sessions({ owner: { tenantId: "globex" }, limit: 2 });
    const key = stored[0]?.id as string;
    assert.equal(await own("globex").sessions.delete("t"), true);
    await own("acme").sessions.create({ id: key, title: "squatted" });
    assert.equal((await own("acme").sessions.get(key))?.title, "squatted");
    await own("globex").sessions.create({ id: "t", title: "mine" });
    assert.equal((await own("globex").sessions.get("t"))?.title, "mine");
    assert.equal(await own("globex").sessions.delete("t"), true);
    assert.equal((await own("acme").sessions.get(key))?.title, "squatted");
  },

  "an owner that is none is refused": async (db) => {
    const persistence = new Persistence(db.storage);
    for (const bad of BAD_OWNERS) {
      const error = await refusal(async () => persistence.forOwner(bad as Owner));
      assert.equal(error.code, "INVALID_ARGUMENT", JSON.stringify(bad));
      assert.equal(error.operation, "forOwner", JSON.stringify(bad));
    }
  },
};
