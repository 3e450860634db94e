import assert from "node:assert/strict";
import type { Storage } from "@threadkeep/core";
import type { NodeRunRecord, ToolEventRecord } from "@threadkeep/core/backend";
import { batchOf, checkpointRecord, nodeRun, toolEvent, write } from "../src/batches.js";
import type { Checks } from "../src/harness.js";
import { session } from "../src/snapshot.js";

const LONG = `agent:${"x".repeat(300)}|é${"y".repeat(300)}`;
/** Texts are JSON, which escapes NUL. */
const HARD = JSON.stringify("a\0b 'quoted' \"twice\" \\ é \u{1f600} \u2028 \u0001");

const NODE_RUNS: readonly NodeRunRecord[] = [
  nodeRun(),
  nodeRun({ ns: LONG, kind: "push", learnt: "derived", startedAt: null, output: null }),
  nodeRun({ ns: `${LONG}z`, kind: "task", status: "interrupted", step: null }),
  nodeRun({ ns: "#", nodePath: "", input: "", output: "", error: "" }),
  nodeRun({ ns: "A:1", taskId: "é\u{1f600}", nodePath: HARD, input: HARD, output: HARD }),
  nodeRun({ ns: "a:1", attempt: 2, step: -1, status: "error", error: HARD, startedAt: 0 }),
  nodeRun({ checkpointId: "2", attempt: 10, input: "x".repeat(100_000), endedAt: 2 ** 52 }),
];

const TOOL_EVENTS: readonly ToolEventRecord[] = [
  toolEvent(),
  toolEvent({ event: "finished", ns: null, checkpointId: null, version: 0, body: "" }),
  toolEvent({ attempt: 2, ns: LONG, tool: HARD, body: HARD, createdAt: 2 ** 52 }),
  toolEvent({ callId: "Call", ns: "#", tool: "", version: 2 ** 40, body: "x".repeat(100_000) }),
  toolEvent({ callId: "call ", event: "é\u{1f600}" }),
];

/** Neither records nor their fields have an order of their own. */
function assertRecords(actual: readonly object[], expected: readonly object[]): void {
  const keyOf = (record: object) => JSON.stringify(Object.entries(record).sort());
  const sorted = (records: readonly object[]) =>
    [...records].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  assert.deepEqual(sorted(actual), sorted(expected));
}

async function named(storage: Storage, query: Parameters<Storage["list"]>[0]): Promise<string[]> {
  const found = await storage.list(query);
  return found.map(({ checkpoint }) => `${checkpoint.ns}/${checkpoint.id}`);
}

