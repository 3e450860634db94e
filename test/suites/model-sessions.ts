import { MemoryStorage, type Storage } from "@threadkeep/core";
import type { Fresh, Owner, SessionChange, SessionRecord } from "@threadkeep/core/backend";
import fc from "fast-check";
import { from, IDS, optional, SESSIONS, text } from "../src/arbitraries.js";
import { batchOf, FIRST } from "../src/batches.js";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import { runs } from "../src/params.js";

const OWNERS: readonly Owner[] = [
  {},
  { tenantId: "x" },
  { tenantId: "x", userId: "u" },
  { tenantId: "y" },
  { userId: "u" },
  { agentId: "a", tenantId: "y" },
];
const TITLES = ["Order 66%", "order_6", "ÄRGER!", "ärger", ""] as const;
const ROLES = ["human", "ai", "tool"] as const;
const STATUSES = ["running", "interrupted", "failed", "done", "archived"] as const;

const session = from(...SESSIONS);
const owner = fc.constantFrom(...OWNERS);
const time = fc.nat(6);

const operations = {
  put: fc.record({
    session,
    owner,
    touch: fc.boolean(),
    status: optional(from("running", "interrupted", "failed", null)),
    body: text,
    id: from(...IDS),
  }),
  append: fc.record({
    session,
    owner,
    keys: fc.array(fc.tuple(optional(from("k", "K", "l")), from(...ROLES), text), { maxLength: 4 }),
    calls: fc.array(from("c", "d"), { maxLength: 2 }),
    only: from("no", "right", "wrong"),
  }),
  insert: fc.record({ session, owner, title: optional(from(...TITLES)), rows: fc.boolean() }),
  update: fc.record({
    session,
    title: optional(from(...TITLES, null)),
    metadata: optional(text),
    endedAt: optional(from(1, null)),
  }),
  list: fc.record({
    owner,
    statuses: optional(fc.uniqueArray(from(...STATUSES), { minLength: 1 })),
    query: optional(from("6", "%", "_", "ÄR", "!", "zzz")),
    updatedBefore: optional(time),
    after: optional(fc.record({ updatedAt: time, id: session })),
    limit: fc.nat(5),
  }),
  messages: fc.record({
    session,
    page: fc.record(
      {
        before: time,
        from: time,
        limit: fc.nat(3),
        roles: fc.uniqueArray(from(...ROLES), { minLength: 1 }),
      },
      { requiredKeys: [] },
    ),
  }),
  copy: fc.record({
    session,
    target: session,
    upTo: optional(fc.record({ version: fc.nat(4), createdAt: time })),
  }),
  remove: fc.record({ session, since: optional(time), clears: fc.boolean() }),
};

type Operations = {
  [K in keyof typeof operations]: (typeof operations)[K] extends fc.Arbitrary<infer T> ? T : never;
};
type Operation = {
  [K in keyof Operations]: { kind: K; given: Operations[K] };
}[keyof Operations] & {
  scope: Owner;
};

const operation = fc
  .tuple(
    owner,
    fc.oneof(
      ...Object.entries(operations).map(([kind, arbitrary]) => ({
        weight: kind === "put" ? 4 : 2,
        arbitrary: (arbitrary as fc.Arbitrary<unknown>).map((given) => ({ kind, given })),
      })),
    ),
  )
  .map(([scope, one]) => ({ ...one, scope }) as Operation);

const view = (storage: Storage, scope: Owner): Storage =>
  Object.keys(scope).length === 0 ? storage : storage.scoped(scope);

const given = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Partial<T>;

async function put(storage: Storage, op: Operations["put"], n: number): Promise<boolean> {
  const guard = await storage.guard(op.session);
  const batch = batchOf(guard, {
    sessionId: op.session,
    owner: op.owner,
    touch: op.touch,
    now: n,
    ...(op.status === undefined ? {} : { status: op.status }),
    items: [{ seq: guard?.nextItem ?? 1, type: "text", body: op.body }],
    writes: [
      {
        ns: "",
        checkpointId: op.id,
        taskId: "t",
        idx: 0,
        taskPath: "",
        channel: "c",
        value: op.body,
      },
    ],
  });
  const incarnation = guard?.incarnation ?? 1000 + n;
  return storage.commit({ ...batch, next: { ...batch.next, incarnation, token: `token ${n}` } });
}

