import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { Annotation, Command, interrupt, START, StateGraph } from "@langchain/langgraph";
import { MemoryStorage, Persistence } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import { DURABILITIES } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { Gate, line } from "../src/persistence.js";
import { assertRefused, refusal } from "../src/refusal.js";

const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});

const of = (id: string) => ({ configurable: { thread_id: id } });

/** Two questions at once, and a node beside them that asks nothing. */
function asking({ checkpointer }: Persistence, isNested: boolean) {
  const node = (name: string) => () => ({ log: [`${name}: ${interrupt(`${name}?`)}`] });
  const inner = (name: string) =>
    new StateGraph(State).addNode("ask", node(name)).addEdge(START, "ask").compile();
  return new StateGraph(State)
    .addNode("a", isNested ? inner("a") : node("a"))
    .addNode("b", () => ({ log: ["b"] }))
    .addNode("c", isNested ? inner("c") : node("c"))
    .addEdge(START, "a")
    .addEdge(START, "b")
    .addEdge(START, "c")
    .compile({ checkpointer });
}

interface Asked {
  readonly __interrupt__?: readonly { readonly id: string }[];
}

/** Sessions of tenant A of one last activity, some of which stand under another id. */
async function crowd(db: Database, free: number) {
  const time = { now: 1000 };
  const persistence = new Persistence(db.storage, { clock: () => time.now });
  const own = persistence.forOwner({ tenantId: "A" });
  const ids = Array.from({ length: 6 + free }, (_, i) => `k${i}`);
  for (const [i, id] of ids.entries()) {
    if (i < 6) await persistence.sessions.create({ id, tenantId: "B" });
    await own.sessions.create({ id });
  }
  const lefts = async (tenantId: string) =>
    (await persistence.sessions.list({ tenantId, limit: 99 })).sessions.length;
  return { time, own, ids, lefts };
}

/** A run that waits in its node while its session is removed. */
async function removedBeside(
  db: Database,
  durability: (typeof DURABILITIES)[number],
  remove: (persistence: Persistence, id: string) => Promise<unknown>,
): Promise<void> {
  const [here, there] = [new Persistence(db.storage), new Persistence(await db.connect())];
  const [begun, gate] = [new Gate(), new Gate()];
  const graph = line({
    n: async () => {
      begun.open();
      await gate.opened;
      return { trail: ["late"] };
    },
  }).compile({ checkpointer: there.checkpointer });
  const id = `of ${durability}`;
  await here.sessions.create({ id, userId: "u" });
  const config = { configurable: { thread_id: id, user_id: "u" }, durability };
  const running = refusal(() => graph.invoke({ trail: [] }, config));
  await begun.opened;
  await remove(here, id);
  gate.open();
  assert.equal((await running).code, "THREAD_DELETED", durability);
  assertSame(await new Persistence(db.storage).sessions.get(id), undefined, durability);
  assertSame(await db.storage.list({ sessionId: id, limit: 9 }), []);
}

const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString("base64url");

const BAD_CHANGES: readonly unknown[] = [
  ...["", 0, false, [], "text", 7].map((metadata) => ({ metadata })),
  ...[0, false, 7, [], {}, "x".repeat(1001)].map((title) => ({ title })),
  ...[null, undefined, 5, "title", []],
];

/** What becomes of a title that says nothing. */
async function emptyTitle({ sessions }: Persistence): Promise<unknown> {
  const outcome = (call: Promise<{ title?: string }>) =>
    call.then(
      ({ title }) => ({ title }),
      ({ code }) => code,
    );
  await sessions.create({ id: "titled", title: "t" });
  const updated = await outcome(sessions.update("titled", { title: "" }));
  const stored = { title: (await sessions.get("titled"))?.title };
  return [updated, stored, await outcome(sessions.create({ id: "untitled", title: "" }))];
}

