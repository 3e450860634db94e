import assert from "node:assert/strict";
import { type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  Command,
  entrypoint,
  getPreviousState,
  interrupt,
  START,
  StateGraph,
  task,
} from "@langchain/langgraph";
import { createAgent } from "langchain";
import { z } from "zod";
import { all, checkpoint, idsOf, latest, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { DURABILITIES, threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";

const add = tool(async ({ a, b }) => String(a + b), {
  name: "add",
  description: "adds",
  schema: z.object({ a: z.number(), b: z.number() }),
});

const Value = Annotation.Root({ value: Annotation<string>() });

/** A run that waits inside its node until it is let go. */
function held(checkpointer: Parameters<typeof createAgent>[0]["checkpointer"]) {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let enter = () => {};
  const entered = new Promise<void>((resolve) => {
    enter = resolve;
  });
  const graph = new StateGraph(Value)
    .addNode("wait", async () => {
      enter();
      await gate;
      return { value: "late" };
    })
    .addNode("more", () => ({ value: "later" }))
    .addEdge(START, "wait")
    .addEdge("wait", "more")
    .compile({ checkpointer: checkpointer as never });
  return { graph, entered, release };
}

export const agentChecks: Checks = {
  "createAgent with tools goes on in another process with every message as it was": async (db) => {
    const model = () =>
      fakeModel()
        .respondWithTools([
          { name: "add", args: { a: 1, b: 2 }, id: "c1" },
          { name: "add", args: { a: 3, b: 4 }, id: "c2" },
        ])
        .respond(({ length }: BaseMessage[]) => new HumanMessage(`after ${length}`) as never);
    const agent = () =>
      createAgent({ model: model() as never, tools: [add], checkpointer: db.saver() as never });
    // LangChain lets the messages of one step share their empty metadata: compare them one by one.
    const assertMessages = async (expected: BaseMessage[]) => {
      const messages = (await latest(db.saver(), "t"))?.messages as BaseMessage[];
      assert.equal(messages.length, expected.length);
      for (const [i, message] of expected.entries())
        assertSame(messages[i], message, `message ${i}`);
    };
    const first = await agent().invoke(
      { messages: [{ role: "user", content: "go" }] },
      threadConfig("t"),
    );
    assert.ok(first.messages.some((m) => m instanceof ToolMessage && m.content === "7"));
    await assertMessages(first.messages);
    const second = await agent().invoke(
      { messages: [{ role: "user", content: "again" }] },
      threadConfig("t"),
    );
    assert.ok(second.messages.length > first.messages.length);
    await assertMessages(second.messages);
  },

  "the functional API: tasks that finished do not run again, previous is kept": async (db) => {
    const ran: string[] = [];
    const flow = () => {
      const square = task("square", async (n: number) => {
        ran.push(`square ${n}`);
        return n * n;
      });
      return entrypoint({ name: "flow", checkpointer: db.saver() }, async (n: number) => {
        const previous = getPreviousState<unknown>();
        const squared = await Promise.all([square(n), square(n + 1)]);
        const answer = interrupt("sure?");
        return entrypoint.final({ value: { squared, answer, previous }, save: squared });
      });
    };
    await flow().invoke(2, threadConfig("t"));
    const done = await flow().invoke(new Command({ resume: "yes" }), threadConfig("t"));
    assertSame(done, { squared: [4, 9], answer: "yes", previous: undefined });
    assertSame([...ran].sort(), ["square 2", "square 3"]);
    await flow().invoke(3, threadConfig("t"));
    const again = await flow().invoke(new Command({ resume: "no" }), threadConfig("t"));
    assertSame((again as { previous: unknown }).previous, [4, 9]);
  },

  "a run that began before deleteThread cannot bring the thread back": async (db) => {
    for (const durability of DURABILITIES) {
      for (const known of [false, true]) {
        const thread = `${durability} ${known}`;
        if (known) await put(db.saver(), place(thread), checkpoint("old", { value: "old" }));
        const saver = db.saver();
        const { graph, entered, release } = held(saver as never);
        const running = graph.invoke({ value: "in" }, { ...threadConfig(thread), durability });
        await entered;
        await saver.deleteThread(thread);
        release();
        await assertRefused(() => running, "THREAD_DELETED", "put", /was deleted/).catch(
          (error) => {
            // A pending write may be the first to arrive.
            assert.match(String(error), /putWrites/, thread);
          },
        );
        assertSame(await all(db.saver(), { configurable: { thread_id: thread } }), [], thread);
        assert.equal(await db.storage.guard(thread), undefined, thread);
        assertSame(await db.storage.sessionWrites(thread), [], thread);
        const fresh = held(saver as never);
        fresh.release();
        assertSame(
          (await fresh.graph.invoke({ value: "new" }, threadConfig(thread))).value,
          "later",
        );
        assertSame((await latest(db.saver(), thread))?.value, "later");
      }
    }
  },

  "nor can one of another process": async (db) => {
    await put(db.saver(), place("t"), checkpoint("old", { value: "old" }));
    const { graph, entered, release } = held(db.saver() as never);
    const running = graph.invoke({ value: "in" }, threadConfig("t"));
    await entered;
    // The input's checkpoint is on its way: let it arrive, so that the run is known to the database.
    while ((await idsOf(db.saver(), place("t"))).length < 2)
      await new Promise((resolve) => setImmediate(resolve));
    await db.saver().deleteThread("t");
    const other = db.saver();
    await put(other, place("t"), checkpoint("new", { value: "successor" }));
    release();
    await assert.rejects(running, { code: "THREAD_DELETED" });
    assertSame(await latest(db.saver(), "t"), { value: "successor" });
    assertSame(await idsOf(db.saver(), place("t")), ["new"]);
  },

  "late calls that build on a deleted checkpoint are refused without a run too": async (db) => {
    const saver = db.saver();
    const config = await put(saver, place("t"), checkpoint("1", { value: 1 }));
    await db.saver().deleteThread("t");
    await saver.deleteThread("t");
    await assertRefused(() => put(saver, config, checkpoint("2")), "THREAD_DELETED", "put");
    await assertRefused(
      () => saver.putWrites(config, [["a", 1]], "task"),
      "THREAD_DELETED",
      "putWrites",
    );
    assert.equal(await db.storage.guard("t"), undefined);
    await put(saver, place("t"), checkpoint("3", { value: 3 }));
    await assertRefused(() => put(saver, config, checkpoint("2")), "THREAD_DELETED", "put");
    assertSame(await idsOf(saver, place("t")), ["3"]);
  },
};
