import assert from "node:assert/strict";
import type { ExpireProgress, OwnerQuery } from "@threadkeep/core";
import { checkpoint, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { Gate, human, Log, line, started } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import { everything, session } from "../src/snapshot.js";
import { chat, LONG, newest, sessionAt, sessionIds, size } from "./retention-world.js";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 5, 1);
const NOTHING = { sessions: 0, rows: 0, bytes: 0 };

/** A clock that says that days have gone by since everything was written. */
const later = (days: number) => ({ clock: () => Date.now() + days * DAY });

export const expireChecks: Checks = {
  "sessions without activity for longer than the ttl are erased, and no others": async (db) => {
    for (const days of [1, 29, 30, 31, 60, 90]) {
      await sessionAt(db.storage, `t${days}`, NOW - days * DAY);
    }
    const persistence = started(db.storage, { clock: () => NOW });
    const planned = await persistence.expire({ all: true }, { ttl: "30d", dryRun: true });
    assertSame((await sessionIds(db.storage)).length, 6);
    const sizes = await Promise.all(["t31", "t60", "t90"].map((id) => size(db.storage, id)));
    const seen: ExpireProgress[] = [];
    const options = { ttl: "30d", batchSize: 2 } as const;
    const onProgress = (progress: ExpireProgress) => void seen.push(progress);
    const report = await persistence.expire({ all: true }, { ...options, onProgress });
    assertSame(report, planned);
    assertSame(report, {
      sessions: 3,
      rows: sizes.reduce((sum, { rows }) => sum + rows, 0),
      bytes: sizes.reduce((sum, { bytes }) => sum + bytes, 0),
    });
    assertSame(
      seen.map(({ session: id, sessions }) => [id, sessions]),
      [
        ["t31", 1],
        ["t60", 2],
        ["t90", 3],
      ],
    );
    assertSame(await sessionIds(db.storage), ["t1", "t29", "t30"]);
    assertSame(await persistence.expire({ all: true }, { ttl: 30 * DAY }), NOTHING);
  },

  "durations may have a fraction": async (db) => {
    const persistence = started(db.storage, { clock: () => NOW });
    await sessionAt(db.storage, "now", NOW);
    await sessionAt(db.storage, "before", NOW - 3);
    for (const ttl of [2.5, "0.0025s"] as const) {
      const report = await persistence.expire({ all: true }, { ttl, dryRun: true });
      assertSame(report.sessions, 0, String(ttl));
    }
    const most = Number.MAX_SAFE_INTEGER;
    assertSame((await persistence.expire({ all: true }, { ttl: most })).sessions, 0);
    assertSame((await persistence.expire({ all: true }, { ttl: 0.5 })).sessions, 1);
    assertSame(await sessionIds(db.storage), ["now"]);
    await put(db.saver(), place("t"), checkpoint("one", { doc: LONG }));
    for (const olderThan of [0.5, "0.0001s"] as const) {
      assertSame((await persistence.prune("t", { olderThan })).checkpoints, 0);
    }
  },

  "every row of an expired session goes, and only an owner's where one is named": async (db) => {
    for (const [id, tenant_id, user_id] of [
      ["a u", "a", "u"],
      ["a v", "a", "v"],
      ["b u", "b", "u"],
    ]) {
      await chat(db.saver()).invoke({}, { configurable: { thread_id: id, tenant_id, user_id } });
      await db.history(id as string).addMessages(["hello"].map((text) => human(text)));
    }
    const persistence = started(db.storage, later(2));
    const left = async (target: OwnerQuery) => {
      await persistence.expire(target, { ttl: "1d" });
      return sessionIds(db.storage);
    };
    assertSame(await left({ tenantId: "c" }), ["a u", "a v", "b u"]);
    assertSame(await left({ tenantId: "a", userId: "u" }), ["a v", "b u"]);
    assertSame(await left({ userId: "u" }), ["a v"]);
    for (const id of ["a u", "b u"]) {
      assertSame(await db.storage.sizes(id), []);
      assert.equal(await newest(db, id), undefined);
      assertSame(await db.storage.messages(id, {}), []);
    }
    assert.ok((await newest(db, "a v")) !== undefined);
  },

  "a session that becomes active after it was looked up stays": async (db) => {
    for (const id of ["first", "second", "third"]) await sessionAt(db.storage, id, NOW - 9 * DAY);
    const saver = db.saver();
    const touched: string[] = [];
    const onProgress = async ({ session: id }: ExpireProgress) => {
      if (touched.length > 0) return;
      for (const other of ["first", "second", "third"].filter((one) => one !== id)) {
        touched.push(other);
        await put(saver, place(other), checkpoint("one", { doc: `${LONG} of ${other}` }));
      }
    };
    const persistence = started(db.storage, { clock: () => NOW });
    const report = await persistence.expire({ all: true }, { ttl: "7d", onProgress });
    assertSame(report.sessions, 1);
    assertSame(await sessionIds(db.storage), [...touched].sort());
    for (const id of touched) {
      assertSame((await newest(db, id))?.checkpoint.channel_values, { doc: `${LONG} of ${id}` });
    }
  },

  "a run that is under way cannot bring an expired session back": async (db) => {
    for (const isOther of [false, true]) {
      const [begun, go] = [new Gate(), new Gate()];
      const log = new Log();
      let passed = 0;
      const clock = () => Date.now() + passed;
      const persistence = started(db.storage, { clock });
      const { checkpointer } = isOther ? started(await db.connect()) : persistence;
      const nodes = {
        one: log.node(),
        two: log.node(async () => {
          begun.open();
          await go.opened;
          return undefined;
        }),
      };
      const graph = line(nodes).compile({ checkpointer });
      const config = { ...threadConfig("t"), durability: "sync" as const };
      const run = assertRefused(() => graph.invoke({}, config), "THREAD_DELETED", "putWrites");
      await begun.opened;
      passed = 2 * DAY;
      assertSame((await persistence.expire({ all: true }, { ttl: "1d" })).sessions, 1);
      go.open();
      await run;
      assertSame(await db.storage.sizes("t"), []);
    }
  },

  "bad targets and options are refused, and nothing is erased": async (db) => {
    await sessionAt(db.storage, "t", NOW - 90 * DAY, { tenantId: "a" });
    await chat(db.saver()).invoke({}, threadConfig("u"));
    const before = [await everything(db.storage), await session(db.storage, "t")];
    const persistence = started(db.storage, later(2));
    const bad = "INVALID_ARGUMENT";
    for (const target of TARGETS) {
      const given = target as never;
      await assertRefused(() => persistence.expire(given, { ttl: 0 }), bad, "expire");
      await assertRefused(() => persistence.prune(given, {}), bad, "prune");
    }
    await assertRefused(() => persistence.expire("t" as never, { ttl: 0 }), bad, "expire");
    await assertRefused(() => persistence.prune("", {}), bad, "prune");
    for (const options of EXPIRE) {
      await assertRefused(() => persistence.expire({ all: true }, options as never), bad, "expire");
    }
    for (const options of PRUNE) {
      await assertRefused(() => persistence.prune({ all: true }, options as never), bad, "prune");
      await assertRefused(() => persistence.prune("u", options as never), bad, "prune");
    }
    assertSame([await everything(db.storage), await session(db.storage, "t")], before);
  },
};

