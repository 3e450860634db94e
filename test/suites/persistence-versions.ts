import assert from "node:assert/strict";
import {
  type AgentCheckpoint,
  type CreateOptions,
  type Persistence,
  StorageError,
} from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Check, Checks, Database } from "../src/harness.js";
import { all, human, Log, line, of, started, type TrailGraph } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import { session } from "../src/snapshot.js";

const AT = threadConfig("t");

interface Process {
  readonly persistence: Persistence;
  readonly graph: TrailGraph;
}

function processOn(storage: Database["storage"], clock?: () => number): Process {
  const persistence = started(storage, clock === undefined ? {} : { clock });
  const log = new Log();
  const nodes = line({ ...log.nodes("one"), sub: line(log.nodes("leaf")), ...log.nodes("two") });
  return { persistence, graph: nodes.compile({ checkpointer: persistence.checkpointer }) };
}

/** How many checkpoints a run leaves, those of its subgraph included. */
const OF_A_RUN = 8;

/** @returns how many there are */
async function assertNoGaps(persistence: Persistence, what = ""): Promise<number> {
  const versions = (await all(persistence)).map(({ version }) => version);
  assertSame(
    versions,
    Array.from({ length: versions.length }, (_, i) => i + 1),
    what,
  );
  return versions.length;
}

/** Two processes with connections of their own, on a thread that has run once. */
const two =
  (check: (one: Process, other: Process, db: Database) => Promise<void>): Check =>
  async (db) => {
    const [one, other] = [processOn(db.storage), processOn(await db.connect())];
    await one.persistence.run(one.graph, { note: "n", messages: [human("go")] }, AT);
    await check(one, other, db);
  };

/** What became of calls at once: the versions that they returned, and the codes of errors. */
async function outcomes(calls: readonly Promise<AgentCheckpoint>[]) {
  const settled = await Promise.allSettled(calls);
  const versions: number[] = [];
  const errors: StorageError[] = [];
  for (const one of settled) {
    if (one.status === "fulfilled") versions.push(one.value.version);
    else if (one.reason instanceof StorageError) errors.push(one.reason);
    else throw one.reason;
  }
  return { versions, errors, codes: new Set(errors.map(({ code }) => code)) };
}

const createdBy =
  (processes: readonly Process[], times: number) =>
  (options: (i: number) => CreateOptions): Promise<AgentCheckpoint>[] =>
    Array.from({ length: times }, (_, i) =>
      processes[i % processes.length]!.persistence.createCheckpoint("t", options(i)),
    );

