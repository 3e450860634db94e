import assert from "node:assert/strict";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  END,
  interrupt,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { assertSame } from "../src/equal.js";
import { DURABILITIES, idOfConfig, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";

const Trail = Annotation.Root({
  trail: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
  note: Annotation<string>(),
});

const twoSteps = () =>
  new StateGraph(Trail)
    .addNode("a", ({ note }) => ({ trail: [`a(${note})`] }))
    .addNode("b", ({ note }) => ({ trail: [`b(${note})`], note: `${note}'` }))
    .addEdge(START, "a")
    .addEdge("a", "b")
    .addEdge("b", END);

const approval = () =>
  new StateGraph(Trail)
    .addNode("ask", ({ note }) => ({ trail: [`answer: ${interrupt({ question: note })}`] }))
    .addNode("end", () => ({ trail: ["done"] }))
    .addEdge(START, "ask")
    .addEdge("ask", "end");

export const graphChecks: Checks = {
  "a fork tree of 3 x 4 x 5: every branch reads its own values for ever": async (db) => {
    const graph = twoSteps().compile({ checkpointer: db.saver() });
    const expected = new Map<string, string[]>();
    const grow = async (from: object, path: string, trail: string[], widths: readonly number[]) => {
      const [width, ...rest] = widths;
      const branches = Array.from({ length: width ?? 0 }, (_, i) => `${path}/${i}`);
      await Promise.all(
        branches.map(async (branch) => {
          const own = [...trail, `a(${branch})`, `b(${branch})`];
          // Every branch begins at the same checkpoint: each invoke is a fork of it.
          const stream = await graph.stream({ note: branch }, {
            ...from,
            streamMode: "checkpoints",
          } as never);
          let last: object | undefined;
          for await (const event of stream) last = (event as { config: object }).config;
          expected.set(idOfConfig(last), own);
          await grow(
            { configurable: { thread_id: "t", checkpoint_id: idOfConfig(last) } },
            branch,
            own,
            rest,
          );
        }),
      );
    };
    await graph.invoke({ note: "root" }, threadConfig("t"));
    const root = await graph.getState(threadConfig("t"));
    await grow(root.config, "", ["a(root)", "b(root)"], [3, 4, 5]);
    assert.equal(expected.size, 3 + 12 + 60);
    for (const checkpointer of [db.saver(), db.saver()]) {
      const reader = twoSteps().compile({ checkpointer });
      for (const [id, trail] of expected) {
        const state = await reader.getState({
          configurable: { thread_id: "t", checkpoint_id: id },
        });
        assertSame((state.values as { trail: string[] }).trail, trail, id);
      }
    }
  },

  "time travel: a replayed checkpoint runs on with its own values": async (db) => {
    const graph = twoSteps().compile({ checkpointer: db.saver() });
    await graph.invoke({ note: "first" }, threadConfig("t"));
    await graph.invoke({ note: "second" }, threadConfig("t"));
    const history = [];
    for await (const state of graph.getStateHistory(threadConfig("t"))) history.push(state);
    assert.equal(history.length, 8);
    const middle = history.find(({ next, values }) => next[0] === "b" && values.note === "first");
    const replayed = await graph.invoke(null, middle!.config);
    assertSame(replayed.trail, ["a(first)", "b(first)"]);
    assertSame((await graph.getState(threadConfig("t"))).values.trail, ["a(first)", "b(first)"]);
    const early = history.find(({ next, values }) => next[0] === "a" && values.note === "first");
    const forked = await graph.invoke({ note: "FORK" }, early!.config);
    assertSame(forked.trail, ["a(FORK)", "b(FORK)"]);
    assertSame((await graph.getState(threadConfig("t"))).values, {
      trail: ["a(FORK)", "b(FORK)"],
      note: "FORK'",
    });
    for (const { config, values } of history) {
      const kept = await twoSteps().compile({ checkpointer: db.saver() }).getState(config);
      assertSame(kept.values, values);
    }
  },

  "updateState and bulkUpdateState write what the next run reads": async (db) => {
    const graph = twoSteps().compile({ checkpointer: db.saver() });
    await graph.invoke({ note: "x" }, threadConfig("t"));
    const forked = await graph.updateState(
      threadConfig("t"),
      { trail: ["by hand"], note: "y" },
      "a",
    );
    const fresh = () => twoSteps().compile({ checkpointer: db.saver() });
    assertSame((await fresh().getState(threadConfig("t"))).next, ["b"]);
    assertSame((await fresh().invoke(null, forked)).trail, ["a(x)", "b(x)", "by hand", "b(y)"]);
    await graph.bulkUpdateState({ configurable: { thread_id: "bulk" } }, [
      { updates: [{ values: { note: "n" }, asNode: START }] },
      { updates: [{ values: { trail: ["one"] }, asNode: "a" }] },
      { updates: [{ values: { trail: ["two"] }, asNode: "b" }] },
    ]);
    const state = await fresh().getState({ configurable: { thread_id: "bulk" } });
    assertSame(state.values, { trail: ["one", "two"], note: "n" });
  },

  "interrupt in one process, resume in another, in every durability": async (db) => {
    for (const durability of DURABILITIES) {
      const config = { ...threadConfig(durability), durability };
      const asked = (await approval()
        .compile({ checkpointer: db.saver() })
        .invoke({ note: "ok?" }, config)) as {
        __interrupt__?: { value: unknown }[];
      };
      assertSame(asked.__interrupt__?.[0]?.value, { question: "ok?" });
      const waiting = await approval().compile({ checkpointer: db.saver() }).getState(config);
      assertSame(waiting.tasks[0]?.interrupts[0]?.value, { question: "ok?" });
      const done = await approval()
        .compile({ checkpointer: db.saver() })
        .invoke(new Command({ resume: "yes" }), config);
      assertSame(done.trail, ["answer: yes", "done"]);
    }
  },

  "all durability modes end in the same state, read by another process": async (db) => {
    const results = await Promise.all(
      DURABILITIES.map(async (durability) => {
        const config = { ...threadConfig(durability), durability };
        const graph = twoSteps().compile({ checkpointer: db.saver() });
        await graph.invoke({ note: "1" }, config);
        await graph.invoke({ note: "2" }, config);
        const state = await twoSteps().compile({ checkpointer: db.saver() }).getState(config);
        return [state.values, state.next, state.metadata?.step];
      }),
    );
    for (const result of results) assertSame(result, results[0]);
    assertSame(results[0]?.[0], { trail: ["a(1)", "b(1)", "a(2)", "b(2)"], note: "2'" });
  },

  "a failed node's finished siblings do not run again": async (db) => {
    const ran: string[] = [];
    let fails = true;
    const graph = () =>
      new StateGraph(Trail)
        .addNode("good", () => {
          ran.push("good");
          return { trail: ["good"] };
        })
        .addNode("bad", async () => {
          await new Promise((resolve) => setImmediate(resolve));
          if (fails) throw new TypeError("not yet");
          return { trail: ["bad"] };
        })
        .addEdge(START, "good")
        .addEdge(START, "bad")
        .compile({ checkpointer: db.saver() });
    await assert.rejects(graph().invoke({ note: "n" }, threadConfig("t")), /not yet/);
    const waiting = await graph().getState(threadConfig("t"));
    assert.match(
      String(
        (waiting.tasks.find((t) => t.name === "bad") as { error?: { message: string } }).error
          ?.message,
      ),
      /not yet/,
    );
    fails = false;
    assertSame((await graph().invoke(null, threadConfig("t"))).trail, ["bad", "good"]);
    assertSame(ran, ["good"]);
  },

  "subgraphs, with a checkpointer of their own too, keep their state apart": async (db) => {
    const inner = (checkpointer?: true) =>
      new StateGraph(Trail)
        .addNode("count", ({ trail }) => ({ trail: [`inner ${trail.length}`] }))
        .addNode("ask", () => ({ trail: [`got ${interrupt("go?")}`] }))
        .addEdge(START, "count")
        .addEdge("count", "ask")
        .compile(checkpointer === undefined ? {} : { checkpointer });
    for (const own of [undefined, true] as const) {
      const outer = () =>
        new StateGraph(Trail)
          .addNode("before", () => ({ trail: ["outer"] }))
          .addNode("inner", inner(own))
          .addEdge(START, "before")
          .addEdge("before", "inner")
          .compile({ checkpointer: db.saver() });
      const config = threadConfig(`t-${own}`);
      await outer().invoke({ note: "n" }, config);
      const state = await outer().getState(config, { subgraphs: true });
      const inside = state.tasks[0]?.state as { values: { trail: string[] } };
      assertSame(inside.values.trail, ["outer", "inner 1"], `own: ${own}`);
      const done = await outer().invoke(new Command({ resume: "yes" }), config);
      assertSame(done.trail.slice(-2), ["inner 1", "got yes"], `own: ${own}`);
      const namespaces = new Set<unknown>();
      for await (const t of db.saver().list(config))
        namespaces.add(t.config.configurable?.checkpoint_ns);
      assert.ok(namespaces.size >= 2, `namespaces: ${[...namespaces]}`);
    }
  },

  "messages go through reducers, Send and reload as the classes they were": async (db) => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("plan", () => ({ messages: [new AIMessage({ content: "plan", id: "p" })] }))
      .addNode("work", (state: { at: number; last: BaseMessage }) => ({
        messages: [
          new HumanMessage({ content: `${state.last.content} ${state.at}`, id: `w${state.at}` }),
        ],
      }))
      .addEdge(START, "plan")
      .addConditionalEdges("plan", ({ messages }) =>
        [1, 2, 3].map((at) => new Send("work", { at, last: messages[messages.length - 1] })),
      );
    const live = await graph
      .compile({ checkpointer: db.saver() })
      .invoke({ messages: [["user", "hi"]] } as never, threadConfig("t"));
    const read = await graph.compile({ checkpointer: db.saver() }).getState(threadConfig("t"));
    assertSame(read.values, live);
    assert.ok(
      (read.values.messages as BaseMessage[]).every(
        (m, i) => m instanceof [HumanMessage, AIMessage, HumanMessage][Math.min(i, 2)]!,
      ),
    );
  },

  "two runs on one thread at once corrupt nothing": async (db) => {
    const runs = await Promise.all(
      Array.from({ length: 8 }, async (_, i) => {
        const graph = twoSteps().compile({ checkpointer: db.saver() });
        const events = await graph.stream(
          { note: `r${i}` },
          { ...threadConfig("t"), streamMode: ["values", "checkpoints"] },
        );
        const seen: [string, unknown][] = [];
        let id = "";
        for await (const [mode, event] of events as AsyncIterable<
          [string, { config: object; values: unknown }]
        >) {
          if (mode === "checkpoints") id = idOfConfig(event.config);
          if (mode === "checkpoints") seen.push([id, event.values]);
        }
        return seen;
      }),
    );
    const reader = twoSteps().compile({ checkpointer: db.saver() });
    for (const [id, values] of runs.flat()) {
      const { values: read } = await reader.getState({
        configurable: { thread_id: "t", checkpoint_id: id },
      });
      assertSame(JSON.stringify(read), JSON.stringify(values), id);
    }
  },
};
