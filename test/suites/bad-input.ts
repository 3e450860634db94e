import assert from "node:assert/strict";
import type { RunnableConfig } from "@langchain/core/runnables";
import type { StorageSaver } from "@threadkeep/core";
import { all, checkpoint, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Check, Checks, Database } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";
import { everything } from "../src/snapshot.js";

const BAD_IDS: readonly unknown[] = [
  ...[null, 0, 1, Number.NaN, true, false, 7n, Symbol.iterator],
  ...[[], ["t"], {}, { toString: () => "t" }, new String("t"), () => "t", new Date(0)],
  ...["", "\0", "a\0", "\ud800", "a\udc00", "\udc00\ud800"],
  ...["x".repeat(256), "é".repeat(128), "\u{1f600}".repeat(64)],
];

type Call = (saver: StorageSaver, config: RunnableConfig) => Promise<unknown>;

const tupleOf: Call = (saver, config) => saver.getTuple(config);
const listOf: Call = (saver, config) => all(saver, config);
const putOf: Call = (saver, config) => put(saver, config, checkpoint("2", { a: 1 }));
const writesOf: Call = (saver, config) => saver.putWrites(config, [["a", 1]], "task");
const deltaOf: Call = (saver, config) => saver.getDeltaChannelHistory({ config, channels: ["a"] });

/** A database with something in it, which the check must leave as it is. */
function unchanged(check: (saver: StorageSaver, db: Database) => Promise<void>): Check {
  return async (db) => {
    await put(db.saver(), place("t"), checkpoint("1", { a: 1 }));
    await put(db.saver(), place("0"), checkpoint("1", { a: 1 }));
    const before = await everything(db.storage);
    await check(db.saver(), db);
    assertSame(await everything(db.storage), before, "something was written");
  };
}

function withId(key: string, value: unknown): RunnableConfig {
  return { configurable: { thread_id: "t", checkpoint_ns: "", checkpoint_id: "1", [key]: value } };
}

const OPERATIONS: readonly (readonly [name: string, call: Call])[] = [
  ["getTuple", tupleOf],
  ["list", listOf],
  ["put", putOf],
  ["putWrites", writesOf],
  ["getDeltaChannelHistory", deltaOf],
];