export const sessionEdgeChecks: Checks = {
  "a change that is none is refused, whatever it may pass for, and changes nothing": async (db) => {
    const persistence = new Persistence(db.storage);
    const { sessions } = persistence;
    await sessions.create({ id: "s", title: "t", metadata: { a: 1 } });
    const before = await db.storage.session("s");
    for (const changes of BAD_CHANGES) {
      const error = await refusal(() => sessions.update("s", changes as never));
      const what = `${JSON.stringify(changes)}: ${error.message}`;
      assertSame([error.code, error.operation], ["INVALID_ARGUMENT", "updateSession"], what);
      assertSame(await db.storage.session("s"), before, what);
    }
    const titles = await emptyTitle(persistence);
    assertSame(titles, await emptyTitle(new Persistence(new MemoryStorage())));
    assert.equal((await sessions.list({ all: true })).sessions[0]?.metadata !== undefined, true);
  },

  "expire goes through all sessions of an owner, whatever ids they are stored under": async (
    db,
  ) => {
    for (const [free, batchSize] of [[0, 1] as const, [5, 2] as const]) {
      const { time, own, ids, lefts } = await crowd(db, free);
      time.now += 60_000;
      const seen: string[] = [];
      const report = await own.expire(
        { tenantId: "A" },
        { ttl: "30s", batchSize, onProgress: ({ session }) => void seen.push(session) },
      );
      assertSame([report.sessions, await lefts("A"), await lefts("B")], [ids.length, 0, 6]);
      assertSame(seen.sort(), [...ids].sort());
      await new Persistence(db.storage).erase({ tenantId: "B" });
    }
  },

  "pages go on where the session before them is deleted meanwhile": async (db) => {
    for (const [free, limit] of [[0, 1] as const, [5, 2] as const]) {
      const { own, ids, lefts } = await crowd(db, free);
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await own.sessions.list({
          ...{ tenantId: "A", limit },
          ...(cursor === undefined ? {} : { cursor }),
        });
        seen.push(...page.sessions.map(({ id }) => id));
        for (const { id } of page.sessions) assert.equal(await own.sessions.delete(id), true);
        cursor = page.cursor;
      } while (cursor !== undefined);
      assertSame(seen.sort(), [...ids].sort());
      assertSame([await lefts("A"), await lefts("B")], [0, 6]);
      await new Persistence(db.storage).erase({ tenantId: "B" });
    }
  },

  "a session that was removed beside its first run does not come back": async (db) => {
    for (const durability of DURABILITIES) {
      await removedBeside(db, durability, ({ sessions }) => sessions.erase({ userId: "u" }));
      await removedBeside(db, durability, ({ sessions }, id) => sessions.delete(id));
      await removedBeside(db, durability, async (persistence, id) => {
        await persistence.erase(id);
        await persistence.sessions.create({ id: "another", userId: "u" });
        await persistence.sessions.delete("another");
      });
    }
  },

  "a session waits until all of its questions are answered": async (db) => {
    for (const isNested of [false, true]) {
      for (const durability of DURABILITIES) {
        const id = `${durability} ${isNested}`;
        const config = { ...of(id), durability };
        const said: (string | undefined)[] = [];
        let questions: Asked["__interrupt__"];
        let input: unknown = { log: [] };
        for (let step = 0; step < 3; step += 1) {
          const process = new Persistence(db.storage);
          const asked = (await asking(process, isNested).invoke(input as never, config)) as Asked;
          said.push((await new Persistence(db.storage).sessions.get(id))?.status);
          questions = asked.__interrupt__;
          if (questions?.[0] !== undefined) {
            input = new Command({ resume: { [questions[0].id]: "yes" } });
          }
        }
        assertSame(said, ["interrupted", "interrupted", "done"], id);
        assert.equal(questions?.length ?? 0, 0);
      }
    }
  },

  "the same where one process asks and answers": async (db) => {
    const persistence = new Persistence(db.storage);
    const graph = asking(persistence, false);
    for (const durability of DURABILITIES) {
      const config = { ...of(durability), durability };
      const status = async () => (await persistence.sessions.get(durability))?.status;
      const first = (await graph.invoke({ log: [] }, config)) as Asked;
      assert.equal(await status(), "interrupted", durability);
      const resume = (asked: Asked) =>
        graph.invoke(
          new Command({ resume: { [asked.__interrupt__?.[0]?.id ?? ""]: "y" } }),
          config,
        );
      const second = (await resume(first)) as Asked;
      assert.equal(await status(), "interrupted", durability);
      const waiting = await persistence.sessions.list({ all: true, status: "interrupted" });
      assert.equal(waiting.sessions.length, 1, durability);
      await resume(second);
      assert.equal(await status(), "done", durability);
    }
  },

  "a cursor that no list has returned is refused before the database is asked": async (db) => {
    const { sessions } = new Persistence(db.storage);
    await sessions.create({ id: "s" });
    const bad = [
      ...["a\0b", "\ud800", "", "x".repeat(300), "é".repeat(200)].map((id) => cursor(1, id)),
      ...[cursor(1.5, "a"), cursor("1", "a"), cursor(1, "a", "b"), cursor(null, "a"), cursor(1)],
    ];
    for (const one of bad) {
      const list = () => sessions.list({ all: true, cursor: one });
      await assertRefused(list, "INVALID_ARGUMENT", "listSessions");
    }
  },

  "a part of a title is no longer than a title": async (db) => {
    const { sessions } = new Persistence(db.storage);
    await sessions.create({ title: "x".repeat(1000) });
    const found = async (length: number) =>
      (await sessions.list({ all: true, query: "x".repeat(length) })).sessions.length;
    assert.equal(await found(1000), 1);
    for (const length of [1001, 60_000]) {
      await assertRefused(() => found(length), "INVALID_ARGUMENT", "listSessions", /query/);
    }
  },

  "what is no option, graph or window is refused as a bad argument": async (db) => {
    const persistence = new Persistence(db.storage);
    await persistence.history("s").addMessages([new HumanMessage("hi")]);
    const before = await db.storage.session("s");
    const calls: Readonly<Record<string, () => unknown>> = {
      "plugin null": () => persistence.plugin(null as never),
      "plugin 5": () => persistence.plugin(5 as never),
      "repair graph 5": () => persistence.repair("s", { graph: 5 as never }),
      "repair graph null": () => persistence.repair("s", { graph: null as never }),
      "window null": () => persistence.history("s").getMessages(null as never),
      "window 5": () => persistence.history("s").getMessages(5 as never),
      "page null": () => persistence.history("s").getPage(null as never),
      "owner null": () => persistence.history("s", null as never),
    };
    for (const [name, call] of Object.entries(calls)) {
      const refused = { name: "StorageError", code: "INVALID_ARGUMENT" };
      await assert.rejects(async () => call(), refused, name);
    }
    assertSame(await db.storage.session("s"), before);
  },

  "nobody makes everybody's session": async (db) => {
    const persistence = new Persistence(db.storage);
    for (const { sessions } of [persistence, persistence.forOwner({ tenantId: "A" })]) {
      for (const all of [true, false, undefined]) {
        const make = () => sessions.create({ all } as never);
        await assertRefused(make, "INVALID_ARGUMENT", "createSession");
      }
    }
    assertSame((await persistence.sessions.list({ all: true })).sessions, []);
  },
};
