import { HumanMessage } from "@langchain/core/messages";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { StorageError, type StorageSaver } from "@threadkeep/core";
import fc from "fast-check";
import { all, checkpoint, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Database } from "../src/harness.js";
import { runs } from "../src/params.js";

const THREADS = ["t", "T"];
const NAMESPACES = ["", "sub:1"];
const IDS = ["1", "2", "3", "4", "5"];

const at = fc.record({
  thread: fc.constantFrom(...THREADS),
  ns: fc.constantFrom(...NAMESPACES),
  id: fc.constantFrom(...IDS),
  parent: fc.constantFrom(undefined, ...IDS),
});
const value = fc.oneof(
  fc.nat(9),
  fc.nat(5).map((n) => new HumanMessage({ id: `m${n}`, content: `m${n} ${"x".repeat(n * 100)}` })),
  fc.array(
    fc.nat(9).map((n) => new HumanMessage({ id: `m${n}`, content: "text" })),
    { maxLength: 6 },
  ),
  fc.nat(9).map((n) => ({ long: "x".repeat(300), n })),
);

const call = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      fc.constant("put" as const),
      at,
      fc.dictionary(fc.constantFrom("a", "b"), value),
      fc.nat(3),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant("putWrites" as const),
      at,
      fc.array(fc.tuple(fc.constantFrom("a", "__error__"), value), { maxLength: 2 }),
      fc.constantFrom("", "~a", "~b"),
    ),
  },
  { weight: 4, arbitrary: fc.tuple(fc.constant("read" as const), at, fc.nat(4)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("delete" as const), at) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("prune" as const), at, fc.integer({ min: 1, max: 3 })),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("copy" as const), at) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant("deleteForRuns" as const), at, fc.constantFrom("r0", "r1")),
  },
  { weight: 1, arbitrary: fc.tuple(fc.constant("delta" as const), at) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("restart" as const), at) },
);
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

async function apply(saver: StorageSaver, given: Call): Promise<unknown> {
  const { thread, ns, id, parent } = given[1];
  switch (given[0]) {
    case "put": {
      const metadata = { ...METADATA, step: given[3], run_id: `r${given[3]}` } as typeof METADATA;
      return put(
        saver,
        place(thread, parent, ns),
        checkpoint(id, { ...given[2] }, { a: given[3] + 1, b: 1 }),
        metadata,
      );
    }
    case "putWrites":
      return saver.putWrites(place(thread, id, ns), given[2], "task", given[3]);
    case "read":
      return [
        await saver.getTuple(place(thread, undefined, ns)),
        await saver.getTuple(place(thread, id, ns)),
        await all(saver, place(thread, undefined, ns), { limit: given[2] }),
        await all(saver, place(thread, undefined, ns), { before: place(thread, id) }),
        await all(saver, { configurable: { thread_id: thread } }, { filter: { step: given[2] } }),
        sorted(await all(saver, {})),
      ];
    case "delete":
      return saver.deleteThread(thread);
    case "prune":
      // How many items there are to remove depends on what the savers knew to be stored.
      return (await saver.prune(THREADS, { keepLast: given[2] })).checkpoints;
    case "copy":
      return saver.copyThread(thread, thread === "t" ? "T" : "t");
    case "deleteForRuns":
      return (await saver.deleteForRuns([given[2]])).checkpoints;
    case "delta":
      return saver.getDeltaChannelHistory({ config: place(thread, id, ns), channels: ["a", "b"] });
    case "restart":
      return undefined;
  }
}

function sorted(tuples: CheckpointTuple[]): CheckpointTuple[] {
  const key = ({ config: { configurable: c } }: CheckpointTuple) =>
    JSON.stringify([c?.checkpoint_id, c?.thread_id, c?.checkpoint_ns]);
  return [...tuples].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

async function outcome(saver: StorageSaver, given: Call): Promise<unknown> {
  try {
    return await apply(saver, given);
  } catch (error) {
    if (error instanceof StorageError) return { code: error.code, operation: error.operation };
    throw error;
  }
}

/** The reference saver keeps its memory; the one under test is restarted now and then. */
export async function saverSequences(db: Database, reference: () => StorageSaver): Promise<void> {
  const compare = async (calls: readonly Call[]) => {
    const model = reference();
    for (const id of THREADS) await db.storage.deleteSession(id);
    let saver = db.saver();
    for (const [n, given] of calls.entries()) {
      if (given[0] === "restart") saver = db.saver();
      const expected = await outcome(model, given);
      const actual = await outcome(saver, given);
      if (isLate(expected) || isLate(actual)) {
        // Whether a call is late is known only to a saver that remembers the deletion.
        return;
      }
      assertSame(actual, expected, `${n}: ${given[0]}`);
    }
  };
  const sequences = fc.array(call, { maxLength: 25, size: "max" });
  await fc.assert(fc.asyncProperty(sequences, compare), runs(250));
}

function isLate(outcome: unknown): boolean {
  return (outcome as { code?: unknown } | undefined)?.code === "THREAD_DELETED";
}