const TARGETS = [
  ...[undefined, null, 1, [], {}, { all: false }, { all: undefined }, { all: "true" }],
  ...[{ tenantId: undefined }, { tenantId: "a", userId: undefined }, { tenantId: null }],
  ...[{ all: true, tenantId: "a" }, { tenant: "a" }, { tenantId: "" }, { tenantId: 1 }],
  ...[{ tenantId: "a\0" }, { tenantId: "a", all: false }, { userId: "x".repeat(256) }],
];
const COMMON = [
  ...[{ batchSize: 0 }, { batchSize: 1.5 }, { batchSize: "9" }, { dryRun: 1 }, { dryRun: "no" }],
  ...[{ onProgress: 1 }, { onprogress: () => {} }, { batchSize: Number.NaN }],
];
const EXPIRE = [
  ...[undefined, null, {}, [], { ttl: -1 }, { ttl: "30" }, { ttl: "1y" }, { ttl: Number.NaN }],
  ...[{ ttl: new Date() }, { ttl: undefined }, { ttl: Number.POSITIVE_INFINITY }],
  ...[{ ttl: 1e300 }, { ttl: 1e16 }, { ttl: "999999999999999d" }],
  ...COMMON.map((options) => ({ ttl: 0, ...options })),
];
const PRUNE = [
  ...[null, [], 1, { keepLast: 0 }, { keepLast: 1.5 }, { keepLast: "1" }, { keepLast: null }],
  ...[{ olderThan: "30" }, { olderThan: -1 }, { olderThan: new Date(Number.NaN) }],
  ...[{ olderThan: null }, { olderThan: 1e300 }, { olderThan: "999999999999999d" }],
  ...[{ strategy: "delete" }],
  ...COMMON,
];
