import assert from "node:assert/strict";
import {
  Annotation,
  Command,
  END,
  entrypoint,
  interrupt,
  START,
  StateGraph,
  task,
} from "@langchain/langgraph";
import { Persistence } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";

const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});

type Work = (state: typeof State.State) => unknown;

/** Two nodes, one after the other. */
function twoNodes(persistence: Persistence, first: Work, second: Work, options: object = {}) {
  return new StateGraph(State)
    .addNode("first", first as never)
    .addNode("second", second as never)
    .addEdge(START, "first")
    .addEdge("first", "second")
    .addEdge("second", END)
    .compile({ checkpointer: persistence.checkpointer, ...options });
}

const says = (word: string) => () => ({ log: [word] });

async function statuses(db: Database): Promise<Record<string, string>> {
  const { sessions } = new Persistence(db.storage);
  const page = await sessions.list({ all: true });
  const found = page.sessions.map(({ id, status }) => [id, status] as const);
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const of = (id: string, extra: object = {}) => ({ configurable: { thread_id: id, ...extra } });

export const sessionStatusChecks: Checks = {
  "a run makes its session, with the owner that its config or context names": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = twoNodes(persistence, says("a"), says("b"));
    await graph.invoke({ log: [] }, of("s", { user_id: "u", tenant_id: "acme" }));
    await graph.invoke({ log: [] }, { ...of("t"), context: { userId: "v", agentId: 7 } } as never);
    const { sessions } = persistence;
    assertSame((await sessions.get("s"))?.status, "done");
    const [own] = (await sessions.list({ tenantId: "acme" })).sessions;
    assertSame([own?.id, own?.userId, own?.agentId], ["s", "u", undefined]);
    const [other] = (await sessions.list({ userId: "v" })).sessions;
    assertSame([other?.id, other?.agentId], ["t", "7"]);
  },

  "which threads wait for a human, failed, or run is one call": async (db) => {
    const persistence = new Persistence(db.storage);
    let isBroken = true;
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let began = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      began = resolve;
    });
    const asks = twoNodes(persistence, says("a"), () => ({ log: [interrupt("sure?")] }));
    const fails = twoNodes(persistence, says("a"), () => {
      if (isBroken) throw new Error("kaboom");
      return { log: ["mended"] };
    });
    const waits = twoNodes(persistence, says("a"), async () => {
      began();
      await released;
      return { log: ["b"] };
    });
    await asks.invoke({ log: [] }, of("asks", { user_id: "u" }));
    await assert.rejects(fails.invoke({ log: [] }, of("fails", { user_id: "u" })), /kaboom/);
    const running = waits.invoke(
      { log: [] },
      { ...of("waits", { user_id: "u" }), durability: "sync" },
    );
    await hasBegun;
    assertSame(await statuses(db), { asks: "interrupted", fails: "failed", waits: "running" });
    const { sessions } = persistence;
    for (const [id, status] of Object.entries(await statuses(db))) {
      const found = await sessions.list({ userId: "u", status: status as never });
      assertSame(
        found.sessions.map((session) => session.id),
        [id],
      );
    }
    const both = await sessions.list({ userId: "u", status: ["interrupted", "failed"] });
    assertSame(both.sessions.map(({ id }) => id).sort(), ["asks", "fails"]);
    release();
    isBroken = false;
    await running;
    await asks.invoke(new Command({ resume: "yes" }), of("asks"));
    await fails.invoke(null, of("fails"));
    assertSame(await statuses(db), { asks: "done", fails: "done", waits: "done" });
    assertSame((await sessions.list({ userId: "u", status: "done" })).sessions.length, 3);
  },

  "an archived session is nothing else, and is what it was when it is taken back": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = twoNodes(persistence, says("a"), () => ({ log: [interrupt("?")] }));
    await graph.invoke({ log: [] }, of("s", { user_id: "u" }));
    const { sessions } = persistence;
    await sessions.update("s", { archived: true });
    assertSame((await sessions.list({ userId: "u", status: "interrupted" })).sessions, []);
    assertSame((await sessions.list({ userId: "u", status: "archived" })).sessions[0]?.id, "s");
    assertSame((await sessions.update("s", { archived: false })).status, "interrupted");
  },

  "every durability tells the same in the end": async (db) => {
    const persistence = new Persistence(db.storage);
    const asks = twoNodes(persistence, says("a"), () => ({ log: [interrupt("?")] }));
    const fails = twoNodes(persistence, says("a"), () => {
      throw new Error("kaboom");
    });
    const ends = twoNodes(persistence, says("a"), says("b"));
    for (const durability of DURABILITIES) {
      await asks.invoke({ log: [] }, { ...of(`asks ${durability}`), durability });
      await fails.invoke({ log: [] }, { ...of(`fails ${durability}`), durability }).catch(() => {});
      await ends.invoke({ log: [] }, { ...of(`ends ${durability}`), durability });
    }
    const found = await statuses(db);
    for (const durability of DURABILITIES) {
      assertSame(found[`asks ${durability}`], "interrupted", durability);
      assertSame(found[`fails ${durability}`], "failed", durability);
      assertSame(found[`ends ${durability}`], "done", durability);
    }
  },

  "a question in a subgraph is the thread's; one that a node answers itself is not": async (db) => {
    const persistence = new Persistence(db.storage);
    const inner = new StateGraph(State)
      .addNode("ask", () => ({ log: [interrupt("?")] }))
      .addEdge(START, "ask")
      .compile();
    const outer = new StateGraph(State)
      .addNode("sub", inner)
      .addEdge(START, "sub")
      .compile({ checkpointer: persistence.checkpointer });
    await outer.invoke({ log: [] }, of("s"));
    assertSame(await statuses(db), { s: "interrupted" });
    await outer.invoke(new Command({ resume: "yes" }), of("s"));
    assertSame(await statuses(db), { s: "done" });
    const catches = twoNodes(persistence, says("a"), async () => {
      const broken = new StateGraph(State)
        .addNode("x", () => {
          throw new Error("inner");
        })
        .addEdge(START, "x")
        .compile();
      await broken.invoke({ log: [] }).catch(() => {});
      return { log: ["b"] };
    });
    await catches.invoke({ log: [] }, of("t"));
    assertSame((await statuses(db)).t, "done");
  },

  "a question beside a node that ends is still open": async (db) => {
    const persistence = new Persistence(db.storage);
    let ends = () => {};
    const hasAsked = new Promise<void>((resolve) => {
      ends = resolve;
    });
    const graph = new StateGraph(State)
      .addNode("ask", () => {
        setImmediate(ends);
        return { log: [interrupt("?")] };
      })
      .addNode("end", async () => {
        await hasAsked;
        return { log: ["end"] };
      })
      .addEdge(START, "ask")
      .addEdge(START, "end")
      .compile({ checkpointer: persistence.checkpointer });
    await graph.invoke({ log: [] }, of("s"));
    assertSame(await statuses(db), { s: "interrupted" });
    await graph.invoke(new Command({ resume: "ok" }), of("s"));
    assertSame(await statuses(db), { s: "done" });
  },

  "a functional graph is done, failed or interrupted likewise": async (db) => {
    const persistence = new Persistence(db.storage);
    const double = task("double", async (x: number) => 2 * x);
    const { checkpointer } = persistence;
    const ends = entrypoint({ checkpointer, name: "ends" }, async (x: number) => double(x));
    const asks = entrypoint({ checkpointer, name: "asks" }, async (x: number) => {
      await double(x);
      return interrupt("?") as string;
    });
    const fails = entrypoint({ checkpointer, name: "fails" }, async (_x: number) => {
      throw new Error("kaboom");
    });
    await ends.invoke(1, of("ends"));
    await asks.invoke(1, of("asks"));
    await assert.rejects(fails.invoke(1, of("fails")), /kaboom/);
    assertSame(await statuses(db), { asks: "interrupted", ends: "done", fails: "failed" });
    await asks.invoke(new Command({ resume: "yes" }), of("asks"));
    assertSame((await statuses(db)).asks, "done");
  },

  "a stop before a node is a question where persistence.run made it": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = twoNodes(persistence, says("a"), says("b"), { interruptBefore: ["second"] });
    await persistence.run(graph, { log: [] }, threadConfig("s"));
    assertSame(await statuses(db), { s: "interrupted" });
    await persistence.run(graph, null, threadConfig("s"));
    assertSame(await statuses(db), { s: "done" });
  },

  "rollback, execution points and tombstones tell what is left to run": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = twoNodes(persistence, says("a"), says("b"));
    await graph.invoke({ log: [] }, threadConfig("s"));
    const [, before] = await persistence.listCheckpoints("s");
    await persistence.rollbackToCheckpoint("s", before?.checkpointId as string, { graph });
    assertSame(await statuses(db), { s: "running" });
    await persistence.run(graph, null, threadConfig("s"));
    assertSame(await statuses(db), { s: "done" });
    await persistence.setExecutionPoint("s", { nodePath: "second", graph, reopen: true } as never);
    assertSame(await statuses(db), { s: "running" });
    await persistence.createTombstoneCheckpoint("s");
    assertSame(await statuses(db), { s: "done" });
  },

  "a thread that nobody asks anything is not rewritten by its status": async (db) => {
    const persistence = new Persistence(db.storage, { clock: () => 5000 });
    const graph = twoNodes(persistence, says("a"), says("b"));
    await graph.invoke({ log: [] }, threadConfig("s"));
    const before = await db.storage.session("s");
    assertSame([before?.createdAt, before?.updatedAt, before?.endedAt], [5000, 5000, null]);
  },
};
