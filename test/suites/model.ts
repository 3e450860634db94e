import { MemorySaver, MemoryStorage, type Storage, StorageError } from "@threadkeep/core";
import type { Batch, CheckpointRecord, Guard } from "@threadkeep/core/backend";
import fc from "fast-check";
import {
  CALLS,
  CHANNELS,
  checkpoint,
  from,
  IDS,
  LABELS,
  NAMES,
  NAMESPACES,
  nodeRun,
  optional,
  SESSIONS,
  text,
  toolEvent,
  write,
} from "../src/arbitraries.js";
import { FIRST } from "../src/batches.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import { runs } from "../src/params.js";
import { everything, session } from "../src/snapshot.js";
import { saverSequences } from "./model-saver.js";

/** How the batch's idea of the counters differs from what stands there. */
const DOUBTS = [
  "none",
  "none",
  "none",
  "none",
  "nothing",
  "version",
  "item",
  "epoch",
  "incarnation",
  "rollbacks",
  "token",
] as const;

const operations = {
  commit: fc.record({
    session: from(...SESSIONS),
    doubt: from(...DOUBTS),
    checkpoints: fc.array(checkpoint, { maxLength: 3 }),
    writes: fc.array(write, { maxLength: 3 }),
    nodeRuns: fc.array(nodeRun, { maxLength: 3 }),
    toolEvents: fc.array(toolEvent, { maxLength: 3 }),
    items: fc.array(fc.tuple(from("text", "HumanMessage"), text), { maxLength: 4 }),
    owner: fc.record({ userId: from("u", "U"), tenantId: from("x") }, { requiredKeys: [] }),
    touch: fc.boolean(),
    exact: fc.boolean(),
    rollsBack: fc.boolean(),
    removes: fc.boolean(),
    cut: fc.array(fc.tuple(fc.nat(9), fc.nat(3)), { maxLength: 2 }),
  }),
  read: fc.record({
    session: from(...SESSIONS),
    ns: from(...NAMESPACES),
    id: from(...IDS),
    ids: fc.array(from(...IDS), { maxLength: 7 }),
    callId: from(...CALLS),
    limit: fc.nat(5),
    channels: fc.uniqueArray(from(...CHANNELS), { minLength: 1 }),
    stale: fc.boolean(),
    ranges: fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat(4)), { maxLength: 40 }),
  }),
  list: fc.record(
    {
      sessionId: from(...SESSIONS),
      ns: from(...NAMESPACES),
      id: from(...IDS),
      name: from(...NAMES),
      label: from(...LABELS),
      beforeVersion: fc.nat(9),
      beforeId: from(...IDS),
      after: fc.record({
        sessionId: from(...SESSIONS),
        id: from(...IDS),
        version: fc.nat(9),
      }),
      limit: fc.nat(6),
    },
    { requiredKeys: ["limit"] },
  ),
  append: fc.record({
    session: from(...SESSIONS),
    texts: fc.array(fc.tuple(text, optional(from("m"))), { minLength: 1, maxLength: 3 }),
  }),
  messages: fc.record({
    session: from(...SESSIONS),
    page: fc.record({ before: fc.nat(9), limit: fc.nat(4) }, { requiredKeys: [] }),
  }),
  copy: fc.record({ session: from(...SESSIONS), target: from(...SESSIONS) }),
  remove: fc.record({ session: from(...SESSIONS), messagesOnly: fc.boolean() }),
};

type Operations = {
  [K in keyof typeof operations]: (typeof operations)[K] extends fc.Arbitrary<infer T> ? T : never;
};
type Operation = { [K in keyof Operations]: { kind: K; given: Operations[K] } }[keyof Operations];

const operation = fc.oneof(
  ...Object.entries(operations).map(([kind, arbitrary]) => ({
    weight: kind === "commit" ? 6 : 2,
    arbitrary: (arbitrary as fc.Arbitrary<unknown>).map((given) => ({ kind, given }) as Operation),
  })),
);

function doubted(guard: Guard | undefined, doubt: (typeof DOUBTS)[number]): Guard | undefined {
  const base = guard ?? FIRST;
  if (doubt === "nothing") return undefined;
  if (doubt === "version") return { ...base, nextVersion: base.nextVersion + 1 };
  if (doubt === "item") return { ...base, nextItem: base.nextItem + 1 };
  if (doubt === "epoch") return { ...base, epoch: base.epoch + 1 };
  if (doubt === "incarnation") return { ...base, incarnation: base.incarnation + 1 };
  if (doubt === "rollbacks") return { ...base, rollbacks: base.rollbacks + 1 };
  if (doubt === "token") return { ...base, token: "another" };
  return guard;
}

