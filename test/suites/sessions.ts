import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { Persistence, type SessionListQuery } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";

/** A persistence whose clock stands until it is told to go on. */
function world(db: Database) {
  const time = { now: 1_000_000 };
  const persistence = new Persistence(db.storage, { clock: () => time.now });
  return { persistence, sessions: persistence.sessions, time };
}

/** All pages, and how many there were. */
async function pages(
  sessions: Persistence["sessions"],
  query: SessionListQuery,
): Promise<{ ids: string[]; count: number }> {
  const ids: string[] = [];
  for (let cursor: string | undefined, count = 1; ; count += 1) {
    const page = await sessions.list({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    ids.push(...page.sessions.map(({ id }) => id));
    cursor = page.cursor;
    if (cursor === undefined) return { ids, count };
  }
}

export const sessionChecks: Checks = {
  "a session comes back as it was made, metadata of every kind included": async (db) => {
    const { sessions } = world(db);
    const metadata = {
      since: new Date(7),
      big: 12n,
      tags: new Set(["a"]),
      nul: "\0\ud800",
      deep: [{ x: undefined }],
    };
    const owner = { tenantId: "acme", userId: "Ü", agentId: "a" };
    const made = await sessions.create({ id: "s", title: "Rom 2026", metadata, ...owner });
    assertSame(made, {
      ...{ id: "s", userId: "Ü", tenantId: "acme", agentId: "a", title: "Rom 2026", metadata },
      ...{ status: "done", createdAt: new Date(1_000_000), updatedAt: new Date(1_000_000) },
    });
    assertSame(await new Persistence(db.storage).sessions.get("s"), made);
    assertSame(await sessions.get("S"), undefined);
  },

  "a session without an id gets one of its own": async (db) => {
    const { sessions } = world(db);
    const [a, b] = await Promise.all([sessions.create(), sessions.create()]);
    assert.notEqual(a.id, b.id);
    assertSame(await sessions.get(a.id), a);
  },

  "a second session of an id is refused, and the first stays": async (db) => {
    const { sessions } = world(db);
    await sessions.create({ id: "s", title: "first" });
    const again = () => sessions.create({ id: "s", title: "second" });
    await assertRefused(again, "ALREADY_EXISTS", "createSession", /"s"/);
    assert.equal((await sessions.get("s"))?.title, "first");
    const many = await Promise.allSettled(
      Array.from({ length: 8 }, () => sessions.create({ id: "t" })),
    );
    assert.equal(many.filter(({ status }) => status === "fulfilled").length, 1);
  },

  "pages go from the last active one backwards, each session once, ties included": async (db) => {
    const { sessions, time } = world(db);
    const expected: string[] = [];
    for (let i = 0; i < 23; i += 1) {
      if (i % 5 === 0) time.now += 1;
      await sessions.create({
        id: `s${String(i).padStart(2, "0")}`,
        userId: i % 2 === 0 ? "u" : "v",
      });
      expected.unshift(`s${String(i).padStart(2, "0")}`);
    }
    assertSame(await pages(sessions, { all: true, limit: 4 }), { ids: expected, count: 6 });
    assertSame(await pages(sessions, { all: true, limit: 23 }), { ids: expected, count: 1 });
    const own = expected.filter((id) => Number(id.slice(1)) % 2 === 0);
    assertSame(await pages(sessions, { userId: "u", limit: 5 }), { ids: own, count: 3 });
    assertSame(await sessions.list({ userId: "U" }), { sessions: [], cursor: undefined });
    assertSame((await sessions.list({ all: true })).sessions.length, 20);
    assertSame(await sessions.list({ all: true, limit: 0 }), { sessions: [], cursor: undefined });
  },

  "a session that becomes active between two pages comes no second time": async (db) => {
    const { sessions, time, persistence } = world(db);
    for (const id of ["a", "b", "c", "d"]) {
      time.now += 1;
      await sessions.create({ id, userId: "u" });
    }
    const first = await sessions.list({ userId: "u", limit: 2 });
    time.now += 1;
    await persistence.history("d").addMessages([new HumanMessage("again")]);
    await persistence.history("a").addMessages([new HumanMessage("again")]);
    const second = await sessions.list({ userId: "u", limit: 9, cursor: first.cursor as string });
    const ids = [...first.sessions, ...second.sessions].map(({ id }) => id);
    assertSame(ids, ["d", "c", "b"]);
    const now = (await sessions.list({ userId: "u" })).sessions.map(({ id }) => id);
    assertSame(
      [now.slice(0, 2).sort(), now.slice(2)],
      [
        ["a", "d"],
        ["c", "b"],
      ],
    );
  },

  "titles are found by a part, whatever its case, and no character is a wildcard": async (db) => {
    const { sessions } = world(db);
    const titles = ["Order 66%", "order_6", "ÄRGER mit Straße!", "plain", "a\\b", "İstanbul"];
    for (const title of titles) await sessions.create({ title, userId: "u" });
    await sessions.create({ userId: "u" });
    const found = async (query: string) =>
      (await sessions.list({ userId: "u", query })).sessions.map(({ title }) => title).sort();
    assertSame(await found("ORDER"), ["Order 66%", "order_6"]);
    assertSame(await found("%"), ["Order 66%"]);
    assertSame(await found("_"), ["order_6"]);
    assertSame(await found("ärger"), ["ÄRGER mit Straße!"]);
    assertSame(await found("!"), ["ÄRGER mit Straße!"]);
    assertSame(await found("\\"), ["a\\b"]);
    assertSame(await found("' OR 1=1"), []);
    assertSame((await found("")).length, 7);
  },

  "title, metadata and archived are changed, and nothing else": async (db) => {
    const { sessions, time } = world(db);
    const made = await sessions.create({ id: "s", title: "old", metadata: { a: 1 }, userId: "u" });
    time.now += 5;
    const renamed = await sessions.update("s", { title: "new" });
    assertSame(renamed, { ...made, title: "new" });
    assertSame((await sessions.update("s", { metadata: { b: 2n } })).metadata, { b: 2n });
    const archived = await sessions.update("s", { archived: true });
    assertSame([archived.status, archived.archivedAt], ["archived", new Date(1_000_005)]);
    time.now += 5;
    const again = await sessions.update("s", { archived: true, title: null });
    assertSame([again.archivedAt, "title" in again], [new Date(1_000_005), false]);
    const back = await sessions.update("s", { archived: false, metadata: null });
    assertSame([back.status, "archivedAt" in back, back.metadata], ["done", false, {}]);
    assertSame((await sessions.list({ userId: "u", status: "archived" })).sessions, []);
    await assertRefused(
      () => sessions.update("t", { title: "x" }),
      "NOT_FOUND",
      "updateSession",
      /"t"/,
    );
  },

  "an unscoped list is asked for by name, and nothing that is missing widens one": async (db) => {
    const { sessions, persistence } = world(db);
    await sessions.create({ id: "s", tenantId: "acme", userId: "u" });
    const refused = [
      {},
      { limit: 5 },
      { tenantId: undefined },
      { tenantId: "acme", userId: undefined },
      { tenantId: null },
      { userId: "" },
      { all: false },
      { all: true, userId: "u" },
      { tenant: "acme" },
      { all: true, status: "waiting" },
      { all: true, status: [] },
      { all: true, limit: -1 },
      { all: true, limit: 1.5 },
      { all: true, limit: Number.NaN },
      { all: true, query: 7 },
      { all: true, cursor: "" },
      { all: true, cursor: "bogus" },
      { all: true, cursor: Buffer.from('["1","a"]').toString("base64url") },
      { all: true, cursor: 7 },
      null,
      "acme",
    ];
    for (const query of refused) {
      await assertRefused(() => sessions.list(query as never), "INVALID_ARGUMENT", "listSessions");
    }
    for (const target of [
      {},
      { tenantId: undefined },
      { userId: "" },
      { all: true },
      null,
      7,
      "",
    ]) {
      await assertRefused(() => persistence.erase(target as never), "INVALID_ARGUMENT", "erase");
    }
    for (const owner of [{}, { tenantId: undefined }, { tenantId: "" }, null]) {
      assert.throws(() => persistence.forOwner(owner as never), { code: "INVALID_ARGUMENT" });
    }
    assert.ok(await sessions.get("s"));
  },

  "bad sessions are refused before anything is written": async (db) => {
    const { sessions } = world(db);
    const bad = [
      { id: "" },
      { id: "x".repeat(256) },
      { id: "a\0" },
      { title: 7 },
      { title: "x".repeat(1001) },
      { title: "\ud800" },
      { metadata: [] },
      { metadata: null },
      { userId: undefined },
      { userId: 7 },
      { owner: "u" },
    ];
    for (const options of bad) {
      await assertRefused(
        () => sessions.create(options as never),
        "INVALID_ARGUMENT",
        "createSession",
      );
    }
    const unsafe = { metadata: { run: () => 1 } };
    await assertRefused(
      () => sessions.create(unsafe),
      "NOT_SERIALIZABLE",
      "createSession",
      /metadata\.run/,
    );
    assertSame((await sessions.list({ all: true })).sessions, []);
    await sessions.create({ id: "s", title: "t" });
    for (const changes of [{ title: 7 }, { archived: "yes" }, { metadata: 7 }, { userId: "u" }]) {
      await assertRefused(
        () => sessions.update("s", changes as never),
        "INVALID_ARGUMENT",
        "updateSession",
      );
    }
    const calls: Record<string, () => Promise<unknown>> = {
      getSession: () => sessions.get(""),
      deleteSession: () => sessions.delete(""),
      switchSession: () => sessions.switch(""),
    };
    for (const [name, call] of Object.entries(calls)) {
      await assertRefused(call, "INVALID_ARGUMENT", name);
    }
    assert.equal((await sessions.get("s"))?.title, "t");
  },

  "delete tells whether there was one; switch opens a stored one only": async (db) => {
    const { sessions } = world(db);
    await sessions.create({ id: "s", userId: "u" });
    assertSame((await sessions.switch("s")).id, "s");
    await assertRefused(() => sessions.switch("t"), "NOT_FOUND", "switchSession", /"t"/);
    assertSame([await sessions.delete("t"), await sessions.delete("s")], [false, true]);
    await assertRefused(() => sessions.switch("s"), "NOT_FOUND", "switchSession");
    assertSame(await sessions.get("s"), undefined);
  },
};
