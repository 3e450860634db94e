import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { compare } from "../faults/ledger.js";
import { Child, type Line } from "../faults/process.js";
import { withProxy } from "../faults/proxied.js";
import { type Random, seeded } from "../faults/random.js";
import type { Ground } from "../faults/served.js";
import { LONG } from "../src/params.js";

const TERMINATIONS = 200;
const KILLS = LONG ? 300 : 30;
const THREADS = 4;
const USABLE_MS = 5_000;

const stored = (line: Line) => "stored" in line;

export type GroundCheck = (ground: Ground) => Promise<void>;

/** A process that writes, and its orderly end. */
async function withSurvivor(
  { durable, served }: Ground,
  work: (child: Child) => Promise<void>,
  module = served.module,
): Promise<Child> {
  const child = new Child("survivor.ts", module, durable.url, String(THREADS));
  try {
    await child.seen((line) => "ready" in line);
    child.send({ order: "write" });
    await nextOfEach(child);
    await work(child);
    child.send({ order: "stop" });
    const { code, signal, errors } = await child.end();
    assert.deepEqual({ code, signal, errors }, { code: 0, signal: null, errors: "" });
    return child;
  } finally {
    await child.kill();
  }
}

/** Waits until every thread got something acknowledged. */
async function nextOfEach(child: Child): Promise<void> {
  const threads = Array.from({ length: THREADS }, (_, i) => `t${i}`);
  await Promise.all(threads.map((t) => child.next((line) => stored(line) && line.thread === t)));
}

async function acknowledgements(child: Child, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await child.next(stored);
}

/** How long it takes, once the server is back, until every thread is written to. */
async function assertUsable(child: Child): Promise<void> {
  const from = performance.now();
  await nextOfEach(child);
  const took = performance.now() - from;
  assert.ok(took < USABLE_MS, `usable only after ${took} ms`);
}

const failures = (child: Child) => child.lines.filter((line) => "failed" in line).length;

/** @param module of the child process: a mutant's, or the real one */
export async function terminations(ground: Ground, rounds: number, module?: string): Promise<void> {
  const admin = await ground.served.admin(ground.server.url);
  let broken = 0;
  try {
    const child = await withSurvivor(
      ground,
      async (survivor) => {
        for (let round = 0; round < rounds; round += 1) {
          await acknowledgements(survivor, 1 + (round % 5));
          broken += await admin.terminateOthers();
        }
        await assertUsable(survivor);
      },
      module,
    );
    assert.ok(broken >= rounds, `only ${broken} connections were broken`);
    const count = await compare(child, ground);
    assert.ok(count > rounds, `only ${count} acknowledgements`);
  } finally {
    await admin.close();
  }
}

async function restarts(ground: Ground): Promise<void> {
  const child = await withSurvivor(ground, async (survivor) => {
    for (let round = 0; round < 4; round += 1) {
      const isIdle = round % 2 === 0;
      if (isIdle) {
        survivor.send({ order: "pause" });
        await survivor.next((line) => "paused" in line);
      }
      const { pid } = ground.server;
      await ground.server.stop();
      await ground.server.start();
      assert.notEqual(ground.server.pid, pid, "the server is another process");
      assert.ok(survivor.isAlive, "the client lives");
      if (isIdle) survivor.send({ order: "write" });
      await assertUsable(survivor);
    }
  });
  await compare(child, ground);
}

async function kills(ground: Ground, random: Random): Promise<void> {
  const child = await withSurvivor(ground, async (survivor) => {
    for (let round = 0; round < KILLS; round += 1) {
      await acknowledgements(survivor, 1 + random.below(30));
      const before = failures(survivor);
      const failed = survivor.next((line) => "failed" in line);
      await ground.server.kill();
      await failed;
      assert.ok(failures(survivor) > before, "the kill was felt");
      await ground.server.start();
      await assertUsable(survivor);
    }
  });
  const count = await compare(child, ground);
  assert.ok(count >= KILLS * THREADS, `only ${count} acknowledgements`);
}

/**
 * A server that ends a connection the moment it stands: the pool has handed it over, and nobody
 * has asked it anything yet.
 */
export function farewellChecks(farewell: Buffer): Readonly<Record<string, GroundCheck>> {
  return {
    "connections that are ended as soon as they stand: the process lives": (ground) =>
      withProxy(ground, async ({ proxy, url }) => {
        const durable = { ...ground.durable, url };
        const child = await withSurvivor({ ...ground, durable }, async (survivor) => {
          proxy.farewell = farewell;
          proxy.breakAll();
          for (let i = 0; i < 3; i += 1) await survivor.next((line) => "failed" in line);
          proxy.farewell = undefined;
          await assertUsable(survivor);
        });
        assert.ok(proxy.farewells > 0);
        await compare(child, ground);
      }),
  };
}

export const faultChecks: Readonly<Record<string, GroundCheck>> = {
  [`all connections broken in mid-work, ${TERMINATIONS} times: nothing acknowledged is lost, the process lives`]:
    (ground) => terminations(ground, TERMINATIONS),

  "the server restarts, while the client works and while it is idle: the next calls work": restarts,

  [`the server is killed with -9, ${KILLS} times: nothing acknowledged is lost, usable at once`]: (
    ground,
  ) => seeded((random) => kills(ground, random)),
};
