import assert from "node:assert/strict";
import type { Batch, Guard, Owner, Storage } from "@threadkeep/core/backend";
import type { Checks, Database } from "../src/harness.js";
import { ROWS, recordOf } from "../src/session-rows.js";
import { session } from "../src/snapshot.js";

const ID = "theirs";
const THEIRS: Owner = { tenantId: "acme", userId: "ada", agentId: "helper" };
const FRESH = { incarnation: 7, now: 2, token: "mine" };
const MESSAGES = ROWS.messages.map((message) => ({ ...message, id: "mine", key: null }));

const batchOf = (guard: Guard, owner: Owner): Batch => ({
  ...{ sessionId: ID, owner, expected: guard, next: { ...guard, token: "mine" } },
  ...{ now: 2, touch: false, items: [], checkpoints: [], writes: [], nodeRuns: [], toolEvents: [] },
});

type Call = (mine: Storage, guard: Guard, owner: Owner) => Promise<unknown>;

/** Every method but those that touch no session. */
type Method = Exclude<keyof Storage, "setup" | "close" | "scoped">;

/** What a storage of another owner answers, who knows everything but is somebody else. */
const ABSENT: Readonly<Record<Method, readonly [answer: unknown, ...calls: Call[]]>> = {
  guard: [undefined, (mine) => mine.guard(ID)],
  session: [undefined, (mine) => mine.session(ID)],
  checkpoint: [
    undefined,
    (mine) => mine.checkpoint(ID, "", "c"),
    (mine) => mine.checkpoint(ID, "", undefined),
  ],
  writes: [[], (mine) => mine.writes(ID, "", "c")],
  sessionWrites: [[], (mine) => mine.sessionWrites(ID)],
  nodeRuns: [[], (mine) => mine.nodeRuns(ID), (mine) => mine.nodeRuns(ID, ["c"])],
  toolEvents: [[], (mine) => mine.toolEvents(ID), (mine) => mine.toolEvents(ID, "c")],
  items: [[], (mine, guard) => mine.items(ID, [[1, 9]], guard)],
  list: [
    [],
    (mine) => mine.list({ limit: 9 }),
    (mine) => mine.list({ id: "c", limit: 9 }),
    (mine) => mine.list({ ns: "", beforeId: "d", limit: 9 }),
    (mine) => mine.list({ after: { sessionId: "", id: "d", version: 1 }, limit: 9 }),
    (mine) => mine.list({ sessionId: ID, limit: 9 }),
    (mine) => mine.list({ sessionId: ID, name: "cp", limit: 9 }),
    (mine) => mine.list({ sessionId: ID, ns: "", beforeVersion: 9, limit: 9 }),
  ],
  versions: [[], (mine) => mine.versions(ID, "c")],
  ancestors: [[], (mine) => mine.ancestors(ID, "", "d", 9)],
  ancestorWrites: [[], (mine) => mine.ancestorWrites(ID, "", "d", 9, ["c"])],
  namespaces: [[], (mine) => mine.namespaces(ID)],
  runCheckpoints: [[], (mine) => mine.runCheckpoints("run")],
  sessions: [
    [],
    (mine) => mine.sessions({ owner: {}, limit: 9 }),
    (mine) => mine.sessions({ owner: THEIRS, statuses: ["done"], query: "mine", limit: 9 }),
    (mine) => mine.sessions({ owner: {}, after: { updatedAt: 9, id: "z" }, limit: 9 }),
    (mine) => mine.sessions({ owner: {}, updatedBefore: 9, limit: 9 }),
  ],
  sizes: [[], (mine) => mine.sizes(ID)],
  itemSizes: [[], (mine) => mine.itemSizes(ID)],
  messages: [
    [],
    (mine) => mine.messages(ID, {}),
    (mine) => mine.messages(ID, { before: 9, limit: 9 }),
    (mine) => mine.messages(ID, { from: 1, roles: ["human"] }),
  ],
  modelCalls: [[], (mine) => mine.modelCalls(ID)],
  commit: [
    false,
    (mine, guard, owner) => mine.commit(batchOf(guard, owner)),
    (mine, guard, owner) => mine.commit({ ...batchOf(guard, owner), touch: true, status: null }),
    (mine, guard, owner) =>
      mine.commit({
        ...batchOf(guard, owner),
        remove: { checkpoints: [{ ns: "", id: "c" }], items: [[1, 9]] },
      }),
    (mine, guard, owner) => mine.commit({ ...batchOf(guard, owner), expected: undefined }),
  ],
  insertSession: [false, (mine, _, owner) => mine.insertSession(recordOf(ID, owner), ROWS)],
  updateSession: [false, (mine) => mine.updateSession(ID, { title: "x", endedAt: 1 })],
  deleteSession: [false, (mine) => mine.deleteSession(ID), (mine) => mine.deleteSession(ID, 9)],
  copySession: [undefined, (mine) => mine.copySession(ID, "copy", FRESH)],
  appendMessages: [
    false,
    (mine, _, owner) => mine.appendMessages(ID, owner, { messages: MESSAGES }, FRESH),
    (mine, { incarnation }, owner) =>
      mine.appendMessages(ID, owner, { messages: MESSAGES }, { ...FRESH, only: incarnation }),
  ],
  clearMessages: [undefined, (mine) => mine.clearMessages(ID)],
};

