import { AIMessage, HumanMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import type { NodeRun, Session, SessionStats, TranscriptMessage } from "@threadkeep/core";
import { describe, expect, test } from "vitest";
import { type Paint, paintFor } from "../packages/threadkeep/src/render/paint.js";
import { renderErased } from "../packages/threadkeep/src/render/reports.js";
import { renderSessions } from "../packages/threadkeep/src/render/sessions.js";
import { renderShown, type Shown } from "../packages/threadkeep/src/render/show.js";
import { renderStats, renderSums } from "../packages/threadkeep/src/render/stats.js";
import { addSession, NO_SUMS } from "../packages/threadkeep/src/sums.js";
import type { Screen } from "../packages/threadkeep/src/terminal.js";

const NOW = new Date("2026-02-03T12:00:00Z");
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);
const DAY = 86_400;

/** Colours, a new title for the window, the 8-bit way to clear the screen, text from right to left. */
const EVIL = "\u001b[31mred\u001b]0;title\u0007 \u009b2J \u202egnp.exe";
const TAMED = "␛[31mred␛]0;title␇ <9b>2J <202e>gnp.exe";

const screen = (columns: number, env = {}): Paint =>
  paintFor({ isTTY: true, columns } as Screen, { NO_COLOR: "1", ...env }, NOW);
const lines = (...text: string[]) => `${text.join("\n")}\n`;

const session = (id: string, more: Partial<Session> = {}): Session => ({
  id,
  metadata: {},
  status: "done",
  createdAt: ago(2 * DAY),
  updatedAt: ago(200),
  ...more,
});

const UUID = "0b7c1f9e-6f0a-4b52-9a77-0c2c7c1f6f01";
const sessions = [
  session(UUID, { title: "Rome", tenantId: "acme", userId: "anna", status: "running" }),
  session("s2", { title: "日本語の題名です", tenantId: "acme", status: "interrupted" }),
  session(EVIL, { title: EVIL, tenantId: "globex", status: "failed", updatedAt: ago(3 * DAY) }),
  session("long-".repeat(50), {
    title: "two\nlines",
    tenantId: "acme",
    status: "archived",
    updatedAt: ago(90 * DAY),
  }),
];

describe("sessions", () => {
  test("fit 80 columns, and no id or title drives the terminal", () => {
    const page = { sessions, cursor: "c1" };
    expect(renderSessions(page, {}, screen(80))).toBe(
      lines(
        "id                                tenant  user  status       active      title",
        "0b7c1f9e-6f0a-4b52-9a77-0c2c7c1…  acme    anna  running      3 min ago   Rome",
        "s2                                acme          interrupted  3 min ago   日本語…",
        "␛[31mred␛]0;title␇ <9b>2J <202e…  globex        failed       3 d ago     ␛[31mr…",
        "long-long-long-long-long-long-l…  acme          archived     2025-11-05  two li…",
        "",
        "4 sessions; for the next page add --cursor c1",
      ),
    );
  });

  test("have their whole ids on a wide screen, and everything where there is none", () => {
    const page = { sessions: sessions.slice(0, 3), cursor: undefined };
    expect(renderSessions(page, { tenantId: "acme" }, screen(120))).toBe(
      lines(
        "id                                       user  status       active     title",
        `${UUID}     anna  running      3 min ago  Rome`,
        "s2                                             interrupted  3 min ago  日本語の題名です",
        `${TAMED}        failed       3 d ago    ${TAMED}`,
      ),
    );
    const piped = renderSessions(
      { sessions, cursor: undefined },
      {},
      paintFor({} as Screen, {}, NOW),
    );
    expect(piped).toContain("long-".repeat(50));
    expect(piped).not.toContain("\u001b");
  });

  test("are none", () => {
    expect(renderSessions({ sessions: [], cursor: undefined }, {}, screen(80))).toBe(
      "No sessions.\n",
    );
  });

  test("have colours, where there are some", () => {
    const page = { sessions: [session("s1", { status: "failed" })], cursor: undefined };
    const coloured = renderSessions(page, {}, screen(80, { NO_COLOR: "" }));
    expect(coloured).toContain("\u001b[31mfailed\u001b[39m");
    expect(renderSessions(page, {}, screen(80, { TERM: "dumb", NO_COLOR: "" }))).not.toContain(
      "\u001b",
    );
  });
});

