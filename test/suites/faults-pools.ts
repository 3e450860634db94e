import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { ChatMessageHistory, type Storage, StorageError, StorageSaver } from "@threadkeep/core";
import { type Proxied, withProxy } from "../faults/proxied.js";
import type { GroundChecks } from "../faults/register.js";
import type { Ground } from "../faults/served.js";
import { all, checkpoint, idOf, idsOf, latest, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";

const CALLS = 500;
const MAX = 2;
const TIMEOUT_MS = 250;
/** A call may meet every connection of a small pool, and look once whether it was done. */
const PATIENCE_MS = 20 * TIMEOUT_MS;

async function fill(saver: StorageSaver, thread: string, count: number): Promise<string[]> {
  const puts = Array.from({ length: count }, (_, i) =>
    put(saver, place(thread), checkpoint(idOf(i), { i })),
  );
  await Promise.all(puts);
  return Array.from({ length: count }, (_, i) => idOf(count - 1 - i));
}

/** A call of every kind in turn. */
function call(saver: StorageSaver, storage: Storage, i: number): Promise<unknown> {
  const thread = `t${i % 50}`;
  switch (i % 5) {
    case 0:
      return put(saver, place(thread), checkpoint(idOf(i), { i }));
    case 1:
      return saver.putWrites(place(thread, "early"), [["a", i]], `task${i}`);
    case 2:
      return saver.getTuple(place("full"));
    case 3:
      return idsOf(saver, place("full"), { limit: 3 });
    default:
      return new ChatMessageHistory(storage, thread).addMessage(new HumanMessage(`${i}`));
  }
}

async function smallPool({ served, durable, place: at }: Ground, max: number): Promise<void> {
  const storage = served.open(durable.url, { max });
  const saver = new StorageSaver(storage);
  const ids = await fill(saver, "full", 200);
  const open = Array.from({ length: 20 }, () => saver.list(place("full")));
  for (const list of open) assert.equal((await list.next()).value?.checkpoint.id, ids[0]);
  const abandoned = Array.from({ length: 20 }, () => saver.list(place("full")));
  for (const list of abandoned) await list.next();
  await Promise.all(Array.from({ length: CALLS }, (_, i) => call(saver, storage, i)));
  for (const list of open) {
    const rest: string[] = [];
    for await (const { checkpoint: c } of list) rest.push(c.id);
    assertSame(rest, ids.slice(1), "a listing goes on where it was left");
  }
  await storage.close();
  const fresh = await at.connect();
  const found = await all(new StorageSaver(fresh), {});
  assert.equal(found.length, 200 + CALLS / 5);
  for (let i = 4; i < CALLS; i += 5) {
    const messages = await new ChatMessageHistory(fresh, `t${i % 50}`).getMessages();
    assert.equal(messages.filter(({ content }) => content === `${i}`).length, 1);
  }
  await fresh.close();
}

/** Fails where a call has not ended by then. */
async function inTime<T>(name: string, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new assert.AssertionError({ message: `${name} did not end` });
    timer = setTimeout(() => reject(error), PATIENCE_MS);
  });
  return Promise.race([call, late]).finally(() => clearTimeout(timer));
}