function append(
  storage: Storage,
  op: Operations["append"],
  incarnation: number | undefined,
  n: number,
) {
  const messages = op.keys.map(([key, role, content]) => ({
    ...{ id: key ?? null, key: key ?? null, role, content, metadata: content, createdAt: n },
  }));
  const modelCalls = op.calls.map((id) => ({
    ...{ id, messageId: null, model: "m", status: "ok", inputTokens: n, outputTokens: null },
    ...{ totalTokens: null, usage: null, error: null, latencyMs: 1, startedAt: n },
  })) as never[];
  const only = op.only === "no" ? undefined : (incarnation ?? 1) + (op.only === "wrong" ? 1 : 0);
  const fresh = { incarnation: 2000 + n, now: n, token: `appended ${n}`, ...given({ only }) };
  return storage.appendMessages(op.session, op.owner, { messages, modelCalls }, fresh as Fresh);
}

function insert(storage: Storage, op: Operations["insert"], n: number): Promise<boolean> {
  const guard = { ...FIRST, incarnation: 3000 + n, owner: op.owner };
  const record: SessionRecord = {
    ...{ id: op.session, alias: null, title: op.title ?? null, metadata: null, status: null },
    ...{ createdAt: n, updatedAt: n, endedAt: null, guard, nextMessage: op.rows ? 2 : 1 },
  };
  const message = { id: "m", key: "k", role: "ai", content: "é", metadata: null, createdAt: n };
  const rows = {
    ...{ items: [], checkpoints: [], writes: [], nodeRuns: [], toolEvents: [], modelCalls: [] },
    messages: [{ ...message, position: 1 }],
  };
  return storage.insertSession(record, op.rows ? rows : undefined);
}

async function apply(storage: Storage, op: Operation, n: number): Promise<unknown> {
  const seen = view(storage, op.scope);
  switch (op.kind) {
    case "put":
      return put(seen, { ...op.given, owner: { ...op.given.owner, ...op.scope } }, n);
    case "append":
      return append(
        seen,
        { ...op.given, owner: { ...op.given.owner, ...op.scope } },
        (await storage.guard(op.given.session))?.incarnation,
        n,
      );
    case "insert":
      return insert(storage, op.given, n);
    case "update": {
      const { session: id, ...change } = op.given;
      return seen.updateSession(id, given(change) as SessionChange);
    }
    case "list":
      return seen.sessions({
        ...(given(op.given) as Operations["list"]),
        limit: op.given.limit,
      } as never);
    case "messages":
      return seen.messages(op.given.session, op.given.page);
    case "copy": {
      const { upTo } = op.given;
      const fresh = {
        incarnation: 4000 + n,
        now: n,
        status: "failed",
        ...given({ upTo }),
      } as const;
      return seen.copySession(op.given.session, op.given.target, fresh as never);
    }
    case "remove":
      if (op.given.clears) return seen.clearMessages(op.given.session);
      return seen.deleteSession(op.given.session, op.given.since);
  }
}

/** All that every owner sees of every session. */
async function everything(storage: Storage): Promise<unknown> {
  const found: unknown[] = [];
  for (const scope of OWNERS) {
    const seen = view(storage, scope);
    found.push(await seen.sessions({ owner: {}, limit: 99 }));
    for (const id of SESSIONS) {
      found.push(await seen.session(id), await seen.sizes(id), await seen.messages(id, {}));
      found.push((await seen.itemSizes(id)).sort((a, b) => a.seq - b.seq));
      found.push((await seen.modelCalls(id)).sort((a, b) => (a.id < b.id ? -1 : 1)));
      found.push(await seen.namespaces(id), await seen.sessionWrites(id).then((w) => w.length));
    }
  }
  return found;
}

const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value ?? null), (_key, part: unknown) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });

async function compare(db: Database, sequence: readonly Operation[]): Promise<void> {
  const model = new MemoryStorage();
  for (const { id } of await db.storage.sessions({ owner: {}, limit: 99 })) {
    await db.storage.deleteSession(id);
  }
  for (const [n, op] of sequence.entries()) {
    const [expected, actual] = [await apply(model, op, n), await apply(db.storage, op, n)];
    assertSame(plain(actual), plain(expected), `${n}: ${op.kind}`);
  }
  assertSame(plain(await everything(db.storage)), plain(await everything(model)), "in the end");
}

export const sessionModelChecks: Checks = {
  "any sequence of calls on sessions, of any owner, does what the memory storage does": async (
    db,
  ) => {
    const sequences = fc.array(operation, { maxLength: 20, size: "max" });
    await fc.assert(
      fc.asyncProperty(sequences, (sequence) => compare(db, sequence)),
      runs(100),
    );
  },
};
