import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { StorageError, StorageSaver } from "@threadkeep/core";
import type { Batch } from "@threadkeep/core/backend";
import { all, checkpoint, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks } from "../src/harness.js";

const CHANNELS = ["a", "b", "c", "d", "e", "f", "g", "h"];

/** The same channels, in another order for every call. */
function rotated(n: number): string[] {
  return [...CHANNELS.slice(n % 8), ...CHANNELS.slice(0, n % 8)];
}

export const concurrencyChecks: Checks = {
  "64 writers x 20 puts on one thread: every one acknowledged, every one readable": async (db) => {
    const storages = [db.storage, await db.connect(), await db.connect()];
    const savers = Array.from({ length: 12 }, (_, i) => new StorageSaver(storages[i % 3]!));
    const expected = new Map<string, Record<string, unknown>>();
    const write = async (writer: number) => {
      const saver = savers[writer % savers.length] as StorageSaver;
      let config = place("t");
      for (let i = 0; i < 20; i += 1) {
        const id = `${writer}-${i}`;
        const values = Object.fromEntries(
          rotated(writer + i).map((channel) => [
            channel,
            [new HumanMessage({ id: `${writer}`, content: `${id} ${channel}` }), "x".repeat(300)],
          ]),
        );
        expected.set(id, values);
        const versions = Object.fromEntries(rotated(i).map((channel) => [channel, i + 1]));
        config = await put(saver, config, checkpoint(id, values, versions));
        await saver.putWrites(config, [["a", id]], "task");
      }
    };
    await Promise.all(Array.from({ length: 64 }, (_, writer) => write(writer)));
    const tuples = await all(new StorageSaver(await db.connect()), place("t"));
    assert.equal(tuples.length, 64 * 20);
    for (const { checkpoint: found, parentConfig, pendingWrites } of tuples) {
      const [writer, i] = found.id.split("-").map(Number) as [number, number];
      assertSame(found.channel_values, expected.get(found.id), found.id);
      assert.equal(
        parentConfig?.configurable?.checkpoint_id,
        i === 0 ? undefined : `${writer}-${i - 1}`,
      );
      assertSame(pendingWrites, [["task", "a", found.id]]);
    }
    const versions = (await db.storage.list({ sessionId: "t", limit: 5000 })).map(
      (c) => c.checkpoint.version,
    );
    assertSame(
      versions,
      [...versions].sort((a, b) => b - a),
      "newest first",
    );
    assert.equal(new Set(versions).size, versions.length, "no version twice");
  },

  "a call that is sent again, by whomever, leaves one row": async (db) => {
    const savers = [db.saver(), db.saver(), new StorageSaver(await db.connect())];
    let config = place("t");
    for (let i = 0; i < 40; i += 1) {
      const saved = () =>
        checkpoint(
          `id-${i}`,
          { m: [new HumanMessage({ id: `m${i}`, content: "x" })] },
          { m: i + 1 },
        );
      const again = Array.from({ length: 1 + (i % 5) }, (_, k) => savers[k % 3] as StorageSaver);
      const from = config;
      const configs = await Promise.all(again.map((saver) => put(saver, from, saved())));
      config = configs[0] as typeof config;
      await Promise.all(again.map((saver) => saver.putWrites(config, [["m", i]], "task")));
    }
    const tuples = await all(db.saver(), place("t"));
    assertSame(
      tuples.map((t) => t.checkpoint.id),
      Array.from({ length: 40 }, (_, i) => `id-${39 - i}`),
    );
    for (const { pendingWrites } of tuples) assert.equal(pendingWrites?.length, 1);
  },

  "a lost reply beside another writer leaves no gap in the versions": async (db) => {
    const other = db.saver();
    let losses = 0;
    const losing = new Proxy(db.storage, {
      get: (storage, name) => {
        const method = Reflect.get(storage, name) as (...args: unknown[]) => unknown;
        if (name !== "commit") return method.bind(storage);
        return async (batch: Batch) => {
          const written = await storage.commit(batch);
          if (!written || losses === batch.checkpoints.length * 10) return written;
          losses += 1;
          await put(other, place("t"), checkpoint(`other-${losses}`, {}));
          throw new StorageError("CONNECTION_LOST", "commit", "the reply was lost");
        };
      },
    });
    const saver = new StorageSaver(losing);
    for (let i = 0; i < 10; i += 1) await put(saver, place("t"), checkpoint(`own-${i}`, { m: i }));
    assert.equal(losses, 10);
    const rows = await db.storage.list({ sessionId: "t", limit: 100 });
    assertSame(
      rows.map(({ checkpoint: { version } }) => version),
      Array.from({ length: 20 }, (_, i) => 20 - i),
    );
  },

  "of different contents for one id the last acknowledged stands, whole": async (db) => {
    const savers = [db.saver(), new StorageSaver(await db.connect())];
    const values = (n: number) => ({
      a: `${n} ${"a".repeat(300)}`,
      b: [n, `${n} ${"b".repeat(300)}`],
    });
    for (let round = 0; round < 30; round += 1) {
      const at = place(`t${round}`);
      await Promise.all(savers.map((saver, n) => put(saver, at, checkpoint("1", values(n)))));
      const [tuple, ...more] = await all(db.saver(), at);
      assert.equal(more.length, 0);
      const stored = tuple?.checkpoint.channel_values;
      assertSame(stored, values(Number.parseInt(String(stored?.a), 10)));
      await put(savers[round % 2] as StorageSaver, at, checkpoint("1", values(2)));
      for (const saver of savers) {
        assertSame((await saver.getTuple(at))?.checkpoint.channel_values, values(2));
      }
    }
  },
};
