import assert from "node:assert/strict";
import { MemoryStorage, type StorageErrorCode } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { assertRefused, refusal } from "../src/refusal.js";
import { everything, session } from "../src/snapshot.js";
import { fill, type Moving, moving, sealed, textOf } from "./export-world.js";
import { sessionIds } from "./retention-world.js";

type Row = Record<string, unknown>;
interface Line {
  table: string;
  row: Row;
}

/** Changes a line of the file, whose end then fits again. */
const edit =
  (table: string, change: (line: Line) => unknown) =>
  (lines: Line[]): void => {
    const at = lines.findIndex((line) => line.table === table);
    assert.ok(at > 0, table);
    lines[at] = (change(lines[at] as Line) ?? lines[at]) as Line;
  };

const set = (table: string, field: string, value: unknown) =>
  edit(table, ({ row }) => {
    row[field] = value;
  });

const twice =
  (table: string, change: Row = {}) =>
  (lines: Line[]) => {
    const line = lines.find((one) => one.table === table) as Line;
    lines.push({ table, row: { ...line.row, ...change } });
  };

const header = (change: (header: Row, session: Row) => unknown) => (lines: Line[]) =>
  change(lines[0] as never, (lines[0] as unknown as { session: Row }).session);

/** Edits by hand that no version of the library would make. */
const EDITS: readonly (readonly [pattern: RegExp, change: (lines: Line[]) => void])[] = [
  [/no table "sessions"/, edit("messages", ({ row }) => ({ table: "sessions", row }))],
  [/no table "__proto__"/, edit("messages", ({ row }) => ({ table: "__proto__", row }))],
  [/no field "more"/, set("messages", "more", 1)],
  [/no field "more"/, edit("messages", (line) => ({ ...line, more: 1 }))],
  [/lacks row/, edit("messages", ({ table }) => ({ table }))],
  [/lacks content/, edit("messages", ({ row }) => void delete row.content)],
  [/row must be an object/, edit("messages", ({ table }) => ({ table, row: [] }))],
  [/is no object/, edit("messages", () => "text")],
  [/position/, set("messages", "position", "1")],
  [/position/, set("messages", "position", 0)],
  [/position/, set("messages", "position", 99)],
  [/position/, set("messages", "position", 1.5)],
  [/content/, set("messages", "content", "no JSON")],
  ...["{}", "1", '{"class":"text","message":"hi"}', '{"class":"HumanMessage","message":[]}'].map(
    (content) => [/content is no/, set("messages", "content", content)] as const,
  ),
  [/content is no/, set("messages", "content", '{"class":"NoMessage","message":{}}')],
  [/metadata is not JSON/, set("messages", "metadata", "no JSON")],
  [/metadata is no object/, set("messages", "metadata", "1")],
  [/usage is not JSON/, set("model_calls", "usage", "no JSON")],
  [/usage is no object/, set("model_calls", "usage", "[]")],
  [/createdAt/, set("messages", "createdAt", 8.64e15 + 1)],
  [/createdAt/, set("agent_state", "createdAt", -8.64e15 - 1)],
  [/startedAt/, set("model_calls", "startedAt", 9e15)],
  [/endedAt/, set("node_runs", "endedAt", 9e15)],
  [/createdAt/, set("tool_journal", "createdAt", 9e15)],
  [/updatedAt/, header((_, row) => Object.assign(row, { updatedAt: 9e15 }))],
  [/metadata is not JSON/, header((_, row) => Object.assign(row, { metadata: "no JSON" }))],
  [/role/, set("messages", "role", "")],
  [/message|NUL/, set("messages", "id", "a\0")],
  [/id/, set("agent_state", "id", "x".repeat(256))],
  [/version/, set("agent_state", "version", 1e6)],
  [/tombstone/, set("agent_state", "tombstone", 0)],
  [/state/, set("agent_state", "state", { v: 4 })],
  [/createdAt/, set("agent_state", "createdAt", "2026")],
  [/surrogates/, set("agent_state", "label", "\ud800")],
  [/idx/, set("state_writes", "idx", null)],
  [/value/, set("state_writes", "value", "'; DROP TABLE sessions; --")],
  [/status/, set("node_runs", "status", "done")],
  [/kind/, set("node_runs", "kind", "")],
  [/attempt/, set("node_runs", "attempt", -1)],
  [/callId/, set("tool_journal", "callId", 7)],
  [/latencyMs/, set("model_calls", "latencyMs", 0.5)],
  [/seq/, set("state_items", "seq", 10_000)],
  [/type/, set("state_items", "type", null)],
  [/already/, twice("messages")],
  [/already/, twice("messages", { position: 3, key: "k0" })],
  [/already/, twice("agent_state")],
  [/already/, twice("agent_state", { id: "other" })],
  [/already/, twice("state_writes")],
  [/already/, twice("node_runs")],
  [/already/, twice("tool_journal")],
  [/already/, twice("model_calls")],
  [/already/, twice("state_items")],
  [/no exported session/, header((head) => Object.assign(head, { format: "other" }))],
  [/version/, header((head) => Object.assign(head, { version: "1" }))],
  [/no field/, header((head) => Object.assign(head, { more: 1 }))],
  [/session.id/, header((_, row) => Object.assign(row, { id: "" }))],
  [/status/, header((_, row) => Object.assign(row, { status: "done" }))],
  [/lacks title/, header((_, row) => void delete row.title)],
  [/no field/, header((_, row) => Object.assign(row, { guard: {} }))],
  [/owner/, header((_, row) => Object.assign(row, { owner: null }))],
  [/owner/, header((_, row) => Object.assign(row, { owner: { tenantId: 1 } }))],
  [/owner/, header((_, row) => Object.assign(row, { owner: { tenant: "a" } }))],
  [/createdAt/, header((_, row) => Object.assign(row, { createdAt: null }))],
];

