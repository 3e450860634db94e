import assert from "node:assert/strict";
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { Annotation, Command, END, Send, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import type { Persistence } from "@threadkeep/core";
import { z } from "zod";
import { assertSame } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import {
  all,
  type Builder,
  human,
  Log,
  line,
  of,
  once,
  State,
  said,
  started,
  type TrailGraph,
  type Update,
  type Values,
} from "../src/persistence.js";

const AT = threadConfig("t");

/** Several subgraphs at once may return a note. */
const Noted = Annotation.Root({
  ...State.spec,
  note: Annotation<string>({ reducer: (_, note) => note, default: () => "" }),
});

/** plan sends three pieces of work, each to a node or a subgraph of its own. */
function spread(db: Database, log: Log, isDeep: boolean) {
  const persistence = started(db.storage);
  const got: string[] = [];
  const work = log.node(({ note }) => {
    got.push(note);
    return { trail: [note] };
  });
  const nodes = isDeep ? line({ work, ...log.nodes("rest") }).compile() : work;
  const builder = new StateGraph(Noted) as unknown as Builder & {
    addConditionalEdges(from: string, to: () => Send[], targets: string[]): void;
  };
  builder.addNode("plan", log.node()).addNode("piece", nodes).addNode("end", log.node());
  const sends = () => ["a", "b", "c"].map((note) => new Send("piece", { note, trail: [] }));
  builder.addConditionalEdges("plan", sends, ["piece"]);
  builder.addEdge(START, "plan").addEdge("piece", "end").addEdge("end", END);
  return { persistence, got, graph: builder.compile({ checkpointer: persistence.checkpointer }) };
}

/** A loop that goes round until `trail` is as long as it should be. */
function loop(db: Database, log: Log) {
  const persistence = started(db.storage);
  const builder = new StateGraph(State)
    .addNode("step", ({ trail }) => {
      log.ran.push(`step${trail.length}`);
      return { trail: [`${trail.length}`] };
    })
    .addEdge(START, "step")
    .addConditionalEdges("step", ({ trail }) => (trail.length < 5 ? "step" : END), ["step", END]);
  const graph = builder.compile({ checkpointer: persistence.checkpointer }) as TrailGraph;
  return { persistence, graph };
}

export const shapeChecks: Checks = {
  "rolled back to before several Sends, each is sent again with its own input": async (db) => {
    const log = new Log();
    const { persistence, graph } = spread(db, log, false);
    await persistence.run(graph, { note: "n" }, AT);
    assert.equal(log.take(), "plan piece piece piece end");
    const [plan] = await of(persistence, "plan");
    const next = spread(db, log, false);
    await next.persistence.rollbackToCheckpoint("t", plan!.checkpointId, { graph: next.graph });
    const output = await next.persistence.run(next.graph, null, AT);
    assert.equal(log.take(), "piece piece piece end");
    assertSame(next.got.sort(), ["a", "b", "c"]);
    assertSame(output.trail, ["plan", "a", "b", "c", "end"]);
  },

  "rolled back to a leaf of one of several sent subgraphs, that one goes on there": async (db) => {
    const log = new Log();
    const { persistence, graph } = spread(db, log, true);
    await persistence.run(graph, { note: "n" }, AT);
    log.take();
    const leaves = await of(persistence, "piece/work");
    assert.equal(leaves.length, 3);
    const b = leaves.find(({ lastInput }) => (lastInput as Update).note === "b");
    const next = spread(db, log, true);
    await next.persistence.rollbackToCheckpoint("t", b!.checkpointId, { graph: next.graph });
    await next.persistence.run(next.graph, null, AT);
    assertSame(next.got.sort(), ["a", "c"], "its siblings run again, it does not");
    assert.equal(
      log
        .take()
        .split(" ")
        .filter((path) => path === "piece/rest").length,
      3,
    );
  },

  "every round of a loop can be gone back to": async (db) => {
    const log = new Log();
    const { persistence, graph } = loop(db, log);
    await persistence.run(graph, { note: "n" }, AT);
    log.take();
    const rounds = await of(persistence, "step");
    assert.equal(rounds.length, 5);
    for (const n of [3, 1, 4, 2]) {
      const next = loop(db, log);
      await next.persistence.rollbackToCheckpoint("t", rounds[n - 1]!.checkpointId);
      const output = await next.persistence.run(next.graph, null, AT);
      assert.equal(log.take(), ["step0", "step1", "step2", "step3", "step4"].slice(n).join(" "));
      assertSame(output.trail, ["0", "1", "2", "3", "4"]);
    }
  },

  "a rollback can be rolled back, and the abandoned branch gone back to": async (db) => {
    const log = new Log();
    const persistence = started(db.storage);
    let pass = 1;
    const graph = line({
      one: log.node(),
      two: log.node(() => ({ note: `pass ${pass}` })),
      three: log.node(),
    }).compile({ checkpointer: persistence.checkpointer });
    await persistence.run(graph, { note: "n" }, AT);
    const [one] = await of(persistence, "one");
    const [two] = await of(persistence, "two");
    pass = 2;
    await persistence.rollbackToCheckpoint("t", one!.checkpointId);
    assert.equal((await persistence.run(graph, null, AT)).note, "pass 2");
    await persistence.rollbackToCheckpoint("t", two!.checkpointId);
    log.take();
    assert.equal((await persistence.run(graph, null, AT)).note, "pass 1");
    assert.equal(log.take(), "three");
  },

  "a tool that is called by a ToolNode saves and rolls back with the config that it got": async (
    db,
  ) => {
    const isFirst = once();
    const ran: string[] = [];
    const act = tool(
      async ({ what }, config) => {
        ran.push(what);
        if (what === "save") {
          const saved = await persistence.createCheckpoint(config, { checkpointId: "cp" });
          assertSame([saved.nodePath, said(saved.messageHistory).length], ["tools", 2]);
        }
        if (what === "back" && isFirst()) await persistence.rollbackToCheckpoint(config, "cp");
        return what;
      },
      { name: "act", description: "Acts.", schema: z.object({ what: z.string() }) },
    );
    const persistence: Persistence = started(db.storage);
    const plan = ["save", "then", "back"];
    const builder = new StateGraph(State)
      .addNode("agent", ({ messages }: Values) => {
        const what = plan[(messages.length - 1) / 2];
        const calls = what === undefined ? [] : [{ id: `c ${what}`, name: "act", args: { what } }];
        const id = `ai ${messages.length}`;
        return { messages: [new AIMessage({ id, content: "", tool_calls: calls })] };
      })
      .addNode("tools", new ToolNode([act]))
      .addEdge(START, "agent")
      .addConditionalEdges(
        "agent",
        ({ messages }) => ((messages.at(-1) as AIMessage).tool_calls?.length ? "tools" : END),
        ["tools", END],
      )
      .addEdge("tools", "agent");
    const graph = builder.compile({ checkpointer: persistence.checkpointer });
    const output = await persistence.run(graph, { messages: [human("go")] }, AT);
    assertSame(ran, ["save", "then", "back", "save", "then", "back"]);
    assertSame(
      output.messages.map((message) => message.content),
      ["go", "", "save", "", "then", "", "back", ""],
    );
  },

  "rolled back in a plain invoke, the next run goes on at the checkpoint": async (db) => {
    const log = new Log();
    const isFirst = once();
    const persistence = started(db.storage);
    const graph = line({
      one: log.node(),
      two: log.node(),
      back: log.node(async (_, config) => {
        const [one] = await of(persistence, "one");
        if (isFirst()) await persistence.rollbackToCheckpoint(config, one!.checkpointId);
        return undefined;
      }),
    }).compile({ checkpointer: persistence.checkpointer });
    await assert.rejects(graph.invoke({ note: "n" }, { ...AT, durability: "sync" }));
    assert.equal(log.take(), "one two back");
    const output = await persistence.run(graph, null, AT);
    assert.equal(log.take(), "two back");
    assertSame(output.trail, ["one", "two", "back"]);
  },

  "a node that always rolls back ends the run after maxRollbacks": async (db) => {
    const log = new Log();
    const persistence = started(db.storage);
    const graph = line({
      ...log.nodes("one"),
      back: log.node(async (_, config) => {
        const [one] = await of(persistence, "one");
        await persistence.rollbackToCheckpoint(config, one!.checkpointId);
        return undefined;
      }),
    }).compile({ checkpointer: persistence.checkpointer });
    await assert.rejects(persistence.run(graph, { note: "n" }, AT, { maxRollbacks: 3 }));
    assert.equal(log.take(), "one back back back back");
  },

  "in every durability a failed run goes on, and its checkpoints are read": async (db) => {
    for (const durability of DURABILITIES) {
      const log = new Log();
      const isFirst = once();
      const make = () => {
        const persistence = started(db.storage);
        const three = log.node(() => {
          if (isFirst()) throw new TypeError("crashed");
          return undefined;
        });
        const graph = line({ ...log.nodes("one", "two"), three });
        return { persistence, graph: graph.compile({ checkpointer: persistence.checkpointer }) };
      };
      const config = { ...threadConfig(durability), durability };
      const [first, second] = [make(), make()];
      await assert.rejects(first.persistence.run(first.graph, { note: "n" }, config), /crashed/);
      const output = await second.persistence.run(second.graph, null, config);
      assertSame(output.trail, ["one", "two", "three"], durability);
      assert.equal(log.take(), "one two three three", durability);
      const made = await all(second.persistence, durability);
      assertSame(
        made.map(({ version }) => version),
        made.map((_, i) => i + 1),
        durability,
      );
    }
  },

  "a Command that leads elsewhere leaves a checkpoint, and is gone back to": async (db) => {
    const log = new Log();
    const make = () => {
      const persistence = started(db.storage);
      const builder = new StateGraph(State)
        .addNode("choose", () => new Command({ goto: "far", update: { note: "chosen" } }), {
          ends: ["near", "far"],
        })
        .addNode("near", log.node() as () => Update)
        .addNode("far", log.node() as () => Update)
        .addEdge(START, "choose");
      return { persistence, graph: builder.compile({ checkpointer: persistence.checkpointer }) };
    };
    const { persistence, graph } = make();
    await persistence.run(graph, { note: "n" }, AT);
    const [choice] = await of(persistence, "choose");
    const next = make();
    const { graph: own } = next;
    await next.persistence.rollbackToCheckpoint("t", choice!.checkpointId, { graph: own });
    const output = await next.persistence.run(own, null, AT);
    assert.equal(log.take(), "far far");
    assertSame([output.trail, output.note], [["far"], "chosen"]);
    const point = { graph: own, nodePath: "near", reopen: true };
    await next.persistence.setExecutionPoint("t", point);
    await next.persistence.run(own, null, AT);
    assert.equal(log.take(), "near");
  },
};
