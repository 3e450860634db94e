import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  interrupt,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { Persistence } from "@threadkeep/core";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks, Database } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  answer: Annotation<string>(),
});

/** A chat that asks once it is told to. */
function world(db: Database) {
  const persistence = new Persistence(db.storage);
  const graph = new StateGraph(State)
    .addNode("echo", ({ messages }) => ({
      messages: [{ role: "ai", content: `echo ${messages.at(-1)?.text}` }],
    }))
    .addNode("ask", ({ messages }) =>
      messages.at(-2)?.text === "ask" ? { answer: interrupt("sure?") as string } : {},
    )
    .addEdge(START, "echo")
    .addEdge("echo", "ask")
    .compile({ checkpointer: persistence.checkpointer });
  const say = (id: string, text: string) =>
    graph.invoke(
      { messages: [new HumanMessage({ content: text, id: `${text} ${id}` })] },
      threadConfig(id),
    );
  const texts = async (id: string) => {
    const { values } = await graph.getState(threadConfig(id));
    return (values.messages ?? []).map(({ text }: { text: string }) => text);
  };
  return { persistence, graph, say, texts, sessions: persistence.sessions };
}

export const sessionCopyChecks: Checks = {
  "a copy has everything of its source, and then a life of its own": async (db) => {
    const { persistence, sessions, say, texts } = world(db);
    await sessions.create({ id: "s", title: "t", metadata: { a: 1 }, userId: "u", tenantId: "x" });
    await say("s", "one");
    await persistence.history("s").addMessages([new HumanMessage("kept")]);
    const copy = await persistence.copy("s", { as: "c" });
    const { title, metadata, userId, tenantId, status } = copy;
    assertSame(
      [copy.id, title, metadata, userId, tenantId, status],
      ["c", "t", { a: 1 }, "u", "x", "done"],
    );
    assertSame(await texts("c"), ["one", "echo one"]);
    assertSame(
      (await persistence.history("c").getMessages()).map(({ text }) => text),
      ["kept"],
    );
    await say("c", "two");
    await say("s", "three");
    assertSame(await texts("c"), ["one", "echo one", "two", "echo two"]);
    assertSame(await texts("s"), ["one", "echo one", "three", "echo three"]);
    await persistence.erase("s");
    assertSame(await texts("c"), ["one", "echo one", "two", "echo two"]);
  },

  "a copy up to a checkpoint knows nothing of what came after it": async (db) => {
    const { persistence, say, texts, graph } = world(db);
    await say("s", "one");
    const [end] = await persistence.listCheckpoints("s");
    await say("s", "two");
    const copy = await persistence.copy("s", { upTo: end?.checkpointId as string });
    assertSame(await texts(copy.id), ["one", "echo one"]);
    assertSame(copy.status, "done");
    assertSame((await graph.getState(threadConfig(copy.id))).next, []);
    const past = await persistence.listCheckpoints(copy.id);
    assertSame(past[0]?.checkpointId, end?.checkpointId);
    await say(copy.id, "other");
    assertSame(await texts(copy.id), ["one", "echo one", "other", "echo other"]);
    assertSame(await texts("s"), ["one", "echo one", "two", "echo two"]);
  },

  "a copy that ends in the middle of a step runs that step again": async (db) => {
    const { persistence, graph, say, texts } = world(db);
    await say("s", "one");
    const all = await persistence.listCheckpoints("s", { limit: 9 });
    const before = all.find(({ nodePath }) => nodePath?.includes("echo"));
    const copy = await persistence.copy("s", { upTo: before?.checkpointId as string, as: "c" });
    assertSame(copy.status, "running");
    assertSame((await db.storage.writes("c", "", before?.checkpointId as string)).length, 0);
    await persistence.run(graph, null, threadConfig("c"));
    assertSame(await texts("c"), ["one", "echo one"]);
    assertSame((await persistence.sessions.get("c"))?.status, "done");
  },

  "a copy of a thread that waits for a human waits too": async (db) => {
    const { persistence, graph, say } = world(db);
    await say("s", "ask");
    const [head] = await persistence.listCheckpoints("s");
    for (const options of [{ as: "c" }, { as: "d", upTo: head?.checkpointId as string }]) {
      const copy = await persistence.copy("s", options);
      assertSame(copy.status, "interrupted");
      const done = await graph.invoke(new Command({ resume: copy.id }), threadConfig(copy.id));
      assertSame(done.answer, copy.id);
    }
    assertSame((await persistence.sessions.get("s"))?.status, "interrupted");
  },

  "a checkpoint made by hand is copied as the state that it keeps": async (db) => {
    const { persistence, say, texts } = world(db);
    await say("s", "one");
    await persistence.createCheckpoint("s", { checkpointId: "mine" });
    await say("s", "two");
    const copy = await persistence.copy("s", { upTo: "mine" });
    assertSame(await texts(copy.id), ["one", "echo one"]);
  },

  "messages that are younger than the checkpoint are left behind": async (db) => {
    const { persistence, say } = world(db);
    await persistence.history("s").addMessages([new HumanMessage("before")]);
    await say("s", "one");
    const [end] = await persistence.listCheckpoints("s");
    const createdAt = end?.createdAt.getTime() as number;
    const message = {
      id: null,
      key: null,
      role: "human",
      metadata: null,
      createdAt: createdAt + 1,
    };
    const content = JSON.stringify({ class: "HumanMessage", message: [] });
    const fresh = { incarnation: 1, now: createdAt, token: "t" };
    await db.storage.appendMessages("s", {}, { messages: [{ ...message, content }] }, fresh);
    await say("s", "two");
    const copy = await persistence.copy("s", { upTo: end?.checkpointId as string });
    assertSame((await db.storage.messages(copy.id, {})).length, 1);
    assertSame((await db.storage.messages("s", {})).length, 2);
  },

  "copies that cannot be made leave nothing": async (db) => {
    const { persistence, sessions, say } = world(db);
    await say("s", "one");
    await say("t", "one");
    const [foreign] = await persistence.listCheckpoints("t");
    const id = foreign?.checkpointId as string;
    await assertRefused(() => persistence.copy("none"), "NOT_FOUND", "copy", /"none"/);
    await assertRefused(() => persistence.copy("s", { as: "t" }), "ALREADY_EXISTS", "copy", /"t"/);
    await assertRefused(() => persistence.copy("s", { upTo: id }), "NOT_FOUND", "copy");
    await assertRefused(() => persistence.copy("s", { upTo: "" }), "INVALID_ARGUMENT", "copy");
    await assertRefused(() => persistence.copy("s", { as: "\0" }), "INVALID_ARGUMENT", "copy");
    await assertRefused(() => persistence.copy(7 as never), "INVALID_ARGUMENT", "copy");
    assertSame((await sessions.list({ all: true })).sessions.length, 2);
    const rivals = Array.from({ length: 6 }, () => persistence.copy("s", { as: "c" }));
    const settled = await Promise.allSettled(rivals);
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 1);
  },
};