export const recordChecks: Checks = {
  "node runs come back exactly as they went in": async ({ storage }) => {
    await write(storage, { nodeRuns: NODE_RUNS });
    assertRecords(await storage.nodeRuns("t"), NODE_RUNS);
  },

  "tool events come back exactly as they went in": async ({ storage }) => {
    await write(storage, { toolEvents: TOOL_EVENTS });
    assertRecords(await storage.toolEvents("t"), TOOL_EVENTS);
    const ofOne = TOOL_EVENTS.filter(({ callId }) => callId === "call");
    assertRecords(await storage.toolEvents("t", "call"), ofOne);
    assert.deepEqual(await storage.toolEvents("t", "none"), []);
  },

  "of two with one key the first stays, within a batch and over batches": async ({ storage }) => {
    const again = <T>(records: readonly T[], change: Partial<T>) =>
      records.map((record) => ({ ...record, ...change }));
    const lateRuns = again(NODE_RUNS, { status: "error", output: "late", endedAt: 9 });
    const lateEvents = again(TOOL_EVENTS, { body: "late", version: 9 });
    await write(storage, {
      nodeRuns: [...NODE_RUNS, ...lateRuns],
      toolEvents: [...TOOL_EVENTS, ...lateEvents],
    });
    await write(storage, {
      nodeRuns: [...lateRuns, nodeRun({ taskId: "new" })],
      toolEvents: [...lateEvents, toolEvent({ callId: "new" })],
    });
    assertRecords(await storage.nodeRuns("t"), [...NODE_RUNS, nodeRun({ taskId: "new" })]);
    assertRecords(await storage.toolEvents("t"), [...TOOL_EVENTS, toolEvent({ callId: "new" })]);
  },

  "more records in one batch than one statement takes": async ({ storage }) => {
    const count = Array.from({ length: 1201 }, (_, i) => i);
    const nodeRuns = count.map((i) => nodeRun({ taskId: `${i % 1200}`, nodePath: `${i}` }));
    const toolEvents = count.map((i) => toolEvent({ callId: `${i % 1200}`, tool: `${i}` }));
    await write(storage, { nodeRuns, toolEvents });
    assertRecords(await storage.nodeRuns("t"), nodeRuns.slice(0, 1200));
    assertRecords(await storage.toolEvents("t"), toolEvents.slice(0, 1200));
  },

  "node runs are found by the checkpoints that they read": async ({ storage }) => {
    const ids = Array.from({ length: 1100 }, (_, i) => `${i}`);
    const nodeRuns = ids.flatMap((id) =>
      ["", "sub:1"].map((ns) => nodeRun({ ns, checkpointId: id })),
    );
    await write(storage, { nodeRuns });
    await write(storage, { sessionId: "other", nodeRuns: [nodeRun({ checkpointId: "3" })] });
    const read = async (wanted: readonly string[]) => {
      const expected = nodeRuns.filter(({ checkpointId }) => wanted.includes(checkpointId));
      assertRecords(await storage.nodeRuns("t", wanted), expected);
    };
    await read([]);
    await read(["3"]);
    await read(["none"]);
    await read(["7", "none", "7", "1099", "3"]);
    await read(ids.slice(0, 512));
    await read([...ids, ...ids]);
    assert.deepEqual(await storage.nodeRuns("nobody"), []);
    assert.deepEqual(await storage.nodeRuns("nobody", ["3"]), []);
  },

  "an exact batch is refused once anybody wrote, and leaves nothing": async ({ storage }) => {
    await write(storage, { checkpoints: [checkpointRecord()] });
    const expected = await storage.guard("t");
    await write(storage, { nodeRuns: [nodeRun({ taskId: "other" })] });
    const before = await session(storage, "t");
    const batch = batchOf(expected, {
      items: [{ seq: 1, type: "text", body: '"a"' }],
      checkpoints: [checkpointRecord({ id: "2", version: 2 })],
      nodeRuns: [nodeRun()],
      toolEvents: [toolEvent()],
    });
    assert.equal(await storage.commit({ ...batch, exact: true }), false);
    assert.equal(await storage.commit({ ...batch, exact: true, touch: true }), false);
    const remove = { checkpoints: [], items: [] };
    assert.equal(await storage.commit({ ...batch, remove }), false);
    assert.deepEqual(await session(storage, "t"), before);
    assert.equal(await storage.commit({ ...batch, exact: false }), true, "no counter had moved");
    assertRecords(await storage.toolEvents("t"), [toolEvent()]);
  },

  "an exact batch is written where nobody wrote": async ({ storage }) => {
    assert.equal(await storage.commit(batchOf(undefined, { exact: true })), true);
    assert.equal(await storage.commit(batchOf(undefined, { exact: true })), false);
    for (const [i, touch] of [true, false].entries()) {
      const given = { exact: true, touch, now: 5, owner: { userId: "u" } };
      const toolEvents = [toolEvent({ callId: `${i}` })];
      const batch = batchOf(await storage.guard("t"), { ...given, toolEvents });
      assert.equal(await storage.commit(batch), true);
      assert.deepEqual(await storage.guard("t"), { ...batch.next, owner: { userId: "u" } });
    }
    assert.equal((await storage.toolEvents("t")).length, 2);
  },

  "a removed checkpoint takes its node runs along, but no tool events": async ({ storage }) => {
    const nodeRuns = ["", LONG].flatMap((ns) =>
      ["1", "2", "3"].map((checkpointId) => nodeRun({ ns, checkpointId })),
    );
    await write(storage, { nodeRuns, toolEvents: TOOL_EVENTS });
    await write(storage, { sessionId: "other", nodeRuns });
    const checkpoints = [
      { ns: "", id: "1" },
      { ns: LONG, id: "2" },
      { ns: LONG, id: "3" },
    ];
    await write(storage, { remove: { checkpoints, items: [] } });
    const kept = nodeRuns.filter(
      ({ ns, checkpointId }) => !checkpoints.some((c) => c.ns === ns && c.id === checkpointId),
    );
    assertRecords(await storage.nodeRuns("t"), kept);
    assertRecords(await storage.toolEvents("t"), TOOL_EVENTS);
    assertRecords(await storage.nodeRuns("other"), nodeRuns);
  },

  "deleteSession removes them, and no other session's": async ({ storage }) => {
    for (const sessionId of ["t", "T"]) {
      await write(storage, { sessionId, nodeRuns: NODE_RUNS, toolEvents: TOOL_EVENTS });
    }
    await storage.deleteSession("t");
    await write(storage, {});
    assert.deepEqual(await storage.nodeRuns("t"), []);
    assert.deepEqual(await storage.toolEvents("t"), []);
    assertRecords(await storage.nodeRuns("T"), NODE_RUNS);
    assertRecords(await storage.toolEvents("T"), TOOL_EVENTS);
  },

  "copySession copies node runs, but neither tool events nor rollbacks": async ({ storage }) => {
    const records = { nodeRuns: NODE_RUNS, toolEvents: TOOL_EVENTS };
    const checkpoint = checkpointRecord({ name: "n", label: "l", properties: "p" });
    const first = batchOf(undefined, { ...records, checkpoints: [checkpoint] });
    await storage.commit({ ...first, next: { ...first.next, rollbacks: 3 } });
    await storage.copySession("t", "copy", { incarnation: 8, now: 2 });
    assert.equal((await storage.guard("copy"))?.rollbacks, 0);
    assert.equal((await storage.guard("t"))?.rollbacks, 3);
    assert.deepEqual((await storage.checkpoint("copy", "", "1"))?.checkpoint, checkpoint);
    assertRecords(await storage.nodeRuns("copy"), NODE_RUNS);
    assert.deepEqual(await storage.toolEvents("copy"), []);
    await write(storage, { sessionId: "copy", nodeRuns: [nodeRun({ taskId: "new" })] });
    assertRecords(await storage.nodeRuns("t"), NODE_RUNS);
    assertRecords(await storage.toolEvents("t"), TOOL_EVENTS);
  },

  "checkpoints are listed by name and by label": async ({ storage }) => {
    const names = [null, "one", "One", "one ", "é\u{1f600}"];
    const checkpoints = names.map((name, i) =>
      checkpointRecord({
        ns: i % 2 === 0 ? "" : LONG,
        id: `${i}`,
        version: i + 1,
        name,
        label: i === 0 ? null : i < 3 ? "a" : "A ",
      }),
    );
    for (const sessionId of ["t", "other"]) await write(storage, { sessionId, checkpoints });
    const own = { sessionId: "t", limit: 10 };
    assert.deepEqual(await named(storage, { ...own, name: "one" }), [`${LONG}/1`]);
    assert.deepEqual(await named(storage, { ...own, name: "One" }), ["/2"]);
    assert.deepEqual(await named(storage, { ...own, name: "é\u{1f600}" }), ["/4"]);
    assert.deepEqual(await named(storage, { ...own, name: "two" }), []);
    assert.deepEqual(await named(storage, { ...own, name: "one", ns: "" }), []);
    assert.deepEqual(await named(storage, { ...own, name: "one", label: "a" }), [`${LONG}/1`]);
    assert.deepEqual(await named(storage, { ...own, name: "one", label: "A" }), []);
    assert.deepEqual(await named(storage, { ...own, label: "a" }), ["/2", `${LONG}/1`]);
    assert.deepEqual(await named(storage, { ...own, label: "A " }), ["/4", `${LONG}/3`]);
    assert.deepEqual(await named(storage, { ...own, label: "A" }), []);
    assert.deepEqual(await named(storage, { ...own, label: "a", ns: LONG }), [`${LONG}/1`]);
    assert.deepEqual(await named(storage, { ...own, label: "a", limit: 1 }), ["/2"]);
    assert.deepEqual(await named(storage, { ...own, label: "a", beforeVersion: 3 }), [`${LONG}/1`]);
    assert.deepEqual(await named(storage, { ...own, label: "a", id: "2", beforeId: "3" }), ["/2"]);
  },

  "a checkpoint that is put again gets its new name, label and properties": async ({ storage }) => {
    const noted = { name: "n", label: "l".repeat(300), properties: HARD, nodePath: '["a"]' };
    const put = async (given: Parameters<typeof checkpointRecord>[0]) => {
      const checkpoint = checkpointRecord({ id: "1", parentId: "0", ...given });
      await write(storage, { checkpoints: [checkpoint] });
      assert.deepEqual((await storage.checkpoint("t", "", "1"))?.checkpoint, checkpoint);
    };
    await put({});
    await put(noted);
    await put({ ...noted, name: "m", label: "k", properties: "{}" });
    assert.deepEqual(await named(storage, { sessionId: "t", name: "n", limit: 9 }), []);
    assert.deepEqual(await named(storage, { sessionId: "t", name: "m", label: "k", limit: 9 }), [
      "/1",
    ]);
    await put({});
    assert.deepEqual(await named(storage, { sessionId: "t", name: "m", limit: 9 }), []);
  },

  "rollbacks are counted in every guard": async ({ storage }) => {
    const checkpoints = [
      checkpointRecord({ id: "1" }),
      checkpointRecord({ id: "2", parentId: "1", version: 2 }),
    ];
    await write(storage, { checkpoints });
    for (const [rollbacks, how] of [
      [1, {}],
      [2, { touch: true }],
      [3, { exact: true }],
      [4, { remove: { checkpoints: [], items: [] } }],
    ] as const) {
      const batch = batchOf(await storage.guard("t"), how);
      const next = { ...batch.next, rollbacks };
      assert.equal(await storage.commit({ ...batch, next }), true);
      const [ancestor] = await storage.ancestors("t", "", "2", 1);
      const [listed] = await storage.list({ sessionId: "t", limit: 1 });
      const newest = await storage.checkpoint("t", "", undefined);
      const guards = [await storage.guard("t"), ancestor?.guard, listed?.guard, newest?.guard];
      assert.deepEqual(guards, [next, next, next, next]);
    }
    const fresh = { incarnation: 9, now: 1, token: "appended" };
    const message = {
      ...{ id: null, key: null, role: "human", content: "{}", metadata: null, createdAt: 1 },
    };
    const append = { messages: [message] };
    await storage.appendMessages("t", {}, append, fresh);
    assert.equal((await storage.guard("t"))?.rollbacks, 4);
    await storage.appendMessages("chat", {}, append, fresh);
    assert.equal((await storage.guard("chat"))?.rollbacks, 0);
  },
};
