import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import {
  Annotation,
  type BaseCheckpointSaver,
  Command,
  DeltaValue,
  entrypoint,
  getPreviousState,
  interrupt,
  MessagesAnnotation,
  MessagesDeltaValue,
  Send,
  START,
  StateGraph,
  StateSchema,
  task,
} from "@langchain/langgraph";
import { z } from "zod";
import { threadConfig } from "./graphs.js";

/** What is used of a compiled graph, whatever its types. */
export interface AnyGraph {
  invoke(input: unknown, config: object): Promise<unknown>;
  getState(config: object): Promise<{ values: unknown; next: unknown; tasks: unknown }>;
  getStateHistory(config: object): AsyncIterable<{ config: object; next: readonly string[] }>;
  updateState(config: object, values: unknown, asNode?: string): Promise<object>;
}

/** A thread as somebody's graph writes it. */
export interface Story {
  compile(checkpointer: BaseCheckpointSaver): AnyGraph;
  write(graph: AnyGraph, config: object): Promise<unknown>;
  /** Goes on with it, and tells what came out. */
  goOn(graph: AnyGraph, config: object): Promise<unknown>;
}

const Trail = Annotation.Root({
  trail: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
  note: Annotation<unknown>(),
});

const resume = (value: unknown) => (graph: AnyGraph, config: object) =>
  graph.invoke(new Command({ resume: value }), config);
const invoke = (input: unknown) => (graph: AnyGraph, config: object) => graph.invoke(input, config);

// biome-ignore lint/suspicious/noExplicitAny: compiled graphs have types of their own
const any = (graph: any): AnyGraph => graph;

const chat: Story = {
  compile: (checkpointer) =>
    any(
      new StateGraph(MessagesAnnotation)
        .addNode("answer", ({ messages }) => {
          const id = `a${messages.length}`;
          if (messages.length % 5 > 0) return { messages: new AIMessage({ id, content: "sure" }) };
          const call = { name: "look", args: { at: messages.length }, id: `call-${id}` };
          return {
            messages: [
              new AIMessage({ id, content: "", tool_calls: [call] }),
              new ToolMessage({ id: `${id}r`, content: "seen", tool_call_id: call.id }),
              new AIMessage({ id: `${id}d`, content: [{ type: "text", text: "done" }] }),
            ],
          };
        })
        .addEdge(START, "answer")
        .compile({ checkpointer }),
    ),
  write: async (graph, config) => {
    for (let i = 0; i < 30; i += 1) {
      const message = new HumanMessage({ id: `h${i}`, content: `question ${i}` });
      await graph.invoke({ messages: message }, { ...config, metadata: { turn: i, tags: ["x"] } });
    }
  },
  goOn: invoke({ messages: [new HumanMessage({ id: "next", content: "and now?" })] }),
};

/** Two subgraphs: one is through, one asks, and asks again. */
const nested: Story = {
  compile: (checkpointer) => {
    const inner = new StateGraph(Trail)
      .addNode("first", () => ({ trail: ["first"] }))
      .addNode("ask", () => {
        const answers = [interrupt({ question: "one?" }), interrupt("two?")];
        return { trail: [`asked ${answers}`, "twice"], note: answers };
      })
      .addEdge(START, "first")
      .addEdge("first", "ask")
      .compile();
    const quick = new StateGraph(Trail)
      .addNode("only", () => ({ trail: ["only"] }))
      .addEdge(START, "only")
      .compile();
    return any(
      new StateGraph(Trail)
        .addNode("quick", quick)
        .addNode("inner", inner)
        .addNode("end", () => ({ trail: ["end"] }))
        .addEdge(START, "quick")
        .addEdge("quick", "inner")
        .addEdge("inner", "end")
        .compile({ checkpointer }),
    );
  },
  write: async (graph, config) => {
    await graph.invoke({ note: "begin" }, config);
    await resume("yes")(graph, config);
  },
  goOn: resume("no"),
};

/** Of three sent tasks one asks and one fails, so that their step is half done. */
const sends: Story = {
  compile: (checkpointer) => {
    let fails = true;
    return any(
      new StateGraph(Trail)
        .addNode("fan", () => ({ trail: ["fan"] }))
        .addNode("sent", ({ at }: { at: number }) => {
          if (at === 1) return { trail: [`${at}: ${interrupt(`at ${at}`)}`] };
          if (at === 2 && fails) {
            fails = false;
            throw new RangeError("not yet");
          }
          return { trail: [`sent ${at}`] };
        })
        .addEdge(START, "fan")
        .addConditionalEdges("fan", () => [0, 1, 2].map((at) => new Send("sent", { at })))
        .compile({ checkpointer }),
    );
  },
  write: (graph, config) => graph.invoke({ note: "n" }, config).catch(() => undefined),
  goOn: async (graph, config) => {
    // The node that failed may fail once more, in a graph that was compiled anew.
    await resume("fine")(graph, config).catch(() => undefined);
    return graph.invoke(null, config);
  },
};

