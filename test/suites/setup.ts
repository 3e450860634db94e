import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { type Storage, StorageSaver } from "@threadkeep/core";
import { all, checkpoint, latest, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database, Durable } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";

function durableOf(db: Database): Durable {
  if (db.durable === undefined) throw new TypeError("this suite is for databases that last");
  return db.durable;
}

/** The first call of each kind, on a connection that was never set up. */
const FIRST_CALLS: readonly ((
  saver: StorageSaver,
  db: Database,
  storage: Storage,
) => Promise<unknown>)[] = [
  (saver) => saver.setup(),
  (saver) => saver.getTuple(place("t")),
  (saver) => all(saver, place("t")),
  (saver) => put(saver, place("t"), checkpoint("1", { a: 1 })),
  (saver) => saver.putWrites(place("t", "1"), [["a", 1]], "task"),
  (saver) => saver.deleteThread("t"),
  (saver) => saver.prune(["t"]),
  (saver) => saver.deleteForRuns(["r"]),
  (_saver, db, storage) => db.history("s", {}, storage).addMessages([new HumanMessage("x")]),
  (_saver, db, storage) => db.history("s", {}, storage).getMessages(),
];

export const setupChecks: Checks = {
  "setup runs by itself before whatever call comes first, on many connections at once": async (
    db,
  ) => {
    const storages = await Promise.all(Array.from({ length: 10 }, () => db.connect()));
    await Promise.all(
      storages.flatMap((storage) =>
        FIRST_CALLS.map((call) => call(new StorageSaver(storage), db, storage)),
      ),
    );
    const { sql, table } = durableOf(db);
    const versions = await sql(`SELECT version FROM ${table("migrations")} ORDER BY version`);
    assertSame(
      versions.map((row) => Number(row.version)),
      versions.map((_, i) => i + 1),
      "each once",
    );
  },

  "setup may be called again and again, and keeps what is there": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1", { a: 1 }));
    for (let i = 0; i < 3; i += 1) await db.saver().setup();
    const other = new StorageSaver(await db.connect());
    await other.setup();
    assertSame(await latest(other, "t"), { a: 1 });
  },

  "a schema of a newer threadkeep is refused, and left as it is": async (db) => {
    const { sql, table } = durableOf(db);
    await put(db.saver(), place("t"), checkpoint("1", { a: 1 }));
    await sql(
      `INSERT INTO ${table("migrations")} (version, name, applied_at) VALUES (999, 'threadkeep: later', 0)`,
    );
    const late = new StorageSaver(await db.connect());
    await assertRefused(() => late.setup(), "SCHEMA_NEWER", "setup", /999.*upgrade/s);
    await assertRefused(() => latest(late, "t"), "SCHEMA_NEWER", "getTuple");
    await assertRefused(() => put(late, place("t"), checkpoint("2")), "SCHEMA_NEWER", "put");
    await sql(`DELETE FROM ${table("migrations")} WHERE version = 999`);
    assertSame(await latest(late, "t"), { a: 1 }, "the same saver works once it is right");
  },

  "a table of our name that somebody else made is refused, naming the option": async (db) => {
    const { sql, table, placeOption, places } = durableOf(db);
    for (const name of ["sessions", "messages", "migrations", "agent_state"]) {
      await sql(`CREATE TABLE ${table(name)} (id INTEGER, theirs INTEGER)`);
      await sql(`INSERT INTO ${table(name)} (id, theirs) VALUES (1, 7)`);
      const saver = new StorageSaver(await db.connect());
      const pattern = new RegExp(`"${name}".*${placeOption}`, "s");
      await assertRefused(() => saver.setup(), "SCHEMA_FOREIGN", "setup", pattern);
      await assertRefused(
        () => put(saver, place("t"), checkpoint("1")),
        "SCHEMA_FOREIGN",
        "put",
        pattern,
      );
      assertSame(await sql(`SELECT theirs FROM ${table(name)}`), [{ theirs: 7 }]);
      const elsewhere = new StorageSaver(await db.connect({ place: places[0] }));
      await put(elsewhere, place(name), checkpoint("1", { a: 1 }));
      assertSame(await latest(elsewhere, name), { a: 1 });
      await sql(`DROP TABLE ${table(name)}`);
    }
  },

  "two places in one database do not see each other": async (db) => {
    const { places } = durableOf(db);
    const [one, two] = await Promise.all(
      places.map(async (at) => new StorageSaver(await db.connect({ place: at }))),
    );
    await Promise.all([
      put(one as StorageSaver, place("t"), checkpoint("1", { a: "one" })),
      put(two as StorageSaver, place("t"), checkpoint("1", { a: "two" })),
      put(db.saver(), place("t"), checkpoint("1", { a: "default" })),
    ]);
    for (const [saver, a] of [
      [one, "one"],
      [two, "two"],
      [db.saver(), "default"],
    ] as const) {
      assertSame(await latest(saver as StorageSaver, "t"), { a });
      assert.equal((await all(saver as StorageSaver, {})).length, 1);
    }
    await (one as StorageSaver).deleteThread("t");
    assertSame(await latest(two as StorageSaver, "t"), { a: "two" });
  },

  "a place is a plain identifier, or refused before anything is opened": async (db) => {
    for (const bad of [
      'a"b',
      "a b",
      "A",
      "1a",
      "a;",
      "a'",
      "a.b",
      "ä",
      "x".repeat(41),
      "a\0",
      1,
      {},
      "a-b",
    ]) {
      await assertRefused(
        async () => db.connect({ place: bad as string }),
        "INVALID_ARGUMENT",
        durableOf(db).placeOption,
      );
    }
  },
};

/** For every backend. */
export const closeChecks: Checks = {
  "end may be called twice; every later call is refused": async (db) => {
    const saver = db.saver();
    const config = await put(saver, place("t"), checkpoint("1", { a: 1 }));
    await Promise.all([saver.end(), saver.end()]);
    await saver.end();
    const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
      ["setup", () => saver.setup()],
      ["getTuple", () => saver.getTuple(config)],
      ["list", () => all(saver, config)],
      ["put", () => put(saver, config, checkpoint("2"))],
      ["putWrites", () => saver.putWrites(config, [["a", 1]], "task")],
      ["deleteThread", () => saver.deleteThread("t")],
      ["copyThread", () => saver.copyThread("t", "u")],
      ["prune", () => saver.prune(["t"])],
      ["deleteForRuns", () => saver.deleteForRuns(["r"])],
      ["getDeltaChannelHistory", () => saver.getDeltaChannelHistory({ config, channels: ["a"] })],
      ["addMessages", () => db.history("s").addMessages([new HumanMessage("x")])],
      ["getMessages", () => db.history("s").getMessages()],
      ["clear", () => db.history("s").clear()],
    ];
    for (const [name, call] of calls) await assertRefused(call, "CLOSED", name);
  },

  "what is under way when end is called finishes or is refused": async (db) => {
    const saver = db.saver();
    const puts = Array.from({ length: 50 }, (_, i) =>
      put(saver, place(`t${i % 7}`), checkpoint(String(i), { i })),
    );
    const ended = saver.end();
    const results = await Promise.allSettled(puts);
    await ended;
    for (const result of results) {
      if (result.status === "rejected")
        assert.equal((result.reason as { code?: unknown }).code, "CLOSED");
    }
    const other = db.durable === undefined ? undefined : new StorageSaver(await db.connect());
    if (other === undefined) return;
    for (const [i, result] of results.entries()) {
      const tuple = await other.getTuple(place(`t${i % 7}`, String(i)));
      assert.equal(tuple !== undefined, result.status === "fulfilled", `put ${i}`);
    }
  },
};
