import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { fakeModel } from "@langchain/core/testing";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  Command,
  entrypoint,
  getPreviousState,
  interrupt,
  MessagesDeltaValue,
  START,
  StateGraph,
  StateSchema,
  task,
} from "@langchain/langgraph";
import { createAgent } from "langchain";
import { z } from "zod";
import type { Checks } from "../src/harness.js";
import { leaf, Trail } from "./node-runs-graphs.js";
import { seen } from "./node-runs-shapes.js";

const add = tool(async ({ a, b }) => String(a + b), {
  name: "add",
  description: "adds",
  schema: z.object({ a: z.number(), b: z.number() }),
});

const square = task("square", async ({ n }: { n: number }) => ({ squared: n * n }));

const Schema = new StateSchema({
  messages: MessagesDeltaValue,
  turn: z.number().default(0),
});

const LONG = "long name ".repeat(20);

/** A graph of one node. */
const one = (node: unknown) =>
  new StateGraph(Trail).addNode(LONG, node as never).addEdge(START, LONG as never);

export const valueChecks: Checks = {
  "an agent with tools": seen(
    ["model_request ok", "tools ok", "tools ok", "model_request ok", "model_request ok"],
    (checkpointer) =>
      createAgent({
        model: fakeModel()
          .respondWithTools([
            { name: "add", args: { a: 1, b: 2 }, id: "c1" },
            { name: "add", args: { a: 3, b: 4 }, id: "c2" },
          ])
          .respond(new HumanMessage("done") as never) as never,
        tools: [add],
        checkpointer: checkpointer as never,
      }),
    async (call) => {
      await call({ messages: [{ role: "user", content: "go", id: "1" }] });
      await call({ messages: [{ role: "user", content: "again", id: "2" }] });
    },
  ),

  "the functional API: tasks in tasks, retries, a question, the state of the turn before": seen(
    [
      ...["flow interrupted", "flow ok", "flow interrupted", "flow ok"],
      ...["flow/outer ok", "flow/outer ok", "flow/outer/square ok", "flow/outer/square ok"],
      ...["flow/flaky error", "flow/flaky ok", "flow/flaky error", "flow/flaky ok"],
    ],
    (checkpointer) => {
      const outer = task("outer", async (n: number, _unit: string) => await square({ n }));
      let tries = 0;
      const retry = { maxAttempts: 2, initialInterval: 1, jitter: false, logWarning: false };
      const flaky = task({ name: "flaky", retry }, async () => {
        tries += 1;
        if (tries === 1) throw new Error("once");
      });
      return entrypoint({ name: "flow", checkpointer }, async (n: number) => {
        const squared = await outer(n, "apples");
        await flaky();
        const answer = interrupt("sure?");
        const value = { squared, answer, previous: getPreviousState<unknown>() };
        return entrypoint.final({ value, save: squared });
      });
    },
    async (call) => {
      for (const n of [2, 3]) {
        await call(n);
        await call(new Command({ resume: "yes" }));
      }
    },
  ),

  "narrower inputs, private channels, and names like LangGraph's own": seen(
    ["narrow ok", "private ok", "odd ok"],
    (checkpointer) => {
      const Wide = Annotation.Root({
        ...Trail.spec,
        __odd: Annotation<string>(),
        "branch:like": Annotation<string>(),
      });
      const Private = Annotation.Root({ secret: Annotation<{ deep: string[] }>() });
      const { note, __odd } = Wide.spec;
      return new StateGraph(Wide)
        .addNode("narrow", ({ note }) => ({ trail: [note], secret: { deep: ["s"] }, __odd: "o" }), {
          input: Annotation.Root({ note }),
        })
        .addNode("private", ({ secret }) => ({ trail: secret.deep }), { input: Private })
        .addNode("odd", ({ note, __odd }) => ({ trail: [note, __odd] }), {
          input: Annotation.Root({ note, __odd }),
        })
        .addEdge(START, "narrow")
        .addEdge("narrow", "private")
        .addEdge("private", "odd")
        .compile({ checkpointer });
    },
    (call) => call({ note: "n" }),
  ),

  "channels whose names are input and output": seen(
    ["answer ok", "sub ok", "sub/inner ok"],
    (checkpointer) => {
      const Pair = Annotation.Root({ input: Annotation<string>(), output: Annotation<string>() });
      const answer = ({ input }: { input: string }) => ({ output: `to ${input}` });
      const sub = new StateGraph(Pair)
        .addNode("inner", answer)
        .addEdge(START, "inner")
        .compile({ checkpointer: false });
      return new StateGraph(Pair)
        .addNode("answer", answer)
        .addNode("sub", sub)
        .addEdge(START, "answer")
        .addEdge("answer", "sub")
        .compile({ checkpointer });
    },
    (call) => call({ input: "q" }),
    false,
  ),

  "nodes whose names are numbers, or in other letters": seen(
    ["1 ok", "1/2 ok", "1/2/3 ok", "a, b/é中 ok"],
    (checkpointer) => {
      const deep = new StateGraph(Trail).addNode("3", leaf("3")).addEdge(START, "3").compile();
      const inner = new StateGraph(Trail).addNode("2", deep).addEdge(START, "2").compile();
      return new StateGraph(Trail)
        .addNode("1", inner)
        .addNode("a, b/é中", leaf("é"))
        .addEdge(START, "1")
        .addEdge("1", "a, b/é中")
        .compile({ checkpointer });
    },
    (call) => call({ note: "n" }),
  ),

  "a node whose name begins as LangGraph's own do": seen(
    ["__mine ok"],
    (checkpointer) =>
      new StateGraph(Trail)
        .addNode("__mine", leaf("mine"))
        .addEdge(START, "__mine")
        .compile({ checkpointer }),
    (call) => call({ note: "n" }),
  ),

  "DeltaChannels: the whole list that the node saw": seen(
    ["say ok", "say ok", "reply ok", "reply ok"],
    (checkpointer) =>
      new StateGraph(Schema)
        .addNode("say", ({ turn }) => ({
          messages: [new HumanMessage({ id: `s${turn}`, content: "said" })],
          turn: turn + 1,
        }))
        .addNode("reply", ({ messages }) => ({
          messages: [new HumanMessage({ id: `r${messages.length}`, content: "reply" })],
        }))
        .addEdge(START, "say")
        .addEdge("say", "reply")
        .compile({ checkpointer }),
    async (call) => {
      await call({ messages: [{ role: "user", content: "x".repeat(500), id: "u1" }] });
      await call({ messages: [{ role: "user", content: "again", id: "u2" }] });
    },
  ),

  "runnables and graphs inside a node that bear its name are no runs of it": seen(
    ["same ok", "same/same ok", "sub ok", "sub/inner ok"],
    (checkpointer) => {
      const named = RunnableLambda.from((note: string) => `${note}!`).withConfig({
        runName: "same",
      });
      const inner = new StateGraph(Trail)
        .addNode("same", async ({ note }) => ({ trail: [await named.invoke(note)] }))
        .addEdge(START, "same")
        .compile({ name: "same" });
      const sub = new StateGraph(Trail)
        .addNode("inner", async ({ note }) => ({ trail: [await named.invoke(note)] }))
        .addEdge(START, "inner")
        .compile({ name: "sub" });
      return new StateGraph(Trail)
        .addNode("same", async ({ note }) => {
          await named.invoke(note);
          return await inner.invoke({ note: await named.invoke(note) });
        })
        .addNode("sub", sub)
        .addEdge(START, "same")
        .addEdge("same", "sub")
        .compile({ checkpointer });
    },
    (call) => call({ note: "n" }),
  ),

  "errors with odd names and long messages": seen(
    ["odd error", "odd error", "long error"],
    (checkpointer) =>
      new StateGraph(Trail)
        .addNode(
          "odd",
          () => {
            throw Object.assign(new Error("a\0b \ud800 é"), { name: "", code: 7, self: () => 1 });
          },
          { retryPolicy: { maxAttempts: 2, initialInterval: 1, jitter: false, logWarning: false } },
        )
        .addNode("long", () => {
          throw new AggregateError([new Error("x".repeat(70_000))], "y".repeat(70_000));
        })
        .addConditionalEdges(START, ({ note }) => note, ["odd", "long"])
        .compile({ checkpointer }),
    async (call) => {
      await assert.rejects(call({ note: "odd" }), /a\0b/);
      await assert.rejects(call({ note: "long" }), /yyy/);
    },
  ),

  "a node that handles another one's error": seen(
    ["fails error", "fails/__error_handler__fails ok", "after ok"],
    (checkpointer) =>
      new StateGraph(Trail)
        .addNode(
          "fails",
          () => {
            throw new TypeError("on purpose");
          },
          {
            errorHandler: (_state, { error }) =>
              new Command({ update: { trail: [error.message] }, goto: "after" }) as never,
          },
        )
        .addNode("after", leaf("after"))
        .addEdge(START, "fails")
        .addEdge("fails", "after")
        .compile({ checkpointer }),
    (call) => call({ note: "n" }),
  ),

  "long names in deep graphs": seen(
    [1, 2, 3, 4, 5].map((depth) => `${Array(depth).fill(LONG).join("/")} ok`),
    (checkpointer) => {
      const nest = (depth: number): unknown =>
        one(depth === 0 ? leaf("deep") : nest(depth - 1)).compile();
      return one(nest(3)).compile({ checkpointer });
    },
    (call) => call({ note: "n" }),
  ),
};
