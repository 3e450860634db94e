import assert from "node:assert/strict";
import type { AgentCheckpoint, CheckpointQuery } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { all, human, Log, line, of, said, started } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import { session } from "../src/snapshot.js";

const AT = threadConfig("t");
const day = (n: number) => new Date(Date.UTC(2000, 0, n));

function chain(db: Database, clock: () => number = Date.now) {
  const log = new Log();
  const persistence = started(db.storage, { clock });
  const nodes = line({
    ...log.nodes("one"),
    sub: line(log.nodes("leaf")),
    ...log.nodes("three"),
  });
  const graph = nodes.compile({ checkpointer: persistence.checkpointer });
  return { persistence, graph, log };
}

const idsOf = (checkpoints: readonly AgentCheckpoint[]) =>
  checkpoints.map(({ checkpointId }) => checkpointId);

/** Three runs, with named checkpoints and a tombstone between them, each of a day of its own. */
async function history(db: Database) {
  const clock = { day: 1 };
  const { persistence, graph } = chain(db, () => day(clock.day).getTime());
  const named = (checkpointId: string, label: string) => {
    clock.day += 1;
    return persistence.createCheckpoint("t", { checkpointId, label });
  };
  await persistence.run(graph, { note: "1" }, AT);
  await named("red 1", "red");
  await persistence.run(graph, { note: "2" }, AT);
  await named("blue", "blue");
  clock.day += 1;
  await persistence.createTombstoneCheckpoint("t");
  await persistence.run(graph, { note: "3" }, AT);
  await named("red 2", "red");
  return persistence;
}