/** Beside a node that fails another one is through. */
const failed: Story = {
  compile: (checkpointer) =>
    any(
      new StateGraph(Trail)
        .addNode("good", () => ({ trail: ["good"], note: ["kept", { deep: true }] }))
        .addNode("bad", async () => {
          await new Promise((resolve) => setImmediate(resolve));
          throw new Error("it broke");
        })
        .addEdge(START, "good")
        .addEdge(START, "bad")
        .compile({ checkpointer }),
    ),
  write: (graph, config) => graph.invoke({ trail: ["in"] }, config).catch(() => undefined),
  goOn: (graph, config) => graph.invoke(null, config).catch((error: Error) => error.message),
};

const forked: Story = {
  compile: (checkpointer) =>
    any(
      new StateGraph(Trail)
        .addNode("a", ({ note }) => ({ trail: [`a(${note})`] }))
        .addNode("b", ({ note }) => ({ trail: [`b(${note})`], note: `${note}'` }))
        .addEdge(START, "a")
        .addEdge("a", "b")
        .compile({ checkpointer }),
    ),
  write: async (graph, config) => {
    await graph.invoke({ note: "one" }, config);
    await graph.invoke({ note: "two" }, config);
    const states = [];
    for await (const state of graph.getStateHistory(config)) states.push(state);
    const older = states.filter(({ next }) => next[0] === "b").at(-1);
    const fork = await graph.updateState(older?.config ?? {}, { note: "three" }, "a");
    await graph.invoke(null, fork);
    await graph.updateState(config, { trail: ["by hand"] }, "b");
  },
  goOn: invoke({ note: "four" }),
};

const functional: Story = {
  compile: (checkpointer) => {
    const square = task("square", async (n: number) => ({ squared: n * n }));
    return any(
      entrypoint({ name: "flow", checkpointer }, async (n: number) => {
        const previous = getPreviousState<unknown>();
        const squared = await Promise.all([square(n), square(n + 1)]);
        const answer = interrupt("sure?");
        return entrypoint.final({ value: { squared, answer, previous }, save: [n, answer] });
      }),
    );
  },
  write: async (graph, config) => {
    await graph.invoke(2, config);
    await resume("yes")(graph, config);
    await graph.invoke(3, config);
  },
  goOn: resume("no"),
};

const append = (state: string[], writes: string[][]) => [...state, ...writes.flat()];

const delta: Story = {
  compile: (checkpointer) =>
    any(
      new StateGraph(
        new StateSchema({
          log: new DeltaValue(
            z.array(z.string()).default(() => []),
            {
              reducer: append as never,
              snapshotFrequency: 3,
            },
          ),
          messages: MessagesDeltaValue,
          turn: z.number().default(0),
        }),
      )
        .addNode("a", ({ turn }) => ({
          log: [`a${turn}`],
          messages: [new AIMessage({ id: `a${turn}`, content: "a" })],
          turn: turn + 1,
        }))
        .addNode("b", ({ turn }) => ({ log: [`b${turn}`, "!"] }))
        .addEdge(START, "a")
        .addEdge("a", "b")
        .compile({ checkpointer }),
    ),
  write: async (graph, config) => {
    for (let i = 0; i < 4; i += 1) {
      const messages = [new HumanMessage({ id: `h${i}`, content: "h" })];
      await graph.invoke({ log: [`in ${i}`], messages }, config);
    }
  },
  goOn: invoke({ log: ["more"] }),
};

/** What LangGraph's serializer can carry beside plain data. */
const VALUES = {
  map: new Map<unknown, unknown>([["a", new Set([1, 2])]]),
  bytes: Uint8Array.of(0, 255, 128),
  pattern: /a+/gi,
  error: new Error("kept"),
  nothing: undefined,
  list: [null, 1.5, "\u2028 \ud83d\ude00", { "": {} }],
};

const values: Story = {
  compile: (checkpointer) =>
    any(
      new StateGraph(Trail)
        .addNode("give", () => ({ note: VALUES }))
        .addNode("take", ({ note }) => ({ trail: [Object.keys(note as object).join()] }))
        .addEdge(START, "give")
        .addEdge("give", "take")
        .compile({ checkpointer }),
    ),
  write: (graph, config) =>
    graph.invoke(
      { note: { nested: VALUES } },
      { ...config, metadata: { who: "me", at: { x: [1] }, "odd key": null } },
    ),
  goOn: invoke({ note: 1 }),
};

/** Threads of every kind, by their ids. */
export const STORIES: Readonly<Record<string, Story>> = {
  chat,
  nested,
  sends,
  failed,
  forked,
  functional,
  delta,
  values,
};

export async function writeStories(saver: BaseCheckpointSaver): Promise<void> {
  for (const [thread, story] of Object.entries(STORIES)) {
    await story.write(story.compile(saver), threadConfig(thread));
  }
}
