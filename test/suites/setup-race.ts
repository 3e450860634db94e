import assert from "node:assert/strict";
import { StorageSaver } from "@threadkeep/core";
import { Child } from "../faults/process.js";
import type { GroundChecks } from "../faults/register.js";
import { type Ground, onGround } from "../faults/served.js";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";

const PROCESSES = 32;
const ROUNDS = 5;

/** The tables are whole, each migration is recorded once, and they can be written to. */
async function assertWorks({ durable, place: at }: Ground): Promise<void> {
  const storage = await at.connect();
  const saver = new StorageSaver(storage);
  await saver.setup();
  const { sql, table } = durable;
  const rows = await sql(`SELECT version FROM ${table("migrations")} ORDER BY version`);
  assert.ok(rows.length > 0);
  assertSame(
    rows.map(({ version }) => Number(version)),
    rows.map((_, i) => i + 1),
    "each migration once",
  );
  const config = await put(saver, place("t"), checkpoint("1", { a: 1 }));
  await saver.putWrites(config, [["a", 1]], "task");
  assertSame(await latest(new StorageSaver(storage), "t"), { a: 1 });
  await saver.deleteThread("t");
  await storage.close();
}

/** @returns how many were at it before the first one was done */
async function race(children: readonly Child[], { durable }: Ground): Promise<number> {
  const { url } = durable;
  const answers = children.map((child) => child.next((line) => line.url === url));
  for (const child of children) child.send({ url });
  const lines = await Promise.all(answers);
  assert.deepEqual(
    lines.filter((line) => "error" in line),
    [],
  );
  const firstEnd = Math.min(...lines.map(({ to }) => to as number));
  return lines.filter(({ from }) => (from as number) < firstEnd).length;
}

async function races({ served, server }: Ground): Promise<void> {
  const children = Array.from({ length: PROCESSES }, () => new Child("setup.ts", served.module));
  try {
    await Promise.all(children.map((child) => child.seen((line) => "ready" in line)));
    for (let round = 0; round < ROUNDS; round += 1) {
      await onGround(served, server, async (ground) => {
        const together = await race(children, ground);
        assert.ok(together >= PROCESSES / 4, `only ${together} processes at once`);
        await assertWorks(ground);
      });
    }
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
}

/** @returns whether the process was killed: it is not, where there are fewer statements */
async function killedAfter(child: Child, n: number, ground: Ground): Promise<boolean> {
  await child.seen((line) => "ready" in line);
  const over = child.end();
  const done = child.next((line) => "statements" in line).catch(() => over);
  child.send({ url: ground.durable.url, killAfter: n });
  const first = await Promise.race([over, done]);
  if ("statements" in first) {
    assert.ok((first.statements as number) < n);
    await child.seen((line) => "to" in line);
    return false;
  }
  assert.equal((first as { signal: unknown }).signal, "SIGKILL");
  return true;
}

async function killedSetups({ served, server }: Ground): Promise<void> {
  const start = () => new Child("setup.ts", served.module);
  // The next ones start up while one is at work.
  const children = [start(), start()];
  let killed = 0;
  try {
    for (let isKilled = true; isKilled; ) {
      const child = children[killed] as Child;
      children.push(start());
      await onGround(served, server, async (ground) => {
        isKilled = await killedAfter(child, killed + 1, ground);
        await assertWorks(ground);
      });
      if (isKilled) killed += 1;
    }
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
  assert.ok(killed >= 7, `only ${killed} statements to be killed after`);
}

export const setupRaceChecks: GroundChecks = {
  [`${PROCESSES} processes set up at once, ${ROUNDS} rounds from nothing: all succeed, each migration once`]:
    races,
  "killed with -9 after any statement of the migration: the next set-up completes and works":
    killedSetups,
};