/** A call that cannot succeed ends in time, and says that it may be tried again. */
async function assertGivesUp(name: string, run: () => Promise<unknown>): Promise<StorageError> {
  const error = await inTime(name, run()).then(
    () => assert.fail(`${name} cannot have been done`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof StorageError, `${name}: ${String(error)}`);
  assert.ok(error.retryable, `${name}: ${error.code} is not retryable`);
  return error;
}

const CALLED: Readonly<Record<string, (storage: Storage) => Promise<unknown>>> = {
  put: (storage) => put(new StorageSaver(storage), place("t"), checkpoint("2", { a: 2 })),
  putWrites: (storage) => new StorageSaver(storage).putWrites(place("t", "1"), [["a", 1]], "again"),
  getTuple: (storage) => new StorageSaver(storage).getTuple(place("t")),
  list: (storage) => all(new StorageSaver(storage), place("t")),
  deleteThread: (storage) => new StorageSaver(storage).deleteThread("other"),
  addMessage: (storage) => new ChatMessageHistory(storage, "t").addMessage(new HumanMessage("x")),
};

/** Opens all of the pool's connections. */
async function warm(storage: Storage): Promise<void> {
  await put(new StorageSaver(storage), place("t"), checkpoint("1", { a: 1 }));
  await Promise.all(Array.from({ length: 20 }, (_, i) => storage.guard(`${i}`)));
}

async function halfOpen({ proxy, storage }: Proxied): Promise<void> {
  await warm(storage);
  for (const [name, run] of Object.entries(CALLED)) {
    assert.ok(proxy.blackHole() > 0, "there was a connection to swallow");
    proxy.isDeaf = true;
    await assertGivesUp(name, () => run(storage));
    proxy.isDeaf = false;
    await assertRecovers(name, () => run(storage));
    await warm(storage);
  }
  assert.ok(proxy.swallowed > 0);
  assertSame(await latest(new StorageSaver(storage), "t"), { a: 2 });
}

/** Every connection that is dead costs one call at most. */
async function assertRecovers(name: string, run: () => Promise<unknown>): Promise<void> {
  for (let dead = 0; dead < MAX; dead += 1) {
    try {
      return void (await run());
    } catch (error) {
      assert.ok(error instanceof StorageError && error.retryable, `${name}: ${String(error)}`);
    }
  }
  await run();
}

async function staleConnections({ proxy, storage }: Proxied): Promise<void> {
  await warm(storage);
  for (const [name, run] of Object.entries(CALLED)) {
    assert.ok(proxy.blackHole() > 0);
    await inTime(
      name,
      assertRecovers(name, () => run(storage)),
    );
    await warm(storage);
  }
  assert.ok(proxy.swallowed > 0);
}

async function slow({ proxy, storage }: Proxied): Promise<void> {
  const saver = new StorageSaver(storage);
  await warm(storage);
  for (const manner of [{ delayMs: 20 }, { cut: "bytes" }, { cut: "lumps" }] as const) {
    proxy.manner = manner;
    const { pieces } = proxy;
    const thread = JSON.stringify(manner);
    const text = (i: number) => `${i}`.repeat(1_000 / `${i}`.length);
    const puts = Array.from({ length: 20 }, (_, i) =>
      put(saver, place(`${thread}${i % 3}`), checkpoint(idOf(i), { i, text: text(i) })),
    );
    await Promise.all(puts);
    const fresh = new StorageSaver(storage);
    for (let i = 0; i < 20; i += 1) {
      const tuple = await fresh.getTuple(place(`${thread}${i % 3}`, idOf(i)));
      assertSame(tuple?.checkpoint.channel_values, { i, text: text(i) }, thread);
    }
    const least = "cut" in manner && manner.cut === "bytes" ? 20_000 : 40;
    assert.ok(proxy.pieces - pieces > least, `${proxy.pieces - pieces} pieces`);
    proxy.manner = {};
  }
}

export const poolChecks: GroundChecks = {
  [`a pool of one under ${CALLS} calls at once, with listings left open`]: (ground) =>
    smallPool(ground, 1),
  [`a pool of two under ${CALLS} calls at once, with listings left open`]: (ground) =>
    smallPool(ground, 2),
  "a network that swallows everything: each call ends in time, and works once it is well": (
    ground,
  ) => withProxy(ground, halfOpen, { max: MAX, timeoutMs: TIMEOUT_MS }),
  "connections that died unnoticed: each call ends in time": (ground) =>
    withProxy(ground, staleConnections, { max: MAX, timeoutMs: TIMEOUT_MS }),
  "a slow network, byte by byte and in lumps": (ground) => withProxy(ground, slow, { max: 2 }),
};

/** On a server that soon cancels a statement that waits. */
export const timeoutChecks: GroundChecks = {
  "a statement that waits too long ends in a typed error, and works later": async (ground) => {
    const storage = await ground.place.connect();
    const saver = new StorageSaver(storage);
    await put(saver, place("t"), checkpoint("1", { a: 1 }));
    const letGo = await ground.served.holdRow(ground.durable, "t");
    const calls = ["put", "putWrites", "addMessage"] as const;
    for (const name of calls) {
      const error = await assertGivesUp(name, () => (CALLED[name] as Called)(storage));
      assert.ok(["TIMEOUT", "BUSY"].includes(error.code), error.message);
    }
    assertSame(await latest(saver, "t"), { a: 1 }, "reading goes on");
    await letGo();
    for (const name of calls) await (CALLED[name] as Called)(storage);
    assertSame(await idsOf(saver, place("t")), ["2", "1"]);
    await storage.close();
  },
};

type Called = (storage: Storage) => Promise<unknown>;
