import { createRequire } from "node:module";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Send } from "@langchain/langgraph";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { MemorySaver } from "@threadkeep/core";
import { expect, test } from "vitest";

const require = createRequire(import.meta.url);

/** A graph that was imported and a saver that was required have two copies of every class. */
test("messages and sends of a second copy of the libraries are stored as ours", async () => {
  const core = require("@langchain/core/messages") as typeof import("@langchain/core/messages");
  const graph = require("@langchain/langgraph") as typeof import("@langchain/langgraph");
  expect(core.HumanMessage).not.toBe(HumanMessage);
  expect(graph.Send).not.toBe(Send);
  const saver = new MemorySaver();
  const values = {
    messages: [new core.HumanMessage({ id: "1", content: "x" }), new core.AIMessage("y")],
    send: new graph.Send("node", { n: 1 }),
  };
  const checkpoint = { ...emptyCheckpoint(), channel_values: values };
  const metadata = { source: "loop", step: 0, parents: {} } as const;
  const config = await saver.put({ configurable: { thread_id: "t" } }, checkpoint, metadata, {});

  const read = (await saver.getTuple(config))!.checkpoint.channel_values;
  const [human, ai] = read.messages as [HumanMessage, AIMessage];
  expect(Object.getPrototypeOf(human)).toBe(HumanMessage.prototype);
  expect(Object.getPrototypeOf(ai)).toBe(AIMessage.prototype);
  expect(human.toDict()).toEqual(values.messages[0]?.toDict());
  expect(read.send).toBeInstanceOf(Send);
  expect(read.send).toMatchObject({ node: "node", args: { n: 1 } });
});
