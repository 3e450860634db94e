import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { StorageSaver } from "@threadkeep/core";
import { type Random, seeded } from "../faults/random.js";
import type { GroundChecks } from "../faults/register.js";
import { isWhole } from "../faults/sealed.js";
import type { Ground } from "../faults/served.js";
import { all, checkpoint, idOf, place, put } from "../src/checkpoints.js";
import { Writer } from "../src/child.js";
import { assertSame } from "../src/equal.js";

const CHANNELS = ["a", "b", "c", "d", "e", "f", "g", "h"];
const WRITERS = 64;
const PUTS = 20;
const THREADS = 8;

type Values = Record<string, unknown>;

function valuesOf(random: Random, id: string): Values {
  return Object.fromEntries(
    random
      .shuffled(CHANNELS)
      .map((name) => [name, [new HumanMessage({ id: name, content: `${id} ${name}` }), id]]),
  );
}

/** Savers that share no more than processes would: each storage is a pool of its own. */
async function manyWriters({ served, durable, place: at }: Ground, random: Random): Promise<void> {
  const storages = Array.from({ length: 8 }, () => served.open(durable.url, { max: 4 }));
  const savers = Array.from({ length: 16 }, (_, i) => new StorageSaver(storages[i % 8]!));
  const expected = new Map<string, Values>();
  const write = async (writer: number) => {
    for (let i = 0; i < PUTS; i += 1) {
      const id = `${writer}-${idOf(i)}`;
      const values = valuesOf(random, id);
      const saver = savers[random.below(savers.length)] as StorageSaver;
      await put(saver, place(`t${writer % THREADS}`), checkpoint(id, values));
      expected.set(id, values);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
  assert.equal(expected.size, WRITERS * PUTS, "acknowledged");
  await Promise.all(storages.map((storage) => storage.close()));
  const fresh = await at.connect();
  let found = 0;
  for (let thread = 0; thread < THREADS; thread += 1) {
    const tuples = await all(new StorageSaver(fresh), place(`t${thread}`));
    for (const { checkpoint: c } of tuples) {
      assertSame(c.channel_values, expected.get(c.id), c.id);
    }
    assert.equal(new Set(tuples.map(({ checkpoint: c }) => c.id)).size, tuples.length);
    found += tuples.length;
  }
  await fresh.close();
  assert.equal(found, WRITERS * PUTS);
}

/** Reads, each time as a process that knows nothing, until the writers are done. */
async function readBeside(ground: Ground, isOver: () => boolean): Promise<Map<string, unknown>> {
  const storage = await ground.place.connect();
  const seen = new Map<string, unknown>();
  while (!isOver()) {
    const tuple = await new StorageSaver(storage).getTuple(place("t"));
    if (tuple === undefined) continue;
    const { id, channel_values } = tuple.checkpoint;
    assert.ok(isWhole(channel_values), `${id} is no state that was written`);
    seen.set(id, channel_values.proof);
  }
  await storage.close();
  return seen;
}

async function processesOnOneThread(ground: Ground): Promise<void> {
  const writers = Array.from({ length: 4 }, () => new Writer(ground.durable));
  try {
    await Promise.all(writers.map((w, i) => w.start({ thread: "t", name: `w${i}`, count: 50 })));
    let isOver = false;
    const ended = Promise.all(writers.map((writer) => writer.end())).finally(() => {
      isOver = true;
    });
    const [seen, ends] = await Promise.all([readBeside(ground, () => isOver), ended]);
    for (const end of ends) assert.deepEqual(end, { code: 0, errors: "" });
    const lines = writers.flatMap((writer) => writer.lines).filter((line) => "stored" in line);
    const stored = new Map(lines.map(({ stored: id, proof }) => [id as string, proof]));
    assert.equal(stored.size, 200, "acknowledged");
    assert.ok(seen.size > 10, `only ${seen.size} states were seen`);
    for (const [id, proof] of seen) assert.equal(stored.get(id), proof, id);
    await assertStored(ground, stored);
  } finally {
    await Promise.all(writers.map((writer) => writer.kill()));
  }
}

async function assertStored({ place: at }: Ground, stored: Map<string, unknown>): Promise<void> {
  const fresh = await at.connect();
  const tuples = await all(new StorageSaver(fresh), place("t"));
  await fresh.close();
  assert.equal(tuples.length, stored.size);
  for (const { checkpoint: c, pendingWrites } of tuples) {
    assert.ok(isWhole(c.channel_values), c.id);
    assert.equal(stored.get(c.id), c.channel_values.proof, c.id);
    assert.equal(pendingWrites?.length, 2, c.id);
  }
}

export const writerChecks: GroundChecks = {
  [`${WRITERS} writers x ${PUTS} puts on ${THREADS} threads, channels in any order: all acknowledged, all there`]:
    (ground) => seeded((random) => manyWriters(ground, random)),
  "4 processes on one thread: nothing acknowledged is lost, every reader gets a state that somebody wrote":
    processesOnOneThread,
};