const run = (nodePath: string, from: number, ms: number, more: Partial<NodeRun> = {}): NodeRun => ({
  nodePath,
  step: 1,
  taskId: "t",
  attempt: 1,
  kind: "pull",
  status: "ok",
  learnt: "observed",
  input: undefined,
  output: undefined,
  checkpointNs: "",
  checkpointId: "c",
  startedAt: NOW.getTime() + from,
  endedAt: NOW.getTime() + from + ms,
  ...more,
});

const calls = [
  { id: "c1", name: "search", args: {} },
  { id: "c2", name: "weather", args: {} },
];
const nodeRuns = [
  run("model", 0, 1234, {
    output: { messages: [new AIMessage({ content: "", tool_calls: calls })] },
  }),
  run("tools", 1300, 12, {
    output: [new ToolMessage({ content: "x", tool_call_id: "c1", name: "search" })],
  }),
  run("sub", 1400, 65_000),
  run("sub/write", 1401, 300, { startedAt: null, step: null }),
  run("sub/check", 1900, 30, {
    attempt: 2,
    status: "error",
    error: { name: "TypeError", message: `${EVIL}\nand more of it` },
  }),
];

const message = (
  position: number,
  one: TranscriptMessage["message"],
  more: Partial<TranscriptMessage> = {},
): TranscriptMessage => ({ position, message: one, role: one.getType(), ...more });

const messages = [
  message(11, new SystemMessage("Be short.")),
  message(12, new HumanMessage({ content: `Hi ${EVIL}\r\n\n\tindented`, name: "anna" }), {
    createdAt: ago(60),
  }),
  message(
    13,
    new AIMessage({
      content: [
        { type: "text", text: "I look it up." },
        { type: "image_url", image_url: "data:" },
      ],
      tool_calls: [{ id: "call_1", name: "search", args: { q: EVIL } }],
    }),
    { metadata: { status: "aborted" } },
  ),
  message(
    14,
    new ToolMessage({ content: "a".repeat(80), tool_call_id: "call_1", status: "error" }),
  ),
  message(15, new AIMessage("One two three four five six seven eight nine ten eleven twelve.")),
];

const shown: Shown = {
  session: session("s1", { title: "Rome", tenantId: "acme", metadata: { evil: EVIL } }),
  nodeRuns,
  moreNodeRuns: true,
  transcript: { source: "checkpoint", messages, before: 11 },
  modelCalls: [
    { id: "1", model: "m", status: "ok", totalTokens: 1500, latencyMs: 1200, startedAt: NOW },
    { id: "2", model: "m", status: "error", latencyMs: 400, startedAt: NOW },
    { id: "3", status: "aborted", latencyMs: 30_000, startedAt: NOW },
  ],
};