/** The batch is made once, from the model's counters, so that both storages get the same one. */
function batchOf(given: Operations["commit"], guard: Guard | undefined, n: number): Batch {
  const expected = doubted(guard, given.doubt);
  const nextItem = expected?.nextItem ?? 1;
  const nextVersion = expected?.nextVersion ?? 1;
  const own = (list: readonly { ns: string; id: string }[]) =>
    list.filter((c, i) => list.findIndex((d) => d.ns === c.ns && d.id === c.id) === i);
  const checkpoints = own(given.checkpoints) as Omit<CheckpointRecord, "version">[];
  const removes = given.removes && expected !== undefined;
  return {
    sessionId: given.session,
    owner: { ...given.owner },
    expected,
    next: {
      nextItem: nextItem + given.items.length,
      nextVersion: nextVersion + checkpoints.length,
      incarnation: expected?.incarnation ?? 1000 + n,
      epoch: (expected?.epoch ?? 0) + (removes ? 1 : 0),
      rollbacks: (expected?.rollbacks ?? 0) + (given.rollsBack ? 1 : 0),
      token: `token ${n}`,
      owner: expected?.owner ?? {},
    },
    now: n,
    touch: given.touch,
    exact: given.exact,
    items: given.items.map(([type, body], i) => ({ seq: nextItem + i, type, body })),
    checkpoints: checkpoints.map((c, i) => ({ ...c, version: nextVersion + i })),
    writes: given.writes,
    nodeRuns: given.nodeRuns,
    toolEvents: given.toolEvents,
    ...(removes
      ? {
          remove: {
            checkpoints: checkpoints.slice(1),
            items: given.cut.map(([first, more]) => [first, first + more] as const),
          },
        }
      : {}),
  };
}

async function apply(
  storage: Storage,
  { kind, given }: Operation,
  batch: Batch,
  n: number,
): Promise<unknown> {
  switch (kind) {
    case "commit":
      return storage.commit(batch);
    case "read": {
      const { session: id, ns, limit, channels, ranges, stale } = given;
      const guard = (await storage.guard(id)) ?? { incarnation: 1, epoch: 0 };
      const at = stale ? { ...guard, epoch: guard.epoch + 1 } : guard;
      const wanted = ranges.map(([first, more]): [number, number] => [first, first + more]);
      return [
        guard,
        canonical(await storage.checkpoint(id, ns, given.id)),
        canonical(await storage.checkpoint(id, ns, undefined)),
        canonical(await storage.writes(id, ns, given.id)),
        canonical(await storage.nodeRuns(id, given.ids)),
        canonical(await storage.toolEvents(id, given.callId)),
        canonical(await storage.ancestors(id, ns, given.id, limit)),
        canonical(await storage.ancestorWrites(id, ns, given.id, limit, channels)),
        within(await storage.items(id, wanted, at), wanted),
        await storage
          .runCheckpoints("r1")
          .then((found) => found.map((f) => JSON.stringify(f)).sort()),
      ];
    }
    case "list":
      return canonical(await storage.list(stripped(given)));
    case "append":
      return storage.appendMessages(
        given.session,
        { userId: "u" },
        {
          messages: given.texts.map(([content, id]) => ({
            id: id ?? null,
            key: null,
            role: "human",
            content,
            metadata: null,
            createdAt: n,
          })),
        },
        { incarnation: 2000 + n, now: n, token: `appended ${n}` },
      );
    case "messages":
      return canonical(await storage.messages(given.session, given.page));
    case "copy":
      return storage.copySession(given.session, given.target, { incarnation: 3000 + n, now: n });
    case "remove":
      return given.messagesOnly
        ? storage.clearMessages(given.session)
        : storage.deleteSession(given.session);
  }
}

/** Some conditions need a session; the place where a page of all sessions begins needs none. */
function stripped(query: Operations["list"]) {
  const { after, ...ofOne } = query;
  const { name, label, beforeVersion, ...ofAll } = ofOne;
  if (ofOne.sessionId !== undefined) return ofOne;
  return after === undefined ? ofAll : { ...ofAll, after };
}

/** Fields of a record and most lists of records have no order of their own. */
function canonical(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null), (_key, part: unknown) => {
    if (Array.isArray(part) && (part[0]?.taskId ?? part[0]?.callId) !== undefined)
      return part.map((record) => JSON.stringify(record)).sort();
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

function within(items: readonly { seq: number }[], ranges: readonly [number, number][]): unknown {
  const asked = items.filter(({ seq }) =>
    ranges.some(([first, last]) => seq >= first && seq <= last),
  );
  const unique = new Map(asked.map((item) => [item.seq, item]));
  return [...unique.values()].sort((a, b) => a.seq - b.seq);
}

async function compare(db: Database, sequence: readonly Operation[]): Promise<void> {
  const model = new MemoryStorage();
  for (const id of SESSIONS) await db.storage.deleteSession(id);
  for (const [n, op] of sequence.entries()) {
    const guard = op.kind === "commit" ? await model.guard(op.given.session) : undefined;
    const batch = op.kind === "commit" ? batchOf(op.given, guard, n) : (undefined as never);
    const [expected, actual] = [
      await outcome(model, op, batch, n),
      await outcome(db.storage, op, batch, n),
    ];
    assertSame(actual, expected, `${n}: ${op.kind}`);
  }
  assertSame(
    canonical(await everything(db.storage)),
    canonical(await everything(model)),
    "in the end",
  );
  for (const id of SESSIONS) {
    assertSame(canonical(await session(db.storage, id)), canonical(await session(model, id)), id);
  }
}

async function outcome(storage: Storage, op: Operation, batch: Batch, n: number): Promise<unknown> {
  try {
    return await apply(storage, op, batch, n);
  } catch (error) {
    if (error instanceof StorageError) return { code: error.code, operation: error.operation };
    throw error;
  }
}

export const modelChecks: Checks = {
  "any sequence of storage calls does what the memory storage does": async (db) => {
    const sequences = fc.array(operation, { maxLength: 25, size: "max" });
    await fc.assert(
      fc.asyncProperty(sequences, (sequence) => compare(db, sequence)),
      runs(250),
    );
  },
  "any sequence of saver calls does what the memory saver does": (db) =>
    saverSequences(db, () => new MemorySaver()),
};
