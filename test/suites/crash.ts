import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { StorageSaver } from "@threadkeep/core";
import { all, place } from "../src/checkpoints.js";
import { Writer } from "../src/child.js";
import type { Checks, Database, Durable } from "../src/harness.js";
import { LONG } from "../src/params.js";

const ROUNDS = LONG ? 1000 : 50;
const FOREVER = 1_000_000;

function durableOf(db: Database): Durable {
  if (db.durable === undefined) throw new TypeError("this suite is for databases that last");
  return db.durable;
}

/** What a writer was told, and what a reader found. */
class Ledger {
  readonly stored = new Map<string, unknown>();
  readonly written = new Set<string>();

  note({ lines }: Writer): void {
    for (const { stored, proof, written } of lines) {
      if (typeof stored === "string") this.stored.set(stored, proof);
      if (typeof written === "string") this.written.add(written);
    }
  }

  /** Compares with what a fresh process read. */
  compare({ lines }: Writer): void {
    const found = new Map(lines.filter((l) => "found" in l).map((l) => [l.found as string, l]));
    const lost = [...this.stored].filter(([id, proof]) => found.get(id)?.proof !== proof);
    assert.deepEqual(lost, [], "acknowledged checkpoints are lost or changed");
    const halves = [...found.values()].filter((line) => line.isWhole !== true);
    assert.deepEqual(halves, [], "checkpoints are half-written");
    const unwritten = [...this.written].filter((id) => found.get(id)?.writes !== 2);
    assert.deepEqual(unwritten, [], "acknowledged writes are lost");
    const partial = [...found.values()].filter((line) => line.writes !== 0 && line.writes !== 2);
    assert.deepEqual(partial, [], "writes are half-written");
  }
}

/** Kills one writer after another; each first reads what the ones before it left. */
export async function killRounds(db: Database, thread: string, rounds: number): Promise<Ledger> {
  const durable = durableOf(db);
  const ledger = new Ledger();
  // The next writer starts up while one is at work.
  const writers = [new Writer(durable)];
  try {
    for (let round = 0; round <= rounds; round += 1) {
      const [writer] = writers as [Writer];
      const name = `${thread}-${String(round).padStart(4, "0")}`;
      await writer.start({ thread, name, count: round < rounds ? FOREVER : 0 });
      if (round < rounds) writers.push(new Writer(durable));
      await writer.until((line) => "read" in line);
      ledger.compare(writer);
      if (round === rounds) break;
      await writer.until((line) => "stored" in line, 1 + Math.floor(Math.random() * 20));
      await setTimeout(Math.random() * 5);
      assert.equal(await writer.kill(), "SIGKILL", "the writer was killed at work");
      assert.ok(!writer.lines.some((line) => "done" in line));
      ledger.note(writer);
      writers.shift();
    }
    return ledger;
  } finally {
    await Promise.all(writers.map((writer) => writer.kill()));
  }
}

/** Writers at once, each to its end. */
async function writeTogether(
  db: Database,
  threads: readonly string[],
  count: number,
): Promise<Writer[]> {
  const writers = threads.map(() => new Writer(durableOf(db)));
  await Promise.all(
    writers.map((writer, i) =>
      writer.start({ thread: threads[i] as string, name: `w${i}`, count }),
    ),
  );
  for (const writer of writers) {
    const { code, errors } = await writer.end();
    assert.equal(errors, "", "an error reached a caller");
    assert.equal(code, 0);
    assert.equal(writer.lines.filter((line) => "stored" in line).length, count);
  }
  return writers;
}

export const crashChecks: Checks = {
  [`kill -9 of a writer, ${ROUNDS} rounds: nothing acknowledged is lost, nothing is half-written`]:
    async (db) => {
      const ledgers = await Promise.all(
        ["a", "b"].map((thread) => killRounds(db, thread, ROUNDS / 2)),
      );
      const stored = ledgers.reduce((sum, ledger) => sum + ledger.stored.size, 0);
      assert.ok(stored >= ROUNDS, `${stored} acknowledged checkpoints`);
    },

  "8 processes x 200 puts in one database: no error reaches a caller": async (db) => {
    const threads = Array.from({ length: 8 }, (_, i) => `t${i}`);
    const writers = await writeTogether(db, threads, 200);
    const saver = new StorageSaver(await db.connect());
    for (const [i, writer] of writers.entries()) {
      const found = new Map((await all(saver, place(`t${i}`))).map((t) => [t.checkpoint.id, t]));
      assert.equal(found.size, 200);
      for (const { stored, proof } of writer.lines) {
        if (stored !== undefined)
          assert.equal(found.get(stored as string)?.checkpoint.channel_values.proof, proof);
      }
    }
  },

  "4 processes x 50 puts on one thread: nothing acknowledged is lost": async (db) => {
    const writers = await writeTogether(db, ["t", "t", "t", "t"], 50);
    const ledger = new Ledger();
    for (const writer of writers) ledger.note(writer);
    assert.equal(ledger.stored.size, 200);
    const reader = new Writer(durableOf(db));
    await reader.start({ thread: "t", name: "reader", count: 0 });
    await reader.end();
    ledger.compare(reader);
  },
};