export const versionChecks: Checks = {
  "versions are 1, 2, 3 … over runs, and whatever else makes checkpoints": two(
    async ({ persistence, graph }, other) => {
      let count = await assertNoGaps(persistence, "a run");
      assert.equal(count, OF_A_RUN);
      const makers: Record<string, (by: Process) => Promise<AgentCheckpoint | undefined>> = {
        created: ({ persistence: by }) => by.createCheckpoint("t"),
        saved: ({ persistence: by, graph: own }) =>
          by.saveCheckpoint(
            "t",
            { checkpointId: `saved ${count}`, nodePath: "two", messageHistory: [] },
            { graph: own },
          ),
        "execution point": ({ persistence: by, graph: own }) =>
          by.setExecutionPoint("t", { graph: own, nodePath: "one", reopen: true }),
        rollback: async ({ persistence: by }) => {
          const [at] = await of(by, "one");
          return (await by.rollbackToCheckpoint("t", at!.checkpointId)).checkpoint;
        },
        "messages only": async ({ persistence: by }) => {
          const strategy = "messageHistoryOnly";
          return (await by.rollbackToLatestCheckpoint("t", { strategy }))?.checkpoint;
        },
        tombstone: ({ persistence: by }) => by.createTombstoneCheckpoint("t"),
      };
      for (const [name, make] of Object.entries(makers)) {
        for (const by of [{ persistence, graph }, other]) {
          if (name === "tombstone") await by.persistence.run(by.graph, { note: "n" }, AT);
          const before = await assertNoGaps(persistence, name);
          const made = await make(by);
          count = await assertNoGaps(persistence, name);
          assertSame([made?.version, count], [before + 1, before + 1], name);
        }
      }
      for (const by of [other, { persistence, graph }]) await by.persistence.run(by.graph, {}, AT);
      assert.equal(await assertNoGaps(other.persistence), count + 2 * OF_A_RUN);
    },
  ),

  "a rollback into a subgraph, and an execution point in one, leave no gap": two(
    async ({ persistence, graph }) => {
      const [leaf] = await of(persistence, "sub/leaf");
      const { checkpoint } = await persistence.rollbackToCheckpoint("t", leaf!.checkpointId, {
        graph,
      });
      assert.equal(checkpoint.version, await assertNoGaps(persistence, "rollback"));
      await persistence.run(graph, null, AT);
      const point = { graph, nodePath: "sub/leaf", reopen: true };
      const set = await persistence.setExecutionPoint("t", point);
      assert.equal(set.version, await assertNoGaps(persistence, "execution point"));
      await persistence.run(graph, null, AT);
      await assertNoGaps(persistence);
    },
  ),

  "each session counts for itself": async (db) => {
    const { persistence, graph } = processOn(db.storage);
    for (const id of ["a", "b"]) await persistence.run(graph, { note: id }, threadConfig(id));
    for (const id of ["a", "b"]) {
      assert.equal((await persistence.createCheckpoint(id)).version, OF_A_RUN + 1);
    }
  },

  "the version of a deleted checkpoint is never given again": two(
    async ({ persistence }, other) => {
      const { checkpointId, version } = await persistence.createCheckpoint("t");
      await persistence.deleteCheckpoint("t", checkpointId);
      assert.equal((await other.persistence.createCheckpoint("t")).version, version + 1);
    },
  ),

  "versions stay unique under 8 writers of two processes, runs and createCheckpoint mixed": two(
    async (one, other) => {
      const processes = [one, other];
      const writers = Array.from({ length: 8 }, async (_, i) => {
        const { persistence, graph } = processes[i % 2]!;
        const made: number[] = [];
        for (let round = 0; round < 3; round += 1) {
          if (i < 4) await persistence.run(graph, { note: `${i}` }, AT, { resume: "never" });
          else made.push((await persistence.createCheckpoint("t")).version);
        }
        return made;
      });
      const made = (await Promise.all(writers)).flat();
      assert.equal(new Set(made).size, 4 * 3);
      const count = OF_A_RUN + 4 * 3 * OF_A_RUN + 4 * 3;
      for (const { persistence } of processes) assert.equal(await assertNoGaps(persistence), count);
    },
  ),

  "10 calls at once with one name and the same content make one checkpoint": two(
    async (one, other, db) => {
      const calls = createdBy(
        [one, other],
        10,
      )(() => ({
        ...{ checkpointId: "cp", label: "l", lastInput: { when: new Date(7) } },
        properties: { a: [1n] },
      }));
      const { versions, errors } = await outcomes(calls);
      assertSame(errors, []);
      assertSame(versions, Array(10).fill(OF_A_RUN + 1));
      assert.equal((await all(started(db.storage))).length, OF_A_RUN + 1);
    },
  ),

  "10 calls at once with one name and different content: one is stored, the others are told": two(
    async (one, other, db) => {
      for (const [round, field] of ["label", "properties", "lastInput", "nodePath"].entries()) {
        const name = `cp ${round}`;
        const calls = createdBy(
          [one, other],
          10,
        )((i) => ({
          checkpointId: name,
          [field]: field === "properties" ? { half: i % 4 < 2 } : `half ${i % 4 < 2}`,
        }));
        const { versions, errors, codes } = await outcomes(calls);
        assertSame([...codes], ["ALREADY_EXISTS"], field);
        for (const error of errors) assert.match(error.message, new RegExp(`"${name}"`));
        assert.equal(new Set(versions).size, 1, field);
        const whole = await Promise.allSettled(calls);
        const kept = whole.filter((_, i) => i % 4 < 2 === (whole[0]?.status === "fulfilled"));
        for (const { status } of kept) assert.equal(status, "fulfilled", "those of one half");
        assert.equal(versions.length, kept.length);
        const named = (await all(started(db.storage))).filter((c) => c.checkpointId === name);
        assert.equal(named.length, 1, field);
      }
      await assertNoGaps(one.persistence);
    },
  ),

  "saved at once under one name by two processes, a checkpoint is stored once": two(
    async (one, other, db) => {
      for (const [round, kinds] of [1, 2].entries()) {
        const calls = Array.from({ length: 10 }, (_, i) => {
          const { persistence, graph } = [one, other][i % 2]!;
          const lastInput = { note: `${i % 4 < 2 || kinds === 1}` };
          const data = { checkpointId: `cp ${round}`, nodePath: "two", lastInput };
          return persistence.saveCheckpoint("t", { ...data, messageHistory: [] }, { graph });
        });
        const { versions, codes } = await outcomes(calls);
        assertSame([...codes], kinds === 1 ? [] : ["ALREADY_EXISTS"]);
        assertSame([...new Set(versions)], [OF_A_RUN + 1 + round]);
        assert.equal((await all(started(db.storage))).length, OF_A_RUN + 1 + round);
      }
    },
  ),

  "another version than the next one is a CONFLICT that names the next": two(
    async ({ persistence, graph }, _, db) => {
      const before = await session(db.storage, "t");
      const data = { checkpointId: "cp", nodePath: "two", messageHistory: [] };
      for (const version of [0, 1, OF_A_RUN, OF_A_RUN + 2]) {
        const why = new RegExp(`the next version is ${OF_A_RUN + 1}, not ${version}`);
        await assertRefused(
          () => persistence.createCheckpoint("t", { version }),
          ...(["CONFLICT", "createCheckpoint", why] as const),
        );
        await assertRefused(
          () => persistence.saveCheckpoint("t", { ...data, version }, { graph }),
          ...(["CONFLICT", "saveCheckpoint", why] as const),
        );
      }
      assertSame(await session(db.storage, "t"), before);
      const version = OF_A_RUN + 1;
      assert.equal((await persistence.createCheckpoint("t", { version })).version, version);
      const saved = await persistence.saveCheckpoint(
        "t",
        { ...data, version: version + 1 },
        { graph },
      );
      assert.equal(saved.version, version + 1);
    },
  ),

  "of 8 calls at once that want the same version, one gets it": two(async (one, other) => {
    for (let round = 1; round <= 3; round += 1) {
      const version = OF_A_RUN + round;
      const calls = createdBy([one, other], 8)((i) => ({ version, label: `${i}` }));
      const { versions, errors, codes } = await outcomes(calls);
      assertSame([versions, [...codes]], [[version], ["CONFLICT"]]);
      for (const { retryable } of errors) assert.equal(retryable, false);
    }
    assert.equal(await assertNoGaps(one.persistence), OF_A_RUN + 3);
  }),

  "what is made by hand bears the time of the clock": async (db) => {
    const now = Date.UTC(1999, 11, 31);
    const { persistence, graph } = processOn(db.storage, () => now);
    assert.equal(persistence.clock(), now);
    await persistence.run(graph, { note: "n" }, AT);
    const [at] = await of(persistence, "one");
    const data = { checkpointId: "s", nodePath: "two", messageHistory: [] };
    const made = [
      await persistence.createCheckpoint("t"),
      await persistence.saveCheckpoint("t", data, { graph }),
      await persistence.setExecutionPoint("t", { graph, nodePath: "one" }),
      (await persistence.rollbackToCheckpoint("t", at!.checkpointId)).checkpoint,
      await persistence.createTombstoneCheckpoint("t"),
    ];
    for (const { createdAt, version } of made) assertSame(createdAt, new Date(now), `${version}`);
    const read = await processOn(await db.connect()).persistence.listCheckpoints("t", { limit: 5 });
    assertSame(read.reverse(), made);
  },

  "the latest checkpoint is that of the highest version, of whatever kind": two(
    async ({ persistence, graph }, other) => {
      const latest = async () => (await other.persistence.getLatestCheckpoint("t"))?.version;
      const [leaf] = await of(persistence, "sub/leaf");
      const rolled = await persistence.rollbackToCheckpoint("t", leaf!.checkpointId, { graph });
      assert.equal(await latest(), rolled.checkpoint.version);
      assert.equal((await other.persistence.getLatestCheckpoint("t"))?.nodePath, "sub/leaf");
      const made = await persistence.createCheckpoint("t", { label: "l" });
      assert.equal(await latest(), made.version);
      const end = await persistence.createTombstoneCheckpoint("t");
      assertSame(await other.persistence.getLatestCheckpoint("t"), end);
      assertSame(await persistence.createTombstoneCheckpoint("t"), end, "it is ended once");
      assert.equal(await other.persistence.rollbackToLatestCheckpoint("t"), undefined);
      assert.equal(await other.persistence.getLatestCheckpoint("none"), undefined);
    },
  ),
};
