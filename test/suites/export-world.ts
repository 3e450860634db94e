import { createHash } from "node:crypto";
import { AIMessage, HumanMessage, type ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  Command,
  END,
  interrupt,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { RollbackToolRegistry, type Storage, type StorageSaver } from "@threadkeep/core";
import { z } from "zod";
import { all } from "../src/checkpoints.js";
import { threadConfig } from "../src/graphs.js";
import { started } from "../src/persistence.js";
import { items } from "../src/snapshot.js";
import { chat, deltaChat, LONG } from "./retention-world.js";

/** What is under test: the API, unless a broken double takes its place. */
export interface Moving {
  exportSession(storage: Storage, id: string): AsyncGenerator<string>;
  importSession(
    storage: Storage,
    source: AsyncIterable<string> | Iterable<string | Uint8Array>,
    options?: { readonly as?: string },
  ): Promise<unknown>;
}

export const moving: Moving = {
  exportSession: (storage, id) => started(storage).exportSession(id),
  importSession: (storage, source, options) => started(storage).importSession(source, options),
};

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  values: Annotation<Record<string, unknown>>(),
  answer: Annotation<string>(),
});

/** A tool is called, values of all kinds are kept, then a human is asked. */
export function asking(checkpointer: StorageSaver, registry = new RollbackToolRegistry()) {
  const write = registry.register(
    tool(({ name }) => `wrote ${name}`, {
      name: "write",
      description: "Writes.",
      schema: z.object({ name: z.string() }),
    }),
    () => undefined,
  );
  return new StateGraph(State)
    .addNode("call", async (_, config) => {
      const call = { type: "tool_call" as const, id: "c1", name: "write", args: { name: "f" } };
      const done = (await write.invoke(call, config)) as ToolMessage;
      return {
        messages: [new AIMessage({ id: "a", content: "", tool_calls: [call] }), done],
        values: {
          big: 2n ** 80n,
          date: new Date(0),
          text: `NUL \0, half \ud800, ${LONG}`,
          map: new Map([["k", new Set([Number.NaN, -0])]]),
          bytes: new Uint8Array([0, 255]),
        },
      };
    })
    .addNode("ask", () => ({ answer: String(interrupt({ question: "go on? \0" })) }))
    .addEdge(START, "call")
    .addEdge("call", "ask")
    .addEdge("ask", END)
    .compile({ checkpointer });
}

/** Content blocks, with an image and an emoji of four bytes. */
const blocks = () =>
  new HumanMessage({
    id: "blocks",
    content: [
      { type: "text", text: "look: \u{1f9f5} \0" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(600)}` } },
    ],
  });

export const SESSIONS = ["chat", "delta", "asking"] as const;

/** Sessions of every kind. */
export async function fill(storage: Storage): Promise<void> {
  const persistence = started(storage);
  const saver = persistence.checkpointer;
  const owner = { tenant_id: "a", user_id: "u\u{1f9f5}" };
  for (let i = 0; i < 3; i += 1) {
    await chat(saver).invoke({}, { configurable: { thread_id: "chat", ...owner } });
    await deltaChat(saver, 3).invoke({}, threadConfig("delta"));
  }
  await persistence.createCheckpoint("chat", { checkpointId: "mine", label: "l\u{1f9f5}" });
  await storage.updateSession("chat", { title: "A \u{1f9f5} title", metadata: '{"a":1}' });
  await asking(saver, persistence.rollbackToolRegistry).invoke(
    { messages: [blocks()] },
    threadConfig("asking"),
  );
  const fresh = { incarnation: 1, now: 1, token: "t" };
  const message = { role: "human", metadata: null, createdAt: 5 };
  const content = JSON.stringify({ class: "HumanMessage", message: { content: "hi \0" } });
  for (let i = 0; i < 3; i += 1) {
    const keyed = { ...message, id: `m${i}`, key: i === 1 ? null : `k${i}`, content };
    const call = { id: `call ${i}`, messageId: `m${i}`, model: "m", status: "ok" as const };
    const tokens = { inputTokens: 1, outputTokens: null, totalTokens: 3, usage: "{}", error: null };
    const modelCalls = [{ ...call, ...tokens, latencyMs: 12, startedAt: i }];
    await storage.appendMessages("asking", {}, { messages: [keyed], modelCalls }, fresh);
  }
}

/** All that a session shows, whatever its id. */
export async function shown(storage: Storage, id: string): Promise<unknown> {
  const persistence = started(storage);
  const saver = persistence.checkpointer;
  const tuples = await all(saver, threadConfig(id));
  const { guard, id: _id, alias, ...row } = (await storage.session(id))!;
  const { nextItem, nextVersion, rollbacks, owner } = guard;
  const by = <T>(list: readonly T[], key: (one: T) => unknown) =>
    [...list].sort((a, b) => (JSON.stringify(key(a)) < JSON.stringify(key(b)) ? -1 : 1));
  return {
    tuples: tuples.map(({ checkpoint, metadata, pendingWrites }) => {
      return { checkpoint, metadata, pendingWrites };
    }),
    parents: tuples.map(({ parentConfig }) => parentConfig?.configurable?.checkpoint_id),
    runs: (await saver.listNodeRuns(threadConfig(id), { limit: 10_000 }))
      .map((run) => JSON.stringify({ ...run, threadId: "" }, bigints))
      .sort(),
    calls: await persistence.toolCalls(id),
    // The memory storage gives a record's fields in the order in which they came.
    history: (await storage.messages(id, {})).map((message) => Object.entries(message).sort()),
    models: by(await storage.modelCalls(id), (call) => call.id).map((call) =>
      Object.entries(call).sort(),
    ),
    items: await items(storage, id),
    made: (await persistence.listCheckpoints(id, { limit: 10_000 })).map((checkpoint) => ({
      ...checkpoint,
      sessionId: "",
      config: {},
      // Of nodes that ended in the same millisecond any may be called the last; see `runs`.
      ...{ nodePath: "", lastInput: null, lastOutput: null },
    })),
    row: { ...row, nextItem, nextVersion, rollbacks, owner },
  };
}

const bigints = (_key: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);

/** Answers the question of the session that waits. */
export const answer = (storage: Storage, id: string) => {
  const { checkpointer, rollbackToolRegistry } = started(storage);
  const graph = asking(checkpointer, rollbackToolRegistry);
  return graph.invoke(new Command({ resume: "yes" }), threadConfig(id));
};

export async function textOf(lines: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const line of lines) text += line;
  return text;
}

/** The lines, sealed by an end that fits them. */
export function sealed(lines: readonly string[], end: object): string {
  const text = lines.map((line) => `${line}\n`).join("");
  const sha256 = createHash("sha256").update(text).digest("hex");
  return `${text}${JSON.stringify({ end: true, ...end, rows: lines.length - 1, sha256 })}\n`;
}