describe("a session", () => {
  test("is shown with its steps, messages and calls, wrapped and harmless", () => {
    expect(renderShown(shown, screen(60))).toBe(
      lines(
        "session        s1",
        "title          Rome",
        "owner          tenant acme",
        "status         done",
        "created        2026-02-01 12:00:00 UTC",
        "last activity  2026-02-03 11:56:40 UTC (3 min ago)",
        'metadata       {"evil":"\\u001b[31mred\\u001b]0;title\\u0007 \\u009b2J <202e>gnp.exe"}',
        "",
        "The last 5 node runs (--steps n for more)",
        "2026-02-03 (UTC)  step  node         try  status       took  tools, errors",
        "12:00:00.000         1  model             ok          1.2 s  → search, → w…",
        "12:00:01.300         1  tools             ok          12 ms  ← search",
        "12:00:01.400         1  sub               ok      1 min 5 s",
        "12:00:01.701              sub/write       ok",
        "12:00:01.900         1    sub/check    2  error       30 ms  TypeError: ␛[…",
        "",
        "The last 5 messages, from the newest checkpoint (older ones: --before 11)",
        "#11  system",
        "  Be short.",
        "#12  human anna  2026-02-03 11:59:00 UTC",
        `  Hi ${TAMED}`,
        "",
        "    indented",
        "#13  ai  aborted",
        "  I look it up.",
        "  [image_url]",
        '    → search({"q":"\\u001b[31mred\\u001b]0;title\\u0007',
        '    \\u009b2J <202e>gnp.exe"})  call_1',
        "#14  tool  answers call_1  error",
        `    ← ${"a".repeat(54)}`,
        `    ${"a".repeat(26)}`,
        "#15  ai",
        "  One two three four five six seven eight nine ten eleven",
        "  twelve.",
        "",
        "3 model calls",
        "model    calls  failed  aborted  tokens in  out  total  mean time",
        "m            2       1        0          0    0  1,500     800 ms",
        "unknown      1       0        1          0    0      0     30.0 s",
      ),
    );
  });

  test("without anything in it is a head", () => {
    const transcript = { source: "messages", messages: [], before: undefined } as const;
    const empty = { ...shown, nodeRuns: [], moreNodeRuns: false, transcript, modelCalls: [] };
    expect(renderShown({ ...empty, session: session("s1") }, screen(80))).toBe(
      lines(
        "session        s1",
        "status         done",
        "created        2026-02-01 12:00:00 UTC",
        "last activity  2026-02-03 11:56:40 UTC (3 min ago)",
        "",
        "No messages",
      ),
    );
  });
});

const stats: SessionStats = {
  session: "s1",
  rows: 12_346,
  bytes: 1_255_555,
  checkpoints: 40,
  tables: [
    { table: "sessions", rows: 1, bytes: 200 },
    { table: "state_items", rows: 12_345, bytes: 1_255_355 },
  ],
  channels: [{ channel: EVIL, items: 40, bytes: 55_555 }],
};

describe("sizes", () => {
  test("of a session", () => {
    expect(renderStats(stats, screen(80))).toBe(
      lines(
        "s1: 1.3 MB in 12,346 rows, 40 checkpoints",
        "",
        "table          rows   bytes",
        "sessions          1   200 B",
        "state_items  12,345  1.3 MB",
        "",
        "channel, newest state                    items    bytes",
        `${TAMED}     40  55.6 kB`,
      ),
    );
  });

  test("of many sessions are added up, the largest ones named", () => {
    const sizes = [100, 300, 200].map((bytes, i) => ({ ...stats, session: `s${i}`, bytes }));
    const sums = sizes.reduce((sum, one) => addSession(sum, session(one.session), one, 2), NO_SUMS);
    expect(sums).toMatchObject({ sessions: 3, rows: 37_038, bytes: 600, checkpoints: 120 });
    expect(sums.tables[1]).toEqual({ table: "state_items", rows: 37_035, bytes: 3_766_065 });
    expect(sums.channels).toEqual([{ channel: EVIL, items: 120, bytes: 166_665 }]);
    expect(sums.largest.map((one) => one.session)).toEqual(["s1", "s2"]);
    expect(renderSums(sums, screen(80))).toContain("largest sessions  checkpoints    rows  bytes");
    expect(renderSums(NO_SUMS, screen(80))).toBe("No sessions.\n");
  });

  test("of what was erased", () => {
    const report = {
      sessions: 1,
      rows: 3,
      bytes: 999_960,
      tables: { sessions: 1, messages: 2, node_runs: 0 },
    };
    expect(renderErased(report, screen(80))).toBe(
      lines(
        "Erased 1 session: 3 rows, 1.0 MB.",
        "",
        "table     rows",
        "sessions     1",
        "messages     2",
      ),
    );
  });
});