export const filterChecks: Checks = {
  // ExposedPersistenceFilterPostgresTest
  "19: listCheckpoints filters by time, node, label, tombstone and namespace": async (db) => {
    const persistence = await history(db);
    const everything = (await all(persistence)).reverse();
    const ns = everything.find(({ nodePath }) => nodePath === "sub/leaf")!.config.configurable
      ?.checkpoint_ns;
    type Wanted = (checkpoint: AgentCheckpoint) => boolean;
    const [since, until] = [day(3), day(5)];
    const filters: readonly [CheckpointQuery, Wanted][] = [
      [{ since }, (c) => c.createdAt >= since],
      [{ until }, (c) => c.createdAt < until],
      [{ since, until }, (c) => c.createdAt >= since && c.createdAt < until],
      [{ nodePath: "one" }, (c) => c.nodePath === "one"],
      [{ nodePath: "sub/leaf" }, (c) => c.nodePath === "sub/leaf"],
      [{ label: "red" }, (c) => c.label === "red"],
      [{ tombstone: true }, (c) => c.tombstone],
      [{ tombstone: false }, (c) => !c.tombstone],
      [{ checkpointNs: "" }, (c) => c.config.configurable?.checkpoint_ns === ""],
      [{ checkpointNs: ns }, (c) => c.config.configurable?.checkpoint_ns === ns],
      [{ nodePath: "three", label: "red", until }, (c) => c.checkpointId === "red 1"],
    ];
    for (const [query, isWanted] of filters) {
      const what = JSON.stringify(query);
      const found = await started(db.storage).listCheckpoints("t", { ...query, limit: 1000 });
      assertSame(idsOf(found), idsOf(everything.filter(isWanted)), what);
      assert.ok(found.length > 0 && found.length < everything.length, what);
      const [first] = await started(db.storage).listCheckpoints("t", { ...query, limit: 1 });
      assertSame(first, found[0], `the latest: ${what}`);
    }
    const none = [{ label: "RED" }, { checkpointNs: "none" }, { nodePath: "leaf" }, { limit: 0 }];
    for (const query of none) assertSame(await persistence.listCheckpoints("t", query), []);
    const marked = await persistence.listCheckpoints("t", { since: day(3), until: day(3) });
    assertSame(marked, [], "until itself is not wanted");
  },

  "19: pages that begin at the last version of the one before make up the whole": async (db) => {
    const persistence = await history(db);
    for (let i = 0; i < 70; i += 1) {
      await persistence.createCheckpoint("t", { label: i % 7 === 0 ? "rare" : "common" });
    }
    const everything = (await all(persistence)).reverse();
    assert.ok(everything.length > 64 + 20, "more than a page of the storage");
    for (const query of [{}, { label: "rare" }, { nodePath: "three" }, { tombstone: true }]) {
      const whole = await persistence.listCheckpoints("t", { ...query, limit: 1000 });
      for (const limit of [7, 64]) {
        const found: AgentCheckpoint[] = [];
        let page = await persistence.listCheckpoints("t", { ...query, limit });
        while (page.length > 0) {
          assert.ok(page.length <= limit);
          found.push(...page);
          const before = page.at(-1)!.version;
          page = await persistence.listCheckpoints("t", { ...query, limit, before });
        }
        assertSame(idsOf(found), idsOf(whole), `${JSON.stringify(query)} by ${limit}`);
      }
    }
    assert.equal((await persistence.listCheckpoints("t")).length, 50, "the default limit");
    assertSame(await persistence.listCheckpoints("t", { before: 1 }), []);
  },

  // RunFromCheckpointTest
  "22: a run from a given checkpoint goes on there, whatever came after it": async (db) => {
    const { persistence, graph, log } = chain(db);
    await persistence.run(graph, { note: "n", messages: [human("go")] }, AT);
    const [step] = await of(persistence, "one");
    await persistence.run(graph, { note: "later" }, AT);
    log.take();
    const next = chain(db);
    const output = await next.persistence.run(next.graph, null, { ...step!.config });
    assert.equal(next.log.take(), "sub/leaf three");
    assertSame([said(output.messages), output.note], [["human: go"], "n"]);
  },

  "22: an unknown node path is refused by its name": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n" }, AT);
    const before = await session(db.storage, "t");
    const paths = [
      "MissingNode",
      "sub/MissingNode",
      "one/leaf",
      "sub/leaf/one",
      "__start__",
      "",
      "/",
    ];
    for (const nodePath of paths) {
      await assertRefused(
        () => persistence.setExecutionPoint("t", { graph, nodePath, reopen: true }),
        "NOT_FOUND",
        "setExecutionPoint",
        /the graph has no node path "/,
      );
      const data = { checkpointId: "cp", nodePath, messageHistory: [] };
      await assertRefused(
        () => persistence.saveCheckpoint("t", data, { graph }),
        "NOT_FOUND",
        "saveCheckpoint",
        /the graph has no node path "/,
      );
    }
    assertSame(await session(db.storage, "t"), before);
  },

  // The abstract JDBC suite: persists across provider instances
  "25: what one process stored is there for another connection": async (db) => {
    const { persistence, graph, log } = chain(db);
    await persistence.run(graph, { note: "n", messages: [human("go")] }, AT);
    await persistence.createCheckpoint("t", {
      checkpointId: "cp",
      properties: { of: "the first" },
    });
    const storage = await db.connect();
    const other = started(storage);
    assertSame(await all(other), await all(persistence));
    await other.rollbackToCheckpoint("t", "cp", { graph });
    assert.equal((await persistence.getLatestCheckpoint("t"))?.nodePath, "three");
    const [step] = await of(other, "one");
    await other.rollbackToCheckpoint("t", step!.checkpointId, { graph });
    log.take();
    const output = await persistence.run(graph, null, AT);
    assert.equal(log.take(), "sub/leaf three", "the first one sees what the other did");
    assertSame(said(output.messages), ["human: go"]);
  },

  "any number of checkpoints may bear a label, and a label is no name": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n" }, AT);
    const made: number[] = [];
    for (const label of ["x", "x", "", "X", "x"])
      made.push((await persistence.createCheckpoint("t", { label })).version);
    const named = await persistence.createCheckpoint("t", { checkpointId: "x", label: "x" });
    const found = await started(db.storage).listCheckpoints("t", { label: "x" });
    assertSame(
      found.map(({ version }) => version),
      [named.version, made[4], made[1], made[0]],
    );
    assertSame(await started(db.storage).getCheckpointById("t", "x"), named);
    assert.equal((await started(db.storage).listCheckpoints("t", { label: "" })).length, 1);
  },

  "a checkpoint made by hand does not change what the thread goes on from": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n" }, AT);
    await persistence.setExecutionPoint("t", { graph, nodePath: "three", reopen: true });
    const before = await graph.getState(AT);
    const [one] = await of(persistence, "one");
    const old = await persistence.createCheckpoint(one!.config, { checkpointId: "of an old one" });
    await persistence.createCheckpoint("t", { checkpointId: "of the newest" });
    const next = chain(db);
    assertSame((await next.graph.getState(AT)).config, before.config);
    assertSame([old.nodePath, old.parentId], ["one", one?.parentId]);
    await next.persistence.run(next.graph, null, AT);
    assert.equal(next.log.take(), "three");
  },

  "18: with enableAutomaticPersistence off only what was made by hand is listed": async (db) => {
    const persistence = started(db.storage, { enableAutomaticPersistence: false });
    const graph = line(new Log().nodes("one", "two")).compile({
      checkpointer: persistence.checkpointer,
    });
    await persistence.run(graph, { note: "n" }, AT);
    assertSame(await persistence.listCheckpoints("t"), []);
    assert.equal(await persistence.getLatestCheckpoint("t"), undefined);
    await persistence.createCheckpoint("t", { checkpointId: "by hand" });
    await persistence.run(graph, { note: "n" }, AT);
    assertSame(idsOf(await persistence.listCheckpoints("t", { limit: 1 })), ["by hand"]);
    await persistence.rollbackToCheckpoint("t", "by hand");
    const { checkpointId } = await persistence.createTombstoneCheckpoint("t");
    const listed = await persistence.listCheckpoints("t");
    assertSame([idsOf(listed)[0], idsOf(listed)[2], listed.length], [checkpointId, "by hand", 3]);
    assert.ok((await all(started(db.storage), "t")).length > 8, "the steps are there");
  },
};
