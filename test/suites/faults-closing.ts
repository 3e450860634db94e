import assert from "node:assert/strict";
import { StorageError, StorageSaver } from "@threadkeep/core";
import { Child } from "../faults/process.js";
import { withProxy } from "../faults/proxied.js";
import type { GroundChecks } from "../faults/register.js";
import type { Ground } from "../faults/served.js";
import { all, checkpoint, idOf, place, put } from "../src/checkpoints.js";

const ROUNDS = 100;
const EXIT_MS = 5_000;

/** Fails where something has not ended by then. */
async function within<T>(ms: number, what: string, task: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than ${ms} ms`)), ms);
  });
  return Promise.race([task, late]).finally(() => clearTimeout(timer));
}

async function closings({ served, durable, place: at }: Ground): Promise<void> {
  const child = new Child("closing.ts", served.module, durable.url, `${ROUNDS}`);
  try {
    await within(
      60_000,
      `${ROUNDS} rounds`,
      child.seen((line) => "ended" in line),
    );
    const { code, signal, errors } = await within(EXIT_MS, "the exit", child.end());
    assert.deepEqual({ code, signal, errors }, { code: 0, signal: null, errors: "" });
  } finally {
    await child.kill();
  }
  const stored = new Set(child.lines.flatMap((line) => (line.stored as string) ?? []));
  const refused = new Set(child.lines.flatMap((line) => (line.refused as string) ?? []));
  assert.equal(stored.size + refused.size, 20 * ROUNDS);
  assert.ok(stored.size > 0 && refused.size > 0, `${stored.size} stored, ${refused.size} refused`);
  const fresh = await at.connect();
  const found = new Set((await all(new StorageSaver(fresh), {})).map((t) => t.checkpoint.id));
  await fresh.close();
  for (const id of stored) assert.ok(found.has(id), `${id} was acknowledged`);
  for (const id of refused) assert.ok(!found.has(id), `${id} was refused`);
}

/** Calls that still wait for a connection end with the pool. */
async function queued({ served, durable }: Ground): Promise<void> {
  const storage = served.open(durable.url, { max: 1 });
  const saver = new StorageSaver(storage);
  await saver.setup();
  const puts = Array.from({ length: 50 }, (_, i) =>
    put(saver, place(`t${i}`), checkpoint(idOf(i), { i })),
  );
  await Promise.race(puts);
  const closed = storage.close();
  const results = await within(EXIT_MS, "a call that waited", Promise.allSettled(puts));
  await within(EXIT_MS, "closing", closed);
  const refused = results.filter((result) => result.status === "rejected");
  assert.ok(refused.length > 0, "some calls came too late");
  for (const { reason } of refused) {
    assert.ok(reason instanceof StorageError && reason.code === "CLOSED", String(reason));
  }
}

export const closingChecks: GroundChecks = {
  [`end() with work under way, ${ROUNDS} times: each call is done or refused, and the process exits`]:
    closings,

  "end() does not leave calls waiting for a connection": queued,

  "end() does not wait for a server that is gone": (ground) =>
    withProxy(
      ground,
      async ({ proxy, storage }) => {
        await put(new StorageSaver(storage), place("t"), checkpoint("1", { a: 1 }));
        assert.ok(proxy.blackHole() > 0);
        proxy.isDeaf = true;
        const lost = storage.deleteSession("u").catch((error: unknown) => error);
        await within(EXIT_MS, "closing", storage.close());
        assert.ok((await within(EXIT_MS, "the call", lost)) instanceof StorageError);
      },
      { max: 2, timeoutMs: 400 },
    ),

  "end() after the server broke all connections": async (ground) => {
    const { served, server, durable } = ground;
    const storage = served.open(durable.url, { max: 4 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => storage.guard(`${i}`)));
    const admin = await served.admin(server.url);
    assert.ok((await admin.terminateOthers()) > 0);
    await within(EXIT_MS, "closing", storage.close());
    await admin.close();
  },
};
