import assert from "node:assert/strict";
import { tool } from "@langchain/core/tools";
import {
  Persistence,
  RollbackToolRegistry,
  type Storage,
  StorageError,
  UndoError,
} from "@threadkeep/core";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { session } from "../src/snapshot.js";
import {
  after,
  gate,
  type Hooks,
  journal,
  linesOf,
  Named,
  nameOf,
  Process,
  undosOf,
  World,
} from "./undo-world.js";

const config = threadConfig("t");
const SCRIPT = [["write a"], ["pay b"], ["write c"]];
const LINES = SCRIPT.flat();

async function undoError(call: () => Promise<unknown>): Promise<UndoError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof UndoError && error instanceof StorageError, String(error));
    assert.equal(error.code, "UNDO_FAILED");
    assert.equal(error.operation, "rollbackToCheckpoint");
    return error;
  }
  throw new assert.AssertionError({ message: "the call did not reject" });
}

const reportOf = ({ report: { undone, failed, remaining } }: UndoError) => [
  linesOf(undone),
  failed && linesOf([failed])[0],
  linesOf(remaining),
];

/** The three calls, and the checkpoint before them. */
async function worked(storage: Storage, hooks: Hooks = {}) {
  const world = new World();
  const process = new Process(storage, world, hooks);
  await process.persistence.run(process.agent(SCRIPT), { messages: [] }, config);
  assert.deepEqual(world.take(), LINES);
  const target = await after(process.persistence, "agent");
  return { world, process, target, persistence: process.persistence };
}

/** A rollback died in the undo of the second call; another process sees what it left. */
async function inDoubt(db: Database) {
  const reached = gate();
  const { world, process, target } = await worked(db.storage, {
    undo: (call) => {
      if (nameOf(call) !== "b") return undefined;
      reached.open();
      return new Promise(() => {});
    },
  });
  void process.persistence.rollbackToCheckpoint("t", target).catch(() => {});
  await reached.opened;
  assert.deepEqual(world.take(), undosOf(["write c"]));
  const other = new Process(await db.connect(), world).persistence;
  assert.deepEqual((await journal(other))[1], "pay b 1 done undoing", "the fault happened");
  return { world, other, target };
}

/** What the thread holds, but its counters and its journal. */
async function stateOf(storage: Storage) {
  const all = (await session(storage, "t")) as Record<string, unknown>;
  const { guard: _guard, toolEvents: _events, checkpoints: rows, ...rest } = all;
  const own = (rows as { checkpoint: unknown }[]).map(({ checkpoint }) => checkpoint);
  return { ...rest, checkpoints: own };
}

export const undoFailureChecks: Checks = {
  "a failing undo stops, is recorded and reported, and the next call goes on after it": async (
    db,
  ) => {
    let broken: string | undefined = "b";
    const { world, persistence, target } = await worked(db.storage, {
      undo: (call) => assert.notEqual(nameOf(call), broken, "the bank is closed"),
    });
    const before = await stateOf(db.storage);
    const rollbacks = (await db.storage.guard("t"))?.rollbacks ?? 0;
    for (let tries = 0; tries < 2; tries += 1) {
      const error = await undoError(() => persistence.rollbackToCheckpoint("t", target));
      assert.match(error.message, /"pay".*"call b".*the bank is closed/s);
      assert.ok(error.cause instanceof assert.AssertionError);
      const undone = tries === 0 ? ["write c"] : [];
      assert.deepEqual(reportOf(error), [undone, "pay b", ["write a"]]);
      assert.deepEqual(world.take(), undosOf(undone));
      assert.deepEqual(await stateOf(db.storage), before, "the thread has not been rolled back");
      assert.deepEqual(await journal(persistence), [
        "write a 1 done none",
        "pay b 1 done failed",
        "write c 1 done undone",
      ]);
    }
    assert.match(String((await persistence.toolCalls("t"))[1]?.undoError), /bank is closed/);
    assert.ok(((await db.storage.guard("t"))?.rollbacks ?? 0) > rollbacks, "it is fenced");
    broken = undefined;
    const other = new Process(await db.connect(), world).persistence;
    const { undone } = await other.rollbackToCheckpoint("t", target);
    assert.deepEqual(linesOf(undone), ["pay b", "write a"]);
    assert.deepEqual(world.take(), undosOf(["write a", "pay b"]));
    assert.equal((await other.toolCalls("t"))[1]?.undoError, undefined);
  },

  "after an undo that nobody ended: stop by default, retry, or skip": async (db) => {
    const { world, other, target } = await inDoubt(db);
    const before = await stateOf(db.storage);
    for (const options of [{}, { inDoubt: "stop" as const }]) {
      const error = await undoError(() => other.rollbackToCheckpoint("t", target, options));
      assert.match(error.message, /inDoubt/);
      assert.deepEqual(reportOf(error), [[], "pay b", ["write a"]]);
      assert.deepEqual(world.take(), []);
    }
    assert.deepEqual(await stateOf(db.storage), before);
    const dry = await other.rollbackToCheckpoint("t", target, { dryRun: true });
    assert.deepEqual(linesOf(dry.undone), ["pay b", "write a"]);
    const { undone } = await other.rollbackToCheckpoint("t", target, { inDoubt: "retry" });
    assert.deepEqual(linesOf(undone), ["pay b", "write a"]);
    assert.deepEqual(world.take(), undosOf(["write a", "pay b"]));
  },

  "skip leaves the undo in doubt aside and undoes the others": async (db) => {
    const { world, other, target } = await inDoubt(db);
    const { undone } = await other.rollbackToCheckpoint("t", target, { inDoubt: "skip" });
    assert.deepEqual(linesOf(undone), ["write a"]);
    assert.deepEqual(world.take(), undosOf(["write a"]));
    assert.deepEqual(await journal(other), [
      "write a 1 done undone",
      "pay b 1 done undoing",
      "write c 1 done undone",
    ]);
  },

  "a process that lacks an undo is refused before anything is undone": async (db) => {
    const { target } = await worked(db.storage);
    const registry = new RollbackToolRegistry();
    const undone: string[] = [];
    const write = tool(() => "", { name: "write", description: "w", schema: Named });
    registry.register(write, (call) => undone.push(nameOf(call)));
    const other = new Persistence(await db.connect(), { rollbackToolRegistry: registry });
    const before = await stateOf(db.storage);
    const error = await undoError(() => other.rollbackToCheckpoint("t", target));
    assert.match(error.message, /"pay".*no undo is registered/s);
    assert.deepEqual(error.report.undone, []);
    const all = [error.report.failed, ...error.report.remaining].filter(
      (call) => call !== undefined,
    );
    assert.ok(all.some(({ tool: name }) => name === "pay"));
    assert.deepEqual(undone, []);
    assert.deepEqual(await stateOf(db.storage), before);
    const calls = await other.toolCalls("t");
    assert.ok(calls.every(({ undo }) => undo === "none"));
  },
};
