import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { Annotation, START, StateGraph } from "@langchain/langgraph";
import { Persistence, RollbackToolRegistry } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import { DURABILITIES } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { refusal } from "../src/refusal.js";

const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});

const TABLES = [
  "sessions",
  "messages",
  "agent_state",
  "state_items",
  "state_writes",
  "node_runs",
  "tool_journal",
  "model_calls",
];

const of = (id: string, owner: object) => ({ configurable: { thread_id: id, ...owner } });

/** Rows in every table. */
async function fill(
  db: Database,
  persistence: Persistence,
  id: string,
  owner: object,
): Promise<void> {
  const registry = persistence.rollbackToolRegistry;
  const write = {
    name: `write ${id}`,
    invoke: async (_input: unknown, _config: unknown) => "written",
  };
  registry.register(write, () => {});
  const graph = new StateGraph(State)
    .addNode("a", async (_state, config) => {
      await write.invoke({}, config);
      return { log: ["x".repeat(300)] };
    })
    .addEdge(START, "a")
    .compile({ checkpointer: persistence.checkpointer });
  await graph.invoke({ log: [] }, of(id, owner));
  await persistence.history(id).addMessages([new HumanMessage("secret")]);
  const call = {
    id: "c",
    messageId: null,
    model: "m",
    status: "ok",
    usage: null,
    error: null,
  } as const;
  const counts = { inputTokens: 1, outputTokens: 2, totalTokens: 3, latencyMs: 4, startedAt: 5 };
  const fresh = { incarnation: 1, now: 5, token: "t" };
  await db.storage.appendMessages(
    id,
    {},
    { messages: [], modelCalls: [{ ...call, ...counts }] },
    fresh,
  );
}

/** What a session has left, row by row. */
async function rowsOf(db: Database, id: string): Promise<unknown[]> {
  const { storage } = db;
  return [
    await storage.session(id),
    ...(await storage.sizes(id)),
    ...(await storage.list({ sessionId: id, limit: 9 })),
    ...(await storage.sessionWrites(id)),
    ...(await storage.nodeRuns(id)),
    ...(await storage.toolEvents(id)),
    ...(await storage.itemSizes(id)),
    ...(await storage.messages(id, {})),
    ...(await storage.modelCalls(id)),
  ].filter((row) => row !== undefined);
}

/** A graph that stops in the middle until it is told to go on. */
function paused(persistence: Persistence) {
  const gate = { open: () => {} };
  const opened = new Promise<void>((resolve) => {
    gate.open = resolve;
  });
  let hasBegun = () => {};
  const began = new Promise<void>((resolve) => {
    hasBegun = resolve;
  });
  const graph = new StateGraph(State)
    .addNode("a", () => ({ log: ["secret"] }))
    .addNode("b", async () => {
      hasBegun();
      await opened;
      return { log: ["late secret"] };
    })
    .addEdge(START, "a")
    .addEdge("a", "b")
    .compile({ checkpointer: persistence.checkpointer });
  return { graph, began, go: () => gate.open() };
}

export const sessionEraseChecks: Checks = {
  "an erased session leaves no row in any table, and its report counts them": async (db) => {
    const persistence = new Persistence(db.storage, {
      rollbackToolRegistry: new RollbackToolRegistry(),
    });
    await fill(db, persistence, "s", {});
    await fill(db, persistence, "t", {});
    const before = await db.storage.sizes("s");
    assertSame(before.map(({ table }) => table).sort(), [...TABLES].sort());
    assert.ok(
      before.every(({ rows }) => rows > 0),
      JSON.stringify(before),
    );
    const report = await persistence.erase("s");
    assertSame(report, {
      sessions: 1,
      rows: before.reduce((sum, { rows }) => sum + rows, 0),
      bytes: before.reduce((sum, { bytes }) => sum + bytes, 0),
      tables: Object.fromEntries(before.map(({ table, rows }) => [table, rows])),
    });
    assertSame(await rowsOf(db, "s"), []);
    assert.ok((await rowsOf(db, "t")).length > 8);
    assertSame(await persistence.erase("s"), { sessions: 0, rows: 0, bytes: 0, tables: {} });
  },

  "an owner is erased whole, and nobody else": async (db) => {
    const persistence = new Persistence(db.storage);
    const owners = [
      ["a", { tenant_id: "acme", user_id: "u" }],
      ["b", { tenant_id: "acme", user_id: "u" }],
      ["c", { tenant_id: "acme", user_id: "v" }],
      ["d", { tenant_id: "other", user_id: "u" }],
      ["e", {}],
    ] as const;
    for (const [id, owner] of owners) await fill(db, persistence, id, owner);
    const report = await persistence.sessions.erase({ tenantId: "acme", userId: "u" });
    assert.equal(report.sessions, 2);
    const left = async () =>
      (await persistence.sessions.list({ all: true })).sessions.map(({ id }) => id).sort();
    assertSame(await left(), ["c", "d", "e"]);
    assertSame((await persistence.erase({ userId: "u" })).sessions, 1);
    assertSame(await left(), ["c", "e"]);
  },

  "more sessions than one page has are erased": async (db) => {
    const persistence = new Persistence(db.storage);
    for (let i = 0; i < 120; i += 1) await persistence.sessions.create({ userId: "u" });
    assertSame((await persistence.erase({ userId: "u" })).sessions, 120);
    assertSame((await persistence.sessions.list({ userId: "u" })).sessions, []);
  },

  "a run under way cannot bring an erased session back, in this process or another": async (db) => {
    for (const durability of DURABILITIES) {
      for (const eraser of [undefined, new Persistence(db.storage)]) {
        const persistence = new Persistence(db.storage);
        const { graph, began, go } = paused(persistence);
        const id = `s ${durability}`;
        await graph.invoke({ log: [] }, { ...of(id, {}), interruptBefore: ["b"] });
        const running = refusal(() => graph.invoke(null, { ...of(id, {}), durability }));
        await began;
        await (eraser ?? persistence).erase(id);
        go();
        const error = await running;
        assert.equal(error.code, "THREAD_DELETED", durability);
        assertSame(await rowsOf(db, id), []);
      }
    }
  },

  "what is begun after an erasure is a new session": async (db) => {
    const persistence = new Persistence(db.storage);
    const { graph, go } = paused(persistence);
    go();
    await graph.invoke({ log: [] }, of("s", {}));
    await persistence.erase("s");
    const { log } = await graph.invoke({ log: ["new"] }, of("s", {}));
    assertSame(log, ["new", "secret", "late secret"]);
  },
};