export const badInputChecks: Checks = {
  "a bad thread_id is refused by every call": unchanged(async (saver) => {
    for (const bad of BAD_IDS) {
      for (const [name, call] of OPERATIONS) {
        await assertRefused(
          () => call(saver, withId("thread_id", bad)),
          "INVALID_ARGUMENT",
          name,
          /thread_id/,
        );
      }
      const id = bad as string;
      await assertRefused(
        () => saver.deleteThread(id),
        "INVALID_ARGUMENT",
        "deleteThread",
        /thread_id/,
      );
      await assertRefused(() => saver.prune(["t", id]), "INVALID_ARGUMENT", "prune");
      await assertRefused(
        () => saver.copyThread(id, "new"),
        "INVALID_ARGUMENT",
        "copyThread",
        /source/,
      );
      await assertRefused(
        () => saver.copyThread("t", id),
        "INVALID_ARGUMENT",
        "copyThread",
        /target/,
      );
      await assertRefused(() => saver.deleteForRuns([id]), "INVALID_ARGUMENT", "deleteForRuns");
    }
    await assertRefused(
      () => saver.deleteThread(undefined as never),
      "INVALID_ARGUMENT",
      "deleteThread",
    );
  }),

  "a bad checkpoint_id is refused by every call": unchanged(async (saver) => {
    for (const bad of BAD_IDS) {
      // LangGraph itself passes null or "" for "the newest".
      if (bad === null || bad === "") continue;
      for (const [name, call] of OPERATIONS) {
        await assertRefused(
          () => call(saver, withId("checkpoint_id", bad)),
          "INVALID_ARGUMENT",
          name,
          /checkpoint_id/,
        );
      }
      const before = { configurable: { checkpoint_id: bad } };
      await assertRefused(
        () => all(saver, place("t"), { before }),
        "INVALID_ARGUMENT",
        "list",
        /checkpoint_id/,
      );
    }
    for (const bad of [undefined, ...BAD_IDS]) {
      const saved = { ...checkpoint("2"), id: bad as string };
      await assertRefused(
        () => put(saver, place("t"), saved),
        "INVALID_ARGUMENT",
        "put",
        /checkpoint\.id/,
      );
    }
    for (const missing of [undefined, null, ""]) {
      await assertRefused(
        () => writesOf(saver, withId("checkpoint_id", missing)),
        "INVALID_ARGUMENT",
        "putWrites",
        /checkpoint_id/,
      );
    }
  }),

  "a bad checkpoint_ns is refused by every call": unchanged(async (saver) => {
    for (const bad of BAD_IDS) {
      // A namespace may be empty, and as long as the nesting makes it.
      if (bad === "" || (typeof bad === "string" && bad.length >= 64)) continue;
      for (const [name, call] of OPERATIONS) {
        await assertRefused(
          () => call(saver, withId("checkpoint_ns", bad)),
          "INVALID_ARGUMENT",
          name,
          /checkpoint_ns/,
        );
      }
    }
  }),

  "a bad task id, task path or channel is refused": unchanged(async (saver) => {
    const at = place("t", "1");
    for (const bad of BAD_IDS) {
      const text = bad as string;
      await assertRefused(
        () => saver.putWrites(at, [["a", 1]], text),
        "INVALID_ARGUMENT",
        "putWrites",
        /taskId/,
      );
      if (typeof bad === "string" && (bad === "" || bad.length >= 64)) continue;
      await assertRefused(
        () => saver.putWrites(at, [["a", 1]], "task", text),
        "INVALID_ARGUMENT",
        "putWrites",
        /taskPath/,
      );
      await assertRefused(
        () =>
          saver.putWrites(
            at,
            [
              ["a", 1],
              [text, 1],
            ],
            "task",
          ),
        "INVALID_ARGUMENT",
        "putWrites",
        /channel/,
      );
    }
    for (const bad of [null, undefined, {}, "a", 1, [1], [null], ["a"]]) {
      await assertRefused(
        () => saver.putWrites(at, bad as never, "task"),
        "INVALID_ARGUMENT",
        "putWrites",
      );
    }
  }),

  "a config without a thread: nothing is read by getTuple, everything by list, no write": unchanged(
    async (saver) => {
      for (const config of [{}, { configurable: {} }, { configurable: { thread_id: undefined } }]) {
        assert.equal(await saver.getTuple(config), undefined);
        assert.equal((await all(saver, config)).length, 2);
        for (const [name, call] of OPERATIONS.slice(2)) {
          await assertRefused(
            () => call(saver, config),
            "INVALID_ARGUMENT",
            name,
            /thread_id is missing/,
          );
        }
      }
      for (const config of [
        null,
        undefined,
        1,
        "t",
        { configurable: null },
        { configurable: "t" },
      ]) {
        for (const [name, call] of OPERATIONS.slice(2)) {
          await assertRefused(() => call(saver, config as never), "INVALID_ARGUMENT", name);
        }
      }
    },
  ),

  "null, empty, 0, [] and {} never widen a list": unchanged(async (saver) => {
    for (const thread_id of [null, "", 0, [], {}, false, Number.NaN]) {
      await assertRefused(
        () => all(saver, { configurable: { thread_id } }),
        "INVALID_ARGUMENT",
        "list",
        /thread_id/,
      );
    }
  }),

  "a bad limit, filter or before is refused": unchanged(async (saver) => {
    for (const limit of [
      -1,
      -0.5,
      1.5,
      Number.NaN,
      Infinity,
      -Infinity,
      2 ** 53,
      "1",
      null,
      [],
      {},
      true,
      1n,
    ]) {
      await assertRefused(
        () => all(saver, place("t"), { limit: limit as never }),
        "INVALID_ARGUMENT",
        "list",
        /limit/,
      );
    }
    for (const filter of [null, [], "a", 1, true, [["a", 1]]]) {
      await assertRefused(
        () => all(saver, place("t"), { filter: filter as never }),
        "INVALID_ARGUMENT",
        "list",
        /filter/,
      );
    }
    for (const before of [null, 1, "1", []]) {
      await assertRefused(
        () => all(saver, place("t"), { before: before as never }),
        "INVALID_ARGUMENT",
        "list",
        /before/,
      );
    }
  }),

  "a checkpoint or metadata that is none is refused": unchanged(async (saver) => {
    for (const bad of [null, undefined, 1, "x", []]) {
      await assertRefused(
        () => saver.put(place("t"), bad as never, METADATA, {}),
        "INVALID_ARGUMENT",
        "put",
      );
    }
    for (const bad of [null, 1, "x", [1]]) {
      await assertRefused(
        () => put(saver, place("t"), checkpoint("2"), bad as never),
        "INVALID_ARGUMENT",
        "put",
        /metadata/,
      );
    }
  }),

  "a bad session id or owner of a history is refused": unchanged(async (_saver, db) => {
    for (const bad of [undefined, ...BAD_IDS]) {
      await assertRefused(
        async () => db.history(bad as string),
        "INVALID_ARGUMENT",
        "history",
        /sessionId/,
      );
      if (bad === undefined) continue;
      await assertRefused(
        async () => db.history("s", { userId: bad as string }),
        "INVALID_ARGUMENT",
        "history",
        /userId/,
      );
    }
  }),
};