async function unchanged(db: Database, check: () => Promise<void>): Promise<void> {
  const ids = await sessionIds(db.storage);
  const all = async () => [
    await everything(db.storage),
    await Promise.all(ids.map((id) => session(db.storage, id))),
  ];
  const before = await all();
  await check();
  assertSame(await sessionIds(db.storage), ids);
  assertSame(await all(), before);
}

export const exportBadInputChecksOf = ({ exportSession, importSession }: Moving): Checks => ({
  "a file that was cut anywhere is refused, and nothing is written": async (db) => {
    await fill(db.storage);
    const text = await textOf(exportSession(db.storage, "asking"));
    const bytes = Buffer.from(text);
    const ends = [...text].flatMap((c, i) => (c === "\n" ? [i, i + 1] : []));
    const cuts = [0, 1, 9, ...ends.slice(0, -1), text.length - 2, text.length - 70];
    const refuse = (source: Iterable<string | Uint8Array>) =>
      assertRefused(
        () => importSession(db.storage, source, { as: "new" }),
        "CORRUPT",
        "importSession",
      );
    await unchanged(db, async () => {
      for (const at of cuts) await refuse([text.slice(0, at)]);
      for (let at = 100; at < bytes.length - 1; at += 997) await refuse([bytes.subarray(0, at)]);
      for (let at = 100; at < bytes.length; at += 1999) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] as number) ^ 1;
        await refuse([changed]);
      }
      await refuse([text, "\n"]);
      await refuse([text, text]);
      await refuse(["\ufeff", text]);
      await refuse([text.replaceAll("\n", "\r\n")]);
      await refuse([new Uint8Array([0xff, 0xfe]), text]);
      await refuse([new Uint8Array([0xf0, 0x9f]), text]);
      await refuse([text.split("\n").toReversed().join("\n")]);
    });
  },

  "a file that was edited by hand is refused, with the line": async (db) => {
    await fill(db.storage);
    const text = await textOf(exportSession(db.storage, "asking"));
    const lines = text.trimEnd().split("\n");
    const { guard } = JSON.parse(lines.pop() as string) as { guard: object };
    await importSession(new MemoryStorage(), [sealed(lines, { guard })]);
    await unchanged(db, async () => {
      for (const [i, [pattern, change]] of EDITS.entries()) {
        const edited = lines.map((line) => JSON.parse(line) as Line);
        change(edited);
        const file = sealed(
          edited.map((line) => JSON.stringify(line)),
          { guard },
        );
        const call = () => importSession(db.storage, [file], { as: "new" });
        const error = await refusal(call).catch((error) =>
          assert.fail(`${i}, ${pattern}: ${error}`),
        );
        assert.equal(error.code, "CORRUPT", `${i}: ${error.message}`);
        assert.match(error.message, /line \d+: /);
        assert.match(error.message, pattern, String(i));
      }
      for (const end of [{ guard: {} }, { guard: { ...guard, nextItem: 0 } }, { guard, more: 1 }]) {
        const file = [sealed(lines, end)];
        const call = () => importSession(db.storage, file, { as: "new" });
        await assertRefused(call, "CORRUPT", "importSession");
      }
    });
  },

  "a newer file, a taken id and bad arguments are refused by their own codes": async (db) => {
    await fill(db.storage);
    const text = await textOf(exportSession(db.storage, "chat"));
    const newer = text.replace('"version":1', '"version":2');
    const call = async (code: StorageErrorCode, source: unknown, options?: unknown) =>
      assertRefused(
        () => importSession(db.storage, source as never, options as never),
        code,
        "importSession",
      );
    await unchanged(db, async () => {
      await call("SCHEMA_NEWER", [newer], { as: "new" });
      await call("SCHEMA_NEWER", [newer.split("\n")[0], "\n"], { as: "new" });
      await call("ALREADY_EXISTS", [text]);
      await call("ALREADY_EXISTS", [text], { as: "asking" });
      for (const source of [undefined, null, 1, {}, [1], [null], [["a"]]]) {
        await call("INVALID_ARGUMENT", source, { as: "new" });
      }
      for (const options of [null, 1, [], { as: "" }, { as: 1 }, { as: "a\0" }, { id: "new" }]) {
        await call("INVALID_ARGUMENT", [text], options);
      }
      for (const [code, id] of [
        ["NOT_FOUND", "never was"],
        ["INVALID_ARGUMENT", ""],
        ["INVALID_ARGUMENT", 1],
        ["INVALID_ARGUMENT", undefined],
      ] as const) {
        const read = () => textOf(exportSession(db.storage, id as string));
        await assertRefused(read, code, "exportSession");
        await assertRefused(() => started(db.storage).stats(id as string), code, "stats");
      }
    });
  },

  "a source that fails ends the import with its own error": async (db) => {
    await fill(db.storage);
    const text = await textOf(exportSession(db.storage, "chat"));
    let isClosed = false;
    async function* failing() {
      try {
        yield text.slice(0, 5000);
        throw new RangeError("the disk broke");
      } finally {
        isClosed = true;
      }
    }
    await unchanged(db, async () => {
      await assert.rejects(importSession(db.storage, failing(), { as: "new" }), RangeError);
    });
    assert.ok(isClosed);
  },
});

export const exportBadInputChecks: Checks = exportBadInputChecksOf(moving);