const STRANGERS: readonly Owner[] = [
  { tenantId: "globex" },
  { tenantId: "globex", userId: "ada" },
  { tenantId: "acme", userId: "bob" },
  { ...THEIRS, agentId: "other" },
  { userId: "bob" },
  { agentId: "other" },
];

async function look({ storage }: Database): Promise<unknown> {
  const sessions = await storage.sessions({ owner: {}, limit: 9 });
  const found = [];
  for (const { id } of sessions)
    found.push(await session(storage, id), await storage.modelCalls(id));
  return { sessions, found };
}

export const scopeChecks: Checks = {
  "a storage in an owner's scope shows and changes nothing of others, method by method": async (
    db,
  ) => {
    assert.equal(await db.storage.insertSession(recordOf(ID, THEIRS), ROWS), true);
    const guard = await db.storage.guard(ID);
    assert.ok(guard !== undefined);
    const child = { ...ROWS.checkpoints[0]!, id: "d", parentId: "c", version: 2, name: null };
    const next = { ...guard, nextVersion: 3, token: "theirs" };
    const batch = { ...batchOf(guard, THEIRS), next, checkpoints: [child] };
    assert.equal(await db.storage.commit(batch), true);
    const before = await look(db);
    for (const owner of STRANGERS) {
      const mine = db.storage.scoped(owner);
      for (const [name, [answer, ...calls]] of Object.entries(ABSENT)) {
        for (const [i, call] of calls.entries()) {
          const what = `${name} ${i} of ${JSON.stringify(owner)}`;
          assert.deepEqual(await call(mine, next, owner), answer, what);
          assert.deepEqual(await look(db), before, what);
        }
      }
    }
  },

  "a storage in its owner's scope shows and changes what it is to": async (db) => {
    for (const [owner, scope] of [
      [THEIRS, THEIRS],
      [THEIRS, { tenantId: "acme" }],
      [THEIRS, { userId: "ada" }],
    ] as const) {
      await db.storage.insertSession(recordOf(ID, owner), ROWS);
      const guard = (await db.storage.guard(ID)) as Guard;
      const mine = db.storage.scoped(scope);
      const writing = ["insertSession", "clearMessages", "deleteSession"];
      for (const [name, [answer, call]] of Object.entries(ABSENT)) {
        if (writing.includes(name) || name.startsWith("ancestor")) continue;
        const found = await (call as Call)(mine, guard, owner);
        assert.notDeepEqual(found, answer, `${name} of ${JSON.stringify(scope)}`);
      }
      await mine.clearMessages(ID);
      assert.deepEqual(await db.storage.messages(ID, {}), []);
      assert.equal(await mine.deleteSession(ID), true);
      assert.equal(await mine.deleteSession("copy"), true);
      assert.deepEqual(await look(db), { sessions: [], found: [] });
    }
  },
};
