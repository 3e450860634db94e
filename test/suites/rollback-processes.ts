import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Persistence } from "@threadkeep/core";
import { childArgs } from "../src/bundled.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { line } from "./rollback-world.js";
import { after, checkpoints, journal, linesOf, Process, undosOf, World } from "./undo-world.js";

const SCRIPT = [["write a"], ["pay b"], ["write c"]];

type Line = Record<string, unknown>;

/** A process that runs graphs and rolls back, see `child/roller.ts`. */
class Roller {
  readonly #lines: Line[] = [];
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  #onLine = () => {};
  #errors = "";

  constructor({ durable }: Database) {
    if (durable === undefined) throw new TypeError("this suite is for databases that last");
    const { module, url } = durable;
    this.#process = spawn(process.execPath, childArgs("roller.ts", module, url));
    this.#closed = once(this.#process, "close");
    this.#process.stderr.on("data", (chunk) => {
      this.#errors += String(chunk);
    });
    createInterface({ input: this.#process.stdout }).on("line", (text) => {
      this.#lines.push(JSON.parse(text) as Line);
      this.#onLine();
    });
  }

  order(order: object): void {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
  }

  /** What it did, in order. */
  did(): string[] {
    return this.#lines.filter((one) => "did" in one).map(({ did }) => String(did));
  }

  /** The first line that has these fields. */
  async until(fields: Line): Promise<Line> {
    for (;;) {
      const found = this.#lines.find((one) =>
        Object.entries(fields).every(([key, value]) => one[key] === value),
      );
      if (found !== undefined) return found;
      const failed = this.#lines.find((one) => "failed" in one);
      assert.equal(failed, undefined, JSON.stringify(failed));
      const isOver = this.#process.exitCode !== null || this.#process.signalCode !== null;
      if (isOver) throw new Error(`the roller ended: ${this.#errors}`);
      const came = new Promise<void>((resolve) => {
        this.#onLine = resolve;
      });
      await Promise.race([this.#closed, came]);
    }
  }

  /** @returns the signal that it died of */
  async kill(): Promise<NodeJS.Signals | null> {
    this.#process.kill("SIGKILL");
    await this.#closed;
    return this.#process.signalCode;
  }
}

async function withRoller(db: Database, work: (roller: Roller) => Promise<void>): Promise<void> {
  const roller = new Roller(db);
  try {
    await work(roller);
  } finally {
    await roller.kill();
  }
}

export const rollbackProcessChecks: Checks = {
  "killed in the middle of a tool: its call is undone, as are those before it": async (db) => {
    await withRoller(db, async (roller) => {
      roller.order({ order: "agent", script: SCRIPT, hang: "c" });
      await roller.until({ did: "write c" });
      assert.equal(await roller.kill(), "SIGKILL");
      assert.deepEqual(roller.did(), SCRIPT.flat());
    });
    const world = new World();
    const { persistence } = new Process(db.storage, world);
    assert.deepEqual(await journal(persistence), [
      "write a 1 done none",
      "pay b 1 done none",
      "write c 1 started none",
    ]);
    const { undone } = await persistence.rollbackToCheckpoint(
      "t",
      await after(persistence, "agent"),
    );
    assert.deepEqual(linesOf(undone), ["write c", "pay b", "write a"]);
    assert.deepEqual(world.take(), ["undo write c: nothing", ...undosOf(["write a", "pay b"])]);
  },

  "killed in the middle of a tool, and run again: both executions of the call are undone": async (
    db,
  ) => {
    await withRoller(db, async (roller) => {
      roller.order({ order: "agent", script: SCRIPT, hang: "b" });
      await roller.until({ did: "pay b" });
      assert.equal(await roller.kill(), "SIGKILL");
    });
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    await persistence.run(process.agent(SCRIPT), null, threadConfig("t"));
    assert.deepEqual(world.take(), ["pay b", "write c"]);
    await persistence.rollbackToCheckpoint("t", await after(persistence, "agent"));
    assert.deepEqual(world.take(), [
      ...undosOf(["pay b", "write c"]),
      "undo pay b: nothing",
      ...undosOf(["write a"]),
    ]);
  },

  "killed in the middle of an undo: the next rollback stops there, and goes on when told": async (
    db,
  ) => {
    const world = new World();
    const process = new Process(db.storage, world);
    const { persistence } = process;
    await persistence.run(process.agent(SCRIPT), { messages: [] }, threadConfig("t"));
    world.take();
    const target = await after(persistence, "agent");
    await withRoller(db, async (roller) => {
      roller.order({ order: "rollback", to: target, hang: "b" });
      await roller.until({ did: "undo pay b" });
      assert.equal(await roller.kill(), "SIGKILL");
      assert.deepEqual(roller.did(), ["undo write c", "undo pay b"]);
    });
    assert.deepEqual((await journal(persistence))[1], "pay b 1 done undoing");
    await assert.rejects(persistence.rollbackToCheckpoint("t", target), { code: "UNDO_FAILED" });
    assert.deepEqual(world.take(), []);
    const { undone } = await persistence.rollbackToCheckpoint("t", target, { inDoubt: "retry" });
    assert.deepEqual(linesOf(undone), ["pay b", "write a"]);
    assert.deepEqual(world.take(), undosOf(["write a", "pay b"]));
    assert.deepEqual((await persistence.rollbackToCheckpoint("t", target)).undone, []);
  },

  "rolled back while a node runs in another process: its run goes on from there": async (db) => {
    await withRoller(db, async (roller) => {
      roller.order({ order: "line", wait: "three" });
      await roller.until({ waits: "three" });
      const persistence = new Persistence(db.storage);
      const one = await after(persistence, "one");
      await persistence.rollbackToCheckpoint("t", one);
      roller.order({ order: "go" });
      const { log, trail } = await roller.until({ done: "line" });
      assert.deepEqual(log, ["one", "two", "three", "two", "three", "four"]);
      assert.deepEqual(trail, ["one", "two", "three", "four"]);
      const graph = line(persistence.checkpointer, []);
      const state = await graph.getState(threadConfig("t"));
      assert.deepEqual([state.values.trail, state.next], [trail, []]);
      assert.equal((await checkpoints(persistence)).length, 4 + 1 + 3);
    });
  },
};
