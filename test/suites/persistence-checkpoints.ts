import assert from "node:assert/strict";
import { AIMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import type { AgentCheckpoint, Persistence } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { all, human, Log, line, of, started } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import { session } from "../src/snapshot.js";

const AT = threadConfig("t");

function chain(db: Database, options?: ConstructorParameters<typeof Persistence>[1]) {
  const log = new Log();
  const persistence = started(db.storage, options);
  const nodes = line(log.nodes("one", "two", "three"));
  const graph = nodes.compile({ checkpointer: persistence.checkpointer });
  return { persistence, graph, log };
}

const DIVERSE = {
  text: "ä\u{1f600}",
  number: -0,
  huge: 2n ** 80n,
  when: new Date(Date.UTC(2026, 1, 3)),
  nothing: null,
  left: undefined,
  list: [1, [2, { three: 3 }], new Map([["k", new Set([1])]])],
  bytes: Uint8Array.of(0, 255),
};

const CONVERSATION = [
  new SystemMessage({ id: "s", content: "be brief" }),
  human("go"),
  new AIMessage({
    id: "a",
    content: [{ type: "text", text: "calling" }],
    tool_calls: [{ id: "call 1", name: "tool", args: { n: 1 }, type: "tool_call" }],
  }),
  new ToolMessage({ id: "r", tool_call_id: "call 1", content: "42", artifact: { raw: [4, 2] } }),
];

const idsOf = (checkpoints: readonly AgentCheckpoint[]) =>
  checkpoints.map(({ checkpointId }) => checkpointId);

export const checkpointChecks: Checks = {
  // CheckpointSerializationTest
  "15: properties of every kind come back as they were, to another process": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n", messages: CONVERSATION }, AT);
    const given = { checkpointId: "cp", label: "kept", properties: DIVERSE };
    const saved = await persistence.createCheckpoint("t", given);
    assertSame([saved.label, saved.properties, saved.nodePath], ["kept", DIVERSE, "three"]);
    const read = await started(await db.connect()).getCheckpointById("t", "cp");
    assertSame(read, saved);
    assertSame(read?.properties, DIVERSE);
  },

  "15: without properties there are none": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n" }, AT);
    const saved = await persistence.createCheckpoint("t", { checkpointId: "cp" });
    const read = await started(db.storage).getCheckpointById("t", "cp");
    for (const { properties, label } of [saved, read!])
      assertSame([properties, label], [{}, undefined]);
    const next = await persistence.createCheckpoint("t", { properties: { own: 1 } });
    assertSame(next.properties, { own: 1 });
    assertSame((await started(db.storage).getCheckpointById("t", "cp"))?.properties, {});
  },

  "15: a tombstone is read as one": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n", messages: CONVERSATION }, AT);
    const time = new Date(Date.UTC(2026, 4, 5));
    const made = await persistence.createTombstoneCheckpoint("t", { time });
    const read = await started(db.storage).getCheckpointById("t", made.checkpointId);
    assertSame(read, made);
    assertSame([made.tombstone, made.nodePath, made.createdAt], [true, "tombstone", time]);
    assertSame([made.lastInput, made.lastOutput, made.properties], [undefined, undefined, {}]);
    assertSame([...made.messageHistory], []);
  },

  "15: inputs and outputs with dates, big numbers and messages come back as they were": async (
    db,
  ) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n" }, AT);
    const last = {
      lastInput: { ...DIVERSE, messages: CONVERSATION },
      lastOutput: [new Date(7), 7n, new AIMessage({ id: "x", content: "out" })],
    };
    const given = { checkpointId: "cp", nodePath: "by hand", ...last };
    const saved = await persistence.createCheckpoint("t", given);
    const read = await started(db.storage).getCheckpointById("t", "cp");
    for (const { nodePath, lastInput, lastOutput } of [saved, read!])
      assertSame({ nodePath, lastInput, lastOutput }, { nodePath: "by hand", ...last });
  },

  // CheckpointsTests and the abstract JDBC suite: message fidelity
  "16: saved and retrieved, a checkpoint is the same, to the last field of a message": async (
    db,
  ) => {
    const { persistence, graph } = chain(db);
    const given = {
      checkpointId: "cp",
      createdAt: new Date(Date.UTC(2026, 6, 7)),
      nodePath: "two",
      lastInput: { note: "in" },
      messageHistory: CONVERSATION,
      version: 1,
      label: "seed",
      properties: DIVERSE,
    };
    const saved = await persistence.saveCheckpoint("t", given, { graph });
    const read = await started(await db.connect()).getCheckpointById("t", "cp");
    assertSame(read, saved);
    const { checkpointId, createdAt, nodePath, lastInput, messageHistory } = read!;
    const { version, label, properties } = read!;
    const fields = { checkpointId, createdAt, nodePath, lastInput, messageHistory };
    assertSame({ ...fields, version, label, properties }, given);
    assertSame([read?.sessionId, read?.tombstone, read?.lastOutput], ["t", false, undefined]);
  },

  // FileCheckpointsTests: testAgentWithContinuousPersistence
  "16: every step of a run leaves a checkpoint with what its node got and returned": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n" }, AT);
    const steps = (await all(started(db.storage))).filter(({ nodePath }) => nodePath !== "");
    assertSame(
      steps.map(({ nodePath, lastInput, lastOutput }) => [nodePath, lastInput, lastOutput]),
      ["one", "two", "three"].map((name, i, names) => [
        name,
        { messages: [], trail: names.slice(0, i), note: "n" },
        { trail: [name] },
      ]),
    );
  },

  // testRestoreFromSingleCheckpointWithNodeOutput
  "16: a saved checkpoint with a node's output goes on at its successor": async (db) => {
    const { persistence, graph, log } = chain(db);
    const lastOutput = { trail: ["elsewhere"], note: "made" };
    const data = { checkpointId: "cp", nodePath: "one", lastOutput, messageHistory: CONVERSATION };
    const saved = await persistence.saveCheckpoint("t", data, { graph });
    assertSame([saved.nodePath, saved.lastOutput], ["one", lastOutput]);
    const output = await persistence.run(graph, { note: "is left aside" }, AT);
    assert.equal(log.take(), "two three");
    assertSame([output.trail, output.note], [["elsewhere", "two", "three"], "made"]);
    assertSame(output.messages, CONVERSATION);
  },

  "16: a checkpoint of one session is saved in another, which goes on from it": async (db) => {
    const { persistence, graph, log } = chain(db);
    await persistence.run(graph, { note: "n", messages: CONVERSATION }, AT);
    const [step] = await of(persistence, "one");
    const { version: _, ...data } = step!;
    const given = { ...data, checkpointId: "moved" };
    const moved = await persistence.saveCheckpoint("other", given, { graph });
    assertSame([moved.sessionId, moved.createdAt], ["other", step!.createdAt]);
    log.take();
    const output = await persistence.run(graph, null, threadConfig("other"));
    assert.equal(log.take(), "two three");
    assertSame(output.messages, CONVERSATION);
  },

  // SQLPersistenceProvidersTest
  "17: checkpoints come newest first, whatever their clocks say": async (db) => {
    let now = Date.UTC(2026, 0, 2);
    const clock = () => {
      now -= 1000;
      return now;
    };
    const { persistence, graph } = chain(db, { clock });
    await persistence.run(graph, { note: "n" }, AT);
    for (const checkpointId of ["a", "b"])
      await persistence.createCheckpoint("t", { checkpointId });
    const versions = (await started(db.storage).listCheckpoints("t")).map(({ version }) => version);
    assertSame(versions, [7, 6, 5, 4, 3, 2, 1]);
    assert.equal((await persistence.getLatestCheckpoint("t"))?.checkpointId, "b");
  },

  "17: sessions see nothing of each other, also where ids are the same": async (db) => {
    const { persistence, graph } = chain(db);
    for (const id of ["t", "T", "t "]) {
      await persistence.run(graph, { note: id }, threadConfig(id));
      await persistence.createCheckpoint(id, { checkpointId: "cp", properties: { id } });
    }
    for (const id of ["t", "T", "t "]) {
      const found = await started(db.storage).listCheckpoints(id);
      assert.equal(found.length, 6);
      for (const { sessionId } of found) assert.equal(sessionId, id);
      const named = await started(db.storage).getCheckpointById(id, "cp");
      assertSame(named?.properties, { id });
    }
    assert.equal(await persistence.getCheckpointById("none", "cp"), undefined);
    assertSame(await persistence.listCheckpoints("none"), []);
  },

  "17: saved again, a checkpoint is left as it is": async (db) => {
    const { persistence, graph } = chain(db);
    const forms = {
      input: { nodePath: "two", lastInput: { note: "in" }, messageHistory: CONVERSATION },
      output: { nodePath: "two", lastOutput: { note: "out" }, messageHistory: CONVERSATION },
      neither: { nodePath: "two", messageHistory: CONVERSATION, properties: DIVERSE },
      "messages without ids": { nodePath: "two", messageHistory: [new AIMessage("no id")] },
    };
    for (const [checkpointId, form] of Object.entries(forms)) {
      const data = { checkpointId, ...form };
      const saved = await persistence.saveCheckpoint("t", data, { graph });
      const before = await session(db.storage, "t");
      const again = await started(db.storage).saveCheckpoint("t", data, { graph });
      assertSame(again, saved, checkpointId);
      assertSame(await persistence.saveCheckpoint("t", saved, { graph }), saved, checkpointId);
      assertSame(await session(db.storage, "t"), before, checkpointId);
    }
  },

  "17: a tombstone saved again is left as it is, also below later checkpoints": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n" }, AT);
    const end = { checkpointId: "end", nodePath: "tombstone", messageHistory: [], tombstone: true };
    const saved = await persistence.saveCheckpoint("t", end);
    await persistence.run(graph, { note: "n" }, AT);
    const before = await session(db.storage, "t");
    assertSame(await persistence.saveCheckpoint("t", end), saved);
    assertSame(await session(db.storage, "t"), before);
    assertSame(await persistence.getCheckpointById("t", "end"), saved);
  },

  "17: one checkpoint is deleted, and no other": async (db) => {
    const { persistence, graph } = chain(db);
    await persistence.run(graph, { note: "n" }, AT);
    await persistence.createCheckpoint("t", { checkpointId: "cp" });
    const [step] = await of(persistence, "two");
    const before = await all(persistence);
    for (const id of ["cp", step!.checkpointId]) {
      assert.equal(await persistence.deleteCheckpoint("t", id), true);
      assert.equal(await started(db.storage).deleteCheckpoint("t", id), false);
      assert.equal(await started(db.storage).getCheckpointById("t", id), undefined);
      await assertRefused(
        () => persistence.rollbackToCheckpoint("t", id),
        "NOT_FOUND",
        "rollbackToCheckpoint",
        /has no checkpoint/,
      );
    }
    const gone = ["cp", step!.checkpointId];
    const kept = before.filter(({ checkpointId }) => !gone.includes(checkpointId));
    assertSame(idsOf(await all(started(db.storage))), idsOf(kept));
  },

  "17: all are deleted with their thread, and those of other threads stay": async (db) => {
    const { persistence, graph } = chain(db);
    for (const id of ["t", "other"]) await persistence.run(graph, { note: id }, threadConfig(id));
    const kept = await all(persistence, "other");
    await persistence.checkpointer.deleteThread("t");
    assertSame(await all(started(db.storage)), []);
    assertSame(await db.storage.nodeRuns("t"), []);
    assertSame(await all(started(db.storage), "other"), kept);
    await persistence.run(graph, { note: "again" }, AT);
    assertSame(
      (await all(persistence)).map(({ version }) => version),
      [1, 2, 3, 4, 5],
    );
  },
};
