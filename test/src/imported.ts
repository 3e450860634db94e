import assert from "node:assert/strict";
import type { BaseCheckpointSaver, CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { Persistence, type Storage } from "@threadkeep/core";
import { assertSame } from "./equal.js";
import { threadConfig } from "./graphs.js";

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

/** What a tuple says, whichever saver it is from. */
export function said({
  config,
  checkpoint,
  metadata,
  parentConfig,
  pendingWrites,
}: CheckpointTuple) {
  const { v, id, ts, channel_values, channel_versions, versions_seen } = checkpoint;
  return withoutStacks({
    place: config.configurable,
    checkpoint: { v, id, ts, channel_values, channel_versions, versions_seen },
    metadata: sorted(metadata),
    parent: parentConfig?.configurable,
    pendingWrites: pendingWrites ?? [],
  });
}

function sorted(fields: object = {}): object {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** LangGraph's serializer stores no stack: an error gets that of its decoding. */
export function withoutStacks<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) value.stack = "";
  const inside = value instanceof Map || value instanceof Set ? [...value] : Object.values(value);
  for (const one of inside) withoutStacks(one);
  return value;
}

/** Every checkpoint of the thread, as `list` and as `getTuple` give it, and the newest ones. */
export async function assertEqual(
  ours: BaseCheckpointSaver,
  theirs: BaseCheckpointSaver,
  thread: string,
) {
  const [actual, expected] = await Promise.all(
    [ours, theirs].map((saver) => collect(saver.list(threadConfig(thread)))),
  );
  assert.ok(actual && expected && expected.length > 0, thread);
  assertSame(actual.map(said), expected.map(said), `list of ${thread}`);
  for (const { config } of expected) {
    const [one, other] = await Promise.all([ours.getTuple(config), theirs.getTuple(config)]);
    assert.ok(one && other);
    assertSame(said(one), said(other), thread);
  }
  for (const ns of new Set(expected.map(({ config }) => config.configurable?.checkpoint_ns))) {
    const config = { configurable: { thread_id: thread, checkpoint_ns: ns } };
    const [one, other] = await Promise.all([ours.getTuple(config), theirs.getTuple(config)]);
    assert.equal(one?.checkpoint.id, other?.checkpoint.id, `newest of ${thread} in ${ns}`);
  }
}

export async function assertEmpty(storage: Storage, what: string): Promise<void> {
  assertSame(await collect(new Persistence(storage).checkpointer.list({})), [], what);
  assertSame(await storage.sessions({ owner: {}, limit: 10 }), [], what);
}
