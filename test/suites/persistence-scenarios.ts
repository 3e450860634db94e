import assert from "node:assert/strict";
import { AIMessage, SystemMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { RollbackToolRegistry } from "@threadkeep/core";
import { z } from "zod";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import {
  all,
  Gate,
  human,
  Log,
  latestSaid,
  line,
  of,
  once,
  said,
  started,
  type Work,
} from "../src/persistence.js";

const AT = threadConfig("t");

/** A store with a tool that writes to it, and the undo of that tool. */
function files() {
  const written = new Set<string>();
  const undone: string[] = [];
  const schema = z.object({ name: z.string() });
  const write = tool(
    ({ name }) => {
      written.add(name);
      return `wrote ${name}`;
    },
    { name: "write", description: "Writes a file.", schema },
  );
  const remove = tool(
    ({ name }) => {
      written.delete(name);
      undone.push(name);
      return "removed";
    },
    { name: "remove", description: "Removes a file.", schema },
  );
  const registry = new RollbackToolRegistry();
  registry.register(write, remove);
  return { written, undone, write, registry, schema };
}

/** Writes three files, with a checkpoint after the first; then waits for the test. */
function writer(db: Database) {
  const { registry, write, ...store } = files();
  const persistence = started(db.storage, { rollbackToolRegistry: registry });
  const log = new Log();
  const [reached, gate] = [new Gate(), new Gate()];
  const isFirst = once();
  let writes = true;
  const writing = (name: string): Work =>
    log.node(async (_, config) => {
      const call = {
        type: "tool_call",
        id: `call ${name}`,
        name: "write",
        args: { name },
      } as const;
      if (writes) await write.invoke(call, config);
      return undefined;
    });
  const graph = line({
    first: writing("a"),
    mark: log.node(async (_, config) => {
      await persistence.createCheckpoint(config, { checkpointId: "cp" });
      return undefined;
    }),
    second: writing("b"),
    third: writing("c"),
    wait: log.node(async () => {
      if (!isFirst()) return undefined;
      writes = false;
      reached.open();
      await gate.opened;
      return undefined;
    }),
    last: log.node(),
  }).compile({ checkpointer: persistence.checkpointer });
  return { ...store, persistence, log, reached, gate, graph };
}

const AGAIN = "first mark second third wait mark second third wait last";

export const scenarioChecks: Checks = {
  // testCheckpointsOneMoreTime
  "1: a later node rolls back to a node's named checkpoint once, and the run still ends": async (
    db,
  ) => {
    const persistence = started(db.storage);
    const log = new Log();
    const isFirst = once();
    const graph = line({
      one: log.node(),
      save: log.node(async (_, config) => {
        const saved = await persistence.createCheckpoint(config, { checkpointId: "cp" });
        assert.equal(saved.checkpointId, "cp");
        return undefined;
      }),
      two: log.node(),
      back: log.node(async (_, config) => {
        if (isFirst()) await persistence.rollbackToCheckpoint(config, "cp");
        return undefined;
      }),
      end: log.node(),
    }).compile({ checkpointer: persistence.checkpointer });
    const output = await persistence.run(graph, { note: "the input" }, AT);
    assert.equal(log.take(), "one save two back save two back end");
    assertSame(output.trail, ["one", "save", "two", "back", "end"]);
    assert.equal(output.note, "the input");
    const named = (await all(started(db.storage))).filter((c) => c.checkpointId === "cp");
    assert.equal(named.length, 1);
    assert.equal(named[0]?.nodePath, "save");
    assertSame((await graph.getState(AT)).next, []);
  },

  // testAgentExecutionWithRollback
  "2: after a rollback the conversation holds no trace of the abandoned branch": async (db) => {
    const persistence = started(db.storage);
    let pass = 1;
    let calls = 0;
    const saying =
      (text: string, act?: Work): Work =>
      async (state, config) => {
        calls += 1;
        await act?.(state, config);
        return { messages: [new AIMessage({ id: `m${calls}`, content: `${text} ${pass}` })] };
      };
    const graph = line({
      one: saying("one"),
      save: saying("save", async (_, config) => {
        await persistence.createCheckpoint(config, { checkpointId: "cp" });
        return undefined;
      }),
      two: saying("two"),
      back: saying("back", async (_, config) => {
        if (pass > 1) return undefined;
        await persistence.rollbackToCheckpoint(config, "cp");
        pass = 2;
        return undefined;
      }),
      end: saying("end"),
    }).compile({ checkpointer: persistence.checkpointer });
    const input = { messages: [new SystemMessage({ id: "s", content: "be brief" }), human("go")] };
    const output = await persistence.run(graph, input, AT);
    const expected = [
      ...["system: be brief", "human: go", "ai: one 1"],
      ...["ai: save 2", "ai: two 2", "ai: back 2", "ai: end 2"],
    ];
    assertSame(said(output.messages), expected);
    assertSame(await latestSaid(started(db.storage)), expected);
    const abandoned = await of(started(db.storage), "two");
    assertSame(
      abandoned.map(({ messageHistory }) => said(messageHistory).at(-1)),
      ["ai: two 1", "ai: two 2"],
      "the abandoned branch stays in the history",
    );
  },

  // testAgentRestorationNoCheckpoint
  "3: without a checkpoint the whole graph runs from the start": async (db) => {
    const persistence = started(db.storage);
    const log = new Log();
    const graph = line(log.nodes("one", "two", "three")).compile({
      checkpointer: persistence.checkpointer,
    });
    assert.equal(await persistence.getLatestCheckpoint("t"), undefined);
    assert.equal(await persistence.rollbackToLatestCheckpoint("t"), undefined);
    assertSame(await all(persistence), []);
    const output = await persistence.run(graph, { note: "n" }, AT);
    assert.equal(log.take(), "one two three");
    assertSame(output.trail, ["one", "two", "three"]);
  },

  // testRollbackToolsExecutedWhenTravelingBackInTime
  "4: rolled back from outside while it runs, the store has only the first of three writes": async (
    db,
  ) => {
    const { persistence, written, undone, log, reached, gate, graph } = writer(db);
    const running = persistence.run(graph, { note: "n" }, AT);
    await Promise.race([reached.opened, running]);
    assertSame([...written], ["a", "b", "c"]);
    const rollback = await persistence.rollbackToCheckpoint("t", "cp");
    assertSame([...written], ["a"]);
    assertSame(undone, ["c", "b"], "the last one first");
    assertSame(
      rollback.undone.map(({ callId, args, result }) => [
        callId,
        args,
        (result as { content: string }).content,
      ]),
      [
        ["call c", { name: "c" }, "wrote c"],
        ["call b", { name: "b" }, "wrote b"],
      ],
    );
    gate.open();
    const output = await running;
    assert.equal(log.take(), AGAIN);
    assertSame(output.trail, ["first", "mark", "second", "third", "wait", "last"]);
    assertSame([...written], ["a"]);
    const calls = await started(db.storage).toolCalls("t");
    assertSame(
      calls.map(({ callId, status, undo }) => [callId, status, undo]),
      [
        ["call a", "done", "none"],
        ["call b", "done", "undone"],
        ["call c", "done", "undone"],
      ],
    );
  },

  "4: rolled back by another process, the run goes along with it": async (db) => {
    const { persistence, written, undone, log, reached, gate, graph, schema } = writer(db);
    const running = persistence.run(graph, { note: "n" }, AT);
    await Promise.race([reached.opened, running]);
    const registry = new RollbackToolRegistry();
    registry.register(
      tool(() => "", { name: "write", description: "As there.", schema }),
      ({ args }) => {
        const { name } = args as { name: string };
        written.delete(name);
        undone.push(name);
      },
    );
    const other = started(await db.connect(), { rollbackToolRegistry: registry });
    await other.rollbackToCheckpoint("t", "cp");
    assertSame(undone, ["c", "b"]);
    gate.open();
    const output = await running;
    assert.equal(log.take(), AGAIN);
    assertSame(output.trail, ["first", "mark", "second", "third", "wait", "last"]);
    assertSame([...written], ["a"]);
  },

  // testRestoreFromSingleCheckpoint
  "5: with one checkpoint saved beforehand the run starts at its node, with its history": async (
    db,
  ) => {
    const log = new Log();
    const make = () => {
      const persistence = started(db.storage);
      const nodes = log.nodes("one", "two", "three");
      const graph = line(nodes).compile({ checkpointer: persistence.checkpointer });
      return { persistence, graph };
    };
    const { persistence, graph } = make();
    const messageHistory = [human("before"), new AIMessage({ id: "a", content: "said" })];
    const data = { checkpointId: "seed", nodePath: "two", messageHistory };
    const saved = await persistence.saveCheckpoint("t", data, { graph });
    assertSame([saved.checkpointId, saved.nodePath, saved.version], ["seed", "two", 1]);
    const next = make();
    const input = { messages: [human("is left aside")] };
    const output = await next.persistence.run(next.graph, input, AT);
    assert.equal(log.take(), "two three");
    assertSame(said(output.messages), ["human: before", "ai: said"]);
  },

  // testRestoreFromLatestCheckpoint
  "5: of several checkpoints saved beforehand the highest version wins": async (db) => {
    const log = new Log();
    const persistence = started(db.storage);
    const graph = line(log.nodes("one", "two", "three")).compile({
      checkpointer: persistence.checkpointer,
    });
    const seed = (checkpointId: string, nodePath: string, day: number) =>
      persistence.saveCheckpoint(
        "t",
        {
          ...{ checkpointId, nodePath, messageHistory: [human(checkpointId)] },
          createdAt: new Date(Date.UTC(2026, 0, day)),
        },
        { graph },
      );
    // The order of versions is not that of times.
    const versions = [await seed("cp1", "one", 9), await seed("cp3", "three", 1)];
    versions.push(await seed("cp2", "two", 5));
    assertSame(
      versions.map(({ version }) => version),
      [1, 2, 3],
    );
    assert.equal((await persistence.getLatestCheckpoint("t"))?.checkpointId, "cp2");
    const output = await persistence.run(graph, null, AT);
    assert.equal(log.take(), "two three");
    assertSame(said(output.messages), ["human: cp2"]);
  },
};
