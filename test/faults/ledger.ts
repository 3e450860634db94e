import assert from "node:assert/strict";
import { ChatMessageHistory, StorageSaver } from "@threadkeep/core";
import { all, place } from "../src/checkpoints.js";
import type { Child } from "./process.js";
import { isWhole } from "./sealed.js";
import type { Ground } from "./served.js";

/** What a survivor was told, thread by thread. */
interface Told {
  readonly stored: Map<string, unknown>;
  readonly written: Set<string>;
  readonly said: string[];
}

function toldBy({ lines }: Child): Map<string, Told> {
  const told = new Map<string, Told>();
  for (const { thread, stored, written, said, proof } of lines) {
    if (typeof thread !== "string") continue;
    const own: Told = told.get(thread) ?? {
      stored: new Map(),
      written: new Set<string>(),
      said: [],
    };
    told.set(thread, own);
    if (typeof stored === "string") own.stored.set(stored, proof);
    if (typeof written === "string") own.written.add(written);
    if (typeof said === "string") own.said.push(said);
  }
  return told;
}

/** Compares what was acknowledged with what a fresh connection reads. @returns how much it was */
export async function compare(child: Child, { place: at }: Ground): Promise<number> {
  const storage = await at.connect();
  let count = 0;
  try {
    for (const [thread, told] of toldBy(child)) {
      const tuples = await all(new StorageSaver(storage), place(thread));
      compareThread(told, new Map(tuples.map((tuple) => [tuple.checkpoint.id, tuple])));
      assert.equal(new Set(tuples.map((t) => t.checkpoint.id)).size, tuples.length, "doubled");
      const messages = await new ChatMessageHistory(storage, thread).getMessages();
      const texts = messages.map(({ content }) => content as string);
      assert.equal(new Set(texts).size, texts.length, "a message is there twice");
      const said = new Set(told.said);
      const order = texts.filter((text) => said.has(text));
      assert.deepEqual(order, told.said, "acknowledged messages are lost");
      count += told.stored.size + told.written.size + told.said.length;
    }
  } finally {
    await storage.close();
  }
  return count;
}

type Tuples = Map<string, Awaited<ReturnType<typeof all>>[number]>;

function compareThread(told: Told, found: Tuples): void {
  const lost = [...told.stored].filter(
    ([id, proof]) => found.get(id)?.checkpoint.channel_values.proof !== proof,
  );
  assert.deepEqual(lost, [], "acknowledged checkpoints are lost or changed");
  const halves = [...found.values()].filter((t) => !isWhole(t.checkpoint.channel_values));
  assert.equal(halves.length, 0, "checkpoints are half-written");
  const unwritten = [...told.written].filter((id) => found.get(id)?.pendingWrites?.length !== 2);
  assert.deepEqual(unwritten, [], "acknowledged writes are lost");
  const partial = [...found.values()].filter((t) => ![0, 2].includes(t.pendingWrites?.length ?? 0));
  assert.equal(partial.length, 0, "writes are half-written");
}
