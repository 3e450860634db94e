import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { ChatMessageHistory, MemoryStorage, type Storage, StorageSaver } from "@threadkeep/core";
import { isLost, type Wrap } from "../faults/overriding.js";
import { withProxy } from "../faults/proxied.js";
import type { FaultProxy, Loss } from "../faults/proxy.js";
import { type Random, seeded } from "../faults/random.js";
import type { GroundChecks } from "../faults/register.js";
import type { Ground } from "../faults/served.js";
import { all, checkpoint, idOf, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { items } from "../src/snapshot.js";

const STEPS = 200;
const same: Wrap = (storage) => storage;

type Arm = (loss: Loss) => void;

/** Lets the next commit, and only that one, come to grief. */
function armed(proxy: FaultProxy): Arm {
  return (loss) => {
    proxy.lose = () => {
      proxy.lose = () => undefined;
      return loss;
    };
  };
}

/** The same calls on every storage; `arm` says before each what befalls it. */
async function work(storage: Storage, steps: number, arm: Arm): Promise<void> {
  const saver = new StorageSaver(storage);
  const history = new ChatMessageHistory(storage, "t");
  let config = place("t");
  const messages: HumanMessage[] = [];
  // A history has no say in who made the session: it is there.
  await put(saver, config, checkpoint(idOf(0), {}));
  for (let i = 1; i <= steps; i += 1) {
    messages.push(new HumanMessage({ id: `m${i}`, content: `message ${i}` }));
    const values = { messages: [...messages], doc: { text: "x".repeat(500), i } };
    arm(i % 4 === 0 ? "request" : "reply");
    config = await put(saver, config, checkpoint(idOf(i), values, { messages: i, doc: i }));
    arm(i % 4 === 2 ? "request" : "reply");
    const writes = [new HumanMessage({ id: `w${i}`, content: `write ${i}` })];
    await saver.putWrites(
      config,
      [
        ["messages", writes],
        ["doc", { i }],
      ],
      "task",
    );
    // What of a history did not get to the server is told to the caller.
    arm("reply");
    await history.addMessages([new HumanMessage(`a${i}`), new HumanMessage(`b${i}`)]);
  }
}

/** All that the calls left, but for what is made by chance. */
async function records(storage: Storage): Promise<unknown> {
  const guard = await storage.guard("t");
  const checkpoints = await storage.list({ sessionId: "t", limit: 10_000 });
  const writes = await storage.sessionWrites("t");
  const messages = await storage.messages("t", {});
  return {
    counters: [guard?.nextItem, guard?.nextVersion, guard?.epoch],
    checkpoints: checkpoints.map(({ checkpoint: c }) => c),
    items: await items(storage, "t"),
    writes: writes.sort((a, b) => (a.checkpointId < b.checkpointId ? -1 : a.idx - b.idx)),
    messages: messages.map(({ position, content }) => ({ position, content })),
  };
}

/** @param wrap the storage under test: the real one, or a broken double of it */
export async function lostReplies(ground: Ground, steps: number, wrap = same): Promise<void> {
  await withProxy(ground, async ({ proxy, storage }) => {
    await storage.setup();
    await work(wrap(storage), steps, armed(proxy));
    assert.ok(proxy.lost.reply >= 2.5 * steps, `${proxy.lost.reply} replies were lost`);
    assert.ok(proxy.lost.request >= 0.5 * steps - 1, `${proxy.lost.request} requests were lost`);
  });
  const whole = new MemoryStorage();
  await work(whole, steps, () => {});
  const fresh = await ground.place.connect();
  const found = await records(fresh);
  assert.deepEqual(found, await records(whole), "other records than without faults");
  await fresh.close();
}

/** As a caller does whom an error asks to. */
async function repeated(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      return void (await call());
    } catch (error) {
      if (!isLost(error)) throw error;
    }
  }
}

/** Writers of one thread, each commit of whom may be lost, in either way. */
async function contended(ground: Ground, random: Random): Promise<void> {
  const count = 30;
  const writers = [0, 1, 2, 3];
  await withProxy(ground, async ({ proxy, url, storage }) => {
    const other = ground.served.open(url, { max: 4 });
    await storage.setup();
    proxy.lose = () => {
      const dice = random.below(10);
      return dice === 0 ? "request" : dice < 3 ? "reply" : undefined;
    };
    const write = async (writer: number) => {
      const saver = new StorageSaver(writer % 2 === 0 ? storage : other);
      for (let i = 0; i < count; i += 1) {
        const id = `${writer}-${idOf(i)}`;
        const config = place("t", id);
        await repeated(() => put(saver, place("t"), checkpoint(id, { id, all: [id] })));
        await repeated(() => saver.putWrites(config, [["a", id]], "task"));
      }
    };
    await Promise.all(writers.map(write));
    assert.ok(proxy.lost.reply > 10 && proxy.lost.request > 5, JSON.stringify(proxy.lost));
    await other.close();
  });
  const fresh = await ground.place.connect();
  const tuples = await all(new StorageSaver(fresh), place("t"));
  await fresh.close();
  assert.equal(tuples.length, writers.length * count, "each once");
  for (const { checkpoint: c, pendingWrites } of tuples) {
    assertSame(c.channel_values, { id: c.id, all: [c.id] });
    assertSame(pendingWrites, [["task", "a", c.id]], c.id);
  }
}

export const replyChecks: GroundChecks = {
  [`commits whose reply is lost (${STEPS * 2.5}) or that never arrive: the records are the same as without faults`]:
    (ground) => lostReplies(ground, STEPS),

  "four writers of one thread, whose commits are lost: each call is there once": (ground) =>
    seeded((random) => contended(ground, random)),
};
