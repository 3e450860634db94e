import assert from "node:assert/strict";
import { type Owner, Persistence, type Session } from "@threadkeep/core";
import { place } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { DURABILITIES } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import type { Own } from "../src/isolation-calls.js";
import { human, line, type TrailGraph } from "../src/persistence.js";
import { assertRefused, refusal } from "../src/refusal.js";
import { everything } from "../src/snapshot.js";
import {
  graphOn,
  holding,
  IMITATIONS,
  listening,
  named,
  paying,
  saidIn,
  trailOf,
  turn,
  twoOfOneId,
} from "./owners-crossing-world.js";
import { recorded } from "./plugin-world.js";

export const ownerCrossingChecks: Checks = {
  "a thread id that looks like an owner's cached thread shares nothing with it": async (db) => {
    const owner = { tenantId: "A" };
    for (const [i, imitate] of IMITATIONS.entries()) {
      for (const isFirst of [true, false]) {
        const persistence = new Persistence(db.storage);
        const own = persistence.forOwner(owner);
        const id = `${i} ${isFirst}`;
        const strange = imitate(JSON.stringify(owner), id);
        for (let round = 0; round < 2; round += 1) {
          if (isFirst) await turn(own, id, "own");
          await turn(persistence, strange, "strange");
          if (!isFirst) await turn(own, id, "own");
        }
        const there = new Persistence(await db.connect());
        for (const process of [persistence, there]) {
          const trail = await trailOf(process.forOwner(owner), id);
          assertSame(trail, ["own", "n", "own", "n"], strange);
          const other = await trailOf(process, strange);
          assertSame(other, ["strange", "n", "strange", "n"], strange);
        }
        const gone = isFirst ? persistence : own;
        assert.equal(await gone.sessions.delete(isFirst ? strange : id), true, strange);
        const [left, leftId] = isFirst ? ([own, id] as const) : ([persistence, strange] as const);
        const { trail } = await turn(left, leftId, "more");
        assert.equal(trail.length, 6, strange);
        assert.equal(await gone.sessions.get(isFirst ? strange : id), undefined, strange);
      }
    }
  },

  "sessions.switch brings no plugin into another owner's session of that id": async (db) => {
    const persistence = new Persistence(db.storage);
    await persistence.history("chat-1", { userId: "U2" }).addMessages([human("U2's secret")]);
    const mine = persistence.forOwner({ userId: "U1" });
    await mine.sessions.create({ id: "chat-1" });
    const plugins = [
      persistence.plugin({ userId: "U1" }),
      persistence.plugin({ userId: "U1", sessionId: "old" }),
      mine.plugin(),
      persistence.forOwner({ userId: "U1", agentId: "a" }).plugin({ sessionId: "agent's" }),
    ];
    await mine.sessions.switch("chat-1");
    for (const [i, plugin] of plugins.entries()) {
      const { given, say } = listening(plugin);
      await say(`said ${i}`);
      assert.ok(!given.includes("U2's secret"), `plugin ${i} was given ${given}`);
      const [at, ...more] = await holding(db.storage, `said ${i}`);
      assertSame([at?.owner.userId, more], ["U1", []], `plugin ${i}`);
    }
    assert.equal((await saidIn(mine, "chat-1")).includes("human: said 2"), true);
    assertSame(await recorded(db.storage, "chat-1"), ["human: U2's secret"]);
  },

  "nor does it within a tenant, whatever the plugin sees of it": async (db) => {
    const persistence = new Persistence(db.storage);
    const tenant = persistence.forOwner({ tenantId: "A" });
    const [one, two] = ["1", "2"].map((userId) => persistence.forOwner({ tenantId: "A", userId }));
    await one?.history("c").addMessages([human("secret of 1")]);
    await two?.sessions.create({ id: "c" });
    const plugins = [
      tenant.plugin(),
      tenant.plugin({ userId: "2" }),
      persistence.plugin({ tenantId: "A" }),
      persistence.plugin({ tenantId: "A", userId: "2" }),
    ];
    await two?.sessions.switch("c");
    for (const [i, plugin] of plugins.entries()) {
      const { given, say } = listening(plugin);
      await say(`said ${i}`);
      assert.ok(!given.includes("secret of 1"), `plugin ${i} was given ${given}`);
      const found = await holding(db.storage, `said ${i}`);
      assertSame([found.length, found[0]?.owner.tenantId], [1, "A"], `plugin ${i}`);
      assert.notEqual(found[0]?.owner.userId, "1", `plugin ${i}`);
    }
    assertSame(await saidIn(one as Own, "c"), ["human: secret of 1"]);
  },

  "a tool call in another tenant's session is refused, and is in nobody's journal": async (db) => {
    const { persistence, paid, undone, call, graphTo } = paying(db);
    await graphTo("first").invoke({ trail: [] }, named("A"));
    const [start] = (await persistence.listCheckpoints("s")).slice(-1);
    const before = await everything(db.storage);
    for (const durability of DURABILITIES) {
      const run = () =>
        graphTo(`B's ${durability}`).invoke({ trail: [] }, { ...named("B"), durability });
      assert.equal((await refusal(run)).code, "NOT_FOUND", durability);
    }
    const direct = await refusal(() => call("B's own", named("B")));
    assert.equal(direct.code, "NOT_FOUND");
    const context = { configurable: { thread_id: "s" }, context: { tenantId: "B" } };
    assert.equal((await refusal(() => call("B's context", context))).code, "NOT_FOUND");
    assertSame(await everything(db.storage), before, "something was written");
    assertSame(paid, ["first"], "a refused call was made");
    await call("A's own", named("A"));
    await persistence.rollbackToCheckpoint("s", start?.checkpointId as string);
    assertSame(undone, ["A's own", "first"]);
  },

  "a plugin in a session of another user is refused, and its model hears nothing": async (db) => {
    const persistence = new Persistence(db.storage);
    const owner = { tenantId: "t", userId: "u1" };
    await persistence.history("u1's", owner).addMessages([human("secret")]);
    const handles = [persistence, persistence.forOwner({ tenantId: "t" })];
    for (const stranger of [{ userId: "u2" }, { userId: "u2", tenantId: "t" }]) {
      for (const handle of handles) {
        const plugin = handle.plugin({ ...stranger, sessionId: "u1's" });
        const { given, say } = listening(plugin);
        assert.equal((await refusal(() => say("hi"))).code, "NOT_FOUND");
        const graph = plugin.wrap(
          line({ n: () => ({ trail: ["n"] }) }).compile() as never,
        ) as unknown as TrailGraph;
        const run = () => graph.invoke({ messages: [human("hi")] });
        assert.equal((await refusal(run)).code, "NOT_FOUND");
        assertSame(given, []);
      }
    }
    assertSame(await recorded(db.storage, "u1's"), ["human: secret"]);
    const own = listening(persistence.plugin({ userId: "u1", sessionId: "u1's" }));
    await own.say("mine");
    assertSame(own.given, ["secret", "mine"]);
  },

  "an owner's functions can be narrowed, and not turned to somebody else": async (db) => {
    const persistence = new Persistence(db.storage);
    const both = persistence.forOwner({ tenantId: "A", userId: "U1" });
    for (const other of [{ userId: "U2" }, { tenantId: "B" }, { tenantId: "A", userId: "U2" }]) {
      const error = await refusal(async () => both.forOwner(other));
      assertSame([error.code, error.operation], ["INVALID_ARGUMENT", "forOwner"]);
    }
    await persistence.sessions.create({ id: "taken", tenantId: "B" });
    const narrowed = [
      persistence.forOwner({ tenantId: "A" }).forOwner({ userId: "U1" }),
      persistence.forOwner({ userId: "U1" }).forOwner({ tenantId: "A" }),
      both.forOwner({ userId: "U1" }),
    ];
    for (const id of ["free", "taken"]) {
      const made = await both.sessions.create({ id, title: "mine" });
      assertSame([made.id, made.tenantId, made.userId], [id, "A", "U1"]);
      for (const own of narrowed) {
        const { updatedAt: _was, ...kept } = made;
        const { updatedAt: _is, ...found } = (await own.sessions.get(id)) as Session;
        assertSame(found, kept);
        await turn(own, id, "x");
        const again = () => own.sessions.create({ id });
        await assertRefused(again, "ALREADY_EXISTS", "createSession");
      }
      assert.equal((await trailOf(both, id)).length, 2 * narrowed.length);
    }
  },

  "a config within an owner's functions that names another tenant has no session": async (db) => {
    const persistence = new Persistence(db.storage);
    const own = persistence.forOwner({ tenantId: "A" });
    await turn(own, "s", "mine");
    const before = await everything(db.storage);
    for (const id of ["s", "new"]) {
      assert.equal(await own.checkpointer.getTuple(named("B", id)), undefined);
      for (const durability of DURABILITIES) {
        const run = () => graphOn(own).invoke({ trail: ["B"] }, { ...named("B", id), durability });
        assert.equal((await refusal(run)).code, "NOT_FOUND", `${id} ${durability}`);
      }
    }
    const make = () => own.sessions.create({ tenantId: "B" });
    await assertRefused(make, "INVALID_ARGUMENT", "createSession");
    assertSame(await everything(db.storage), before);
    assert.equal((await persistence.sessions.list({ all: true })).sessions.length, 1);
    assertSame(await own.checkpointer.getTuple(place("new")), undefined);
    assert.equal((await turn(own, "s", "more")).trail.length, 4);
  },

  "an owner field that is unknown or undefined is refused, not passed over": async (db) => {
    const persistence = new Persistence(db.storage);
    const bad = [{ tenantId: undefined }, { userId: null }, { agentId: "" }, { tenant: "A" }];
    for (const handle of [persistence, persistence.forOwner({ tenantId: "A" })]) {
      for (const owner of bad as Owner[]) {
        for (const open of [() => handle.history("s", owner), () => handle.plugin(owner)]) {
          const error = await refusal(async () => open());
          assert.equal(error.code, "INVALID_ARGUMENT", JSON.stringify(owner));
        }
      }
    }
    assertSame(await db.storage.sessions({ owner: {}, limit: 9 }), []);
  },

  "of two sessions that an owner has of one id, all that is read is of one": async (db) => {
    for (const isFirstSaid of [true, false]) {
      await twoOfOneId(db, isFirstSaid);
      const processes = [db.storage, await db.connect()].map((one) => new Persistence(one));
      for (const process of processes) {
        const own = process.forOwner({ tenantId: "A", userId: "1" });
        const isFirst = (await own.sessions.get("dup"))?.title === "first";
        const isSaid = isFirst === isFirstSaid;
        const word = isFirst ? "first" : "second";
        assertSame(await saidIn(own, "dup"), isSaid ? [`human: ${word}`] : []);
        assertSame(await trailOf(own, "dup"), isSaid ? [] : [word, "n"]);
        assert.equal((await own.messages("dup")).messages.length, isSaid ? 1 : 0);
        assert.equal((await own.listCheckpoints("dup")).length > 0, !isSaid);
        const { sessions } = await own.sessions.list({ all: true });
        assert.equal(new Set(sessions.map(({ id }) => id)).size, sessions.length, "an id twice");
      }
      const own = (processes[0] as Persistence).forOwner({ tenantId: "A", userId: "1" });
      const [saidBefore, ran] = [await saidIn(own, "dup"), await trailOf(own, "dup")];
      await own.history("dup").addMessages([human("more")]);
      assertSame(await saidIn(own, "dup"), [...saidBefore, "human: more"]);
      assertSame((await turn(own, "dup", "on")).trail, [...ran, "on", "n"]);
      await own.erase({ tenantId: "A" });
      assertSame(await own.sessions.list({ all: true }), { sessions: [], cursor: undefined });
    }
  },
};
