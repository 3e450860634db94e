import assert from "node:assert/strict";
import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  type ToolMessage,
} from "@langchain/core/messages";
import { fakeModel } from "@langchain/core/testing";
import { tool } from "@langchain/core/tools";
import type { Graph, Persistence } from "@threadkeep/core";
import { type AgentMiddleware, createAgent, createMiddleware } from "langchain";
import { z } from "zod";
import { threadConfig } from "../src/graphs.js";

export const AT = threadConfig("t");
export const REFUSED = /without a result/;

const callsOf = (message: BaseMessage) => (message as AIMessage).tool_calls ?? [];

/** Refuses what a provider refuses: calls that their results do not follow at once. */
export function checkPaired(messages: readonly BaseMessage[]): void {
  for (const [i, message] of messages.entries()) {
    const open = new Set(callsOf(message).map(({ id }) => id));
    for (let at = i + 1; messages[at]?.getType() === "tool"; at += 1)
      open.delete((messages[at] as ToolMessage).tool_call_id);
    if (open.size > 0) throw new Error(`400: tool calls without a result: ${[...open]}`);
  }
}

/** "call a b" makes it call the tool for a and b at once; anything else it answers. */
function reply(messages: BaseMessage[]): BaseMessage | Error {
  try {
    checkPaired(messages);
  } catch (error) {
    return error as Error;
  }
  const last = messages.at(-1) as BaseMessage;
  const [word, ...names] = String(last.content).split(" ");
  if (last.getType() !== "human" || word !== "call") return new AIMessage(`heard ${last.content}`);
  const tool_calls = names.map((name) => ({
    ...{ id: `${name} ${messages.length}`, name: "work", args: { name } },
    type: "tool_call" as const,
  }));
  return new AIMessage({ content: "", tool_calls });
}

/** What happens around a call of the tool: what is thrown here ends the run. */
export type Work = (name: string) => unknown;

/** An agent with one tool. */
export function agentOf(
  persistence: Pick<Persistence, "checkpointer">,
  work: Work = () => undefined,
  middleware: readonly AgentMiddleware[] = [],
) {
  const model = fakeModel();
  for (let i = 0; i < 60; i += 1) model.respond(reply);
  const run = tool(({ name }) => `worked on ${name}`, {
    ...{ name: "work", description: "Works.", schema: z.object({ name: z.string() }) },
  });
  const around = createMiddleware({
    name: "Around",
    wrapToolCall: async (request, handler) => {
      await work(String(request.toolCall.args.name));
      return handler(request);
    },
  });
  return createAgent({
    model: model as never,
    tools: [run],
    checkpointer: persistence.checkpointer as never,
    middleware: [around, ...middleware],
  });
}

export type Agent = ReturnType<typeof agentOf>;

export const human = (content: string) => ({ messages: [new HumanMessage(content)] });

export const asGraph = (agent: Agent): Graph => agent.graph as unknown as Graph;

/** The conversation in one line for each message. */
export function lines(messages: readonly BaseMessage[]): string[] {
  return messages.map((message) => {
    const calls = callsOf(message).map(({ id }) => id);
    const isError = (message as ToolMessage).status === "error";
    const said = calls.length > 0 ? `calls ${calls.join(", ")}` : message.content;
    return isError ? "tool error" : `${message.getType()}: ${said}`;
  });
}

export async function stateOf(agent: Agent, config = AT) {
  const { values, next, tasks } = await agent.graph.getState(config);
  const { messages = [] } = values as { messages?: BaseMessage[] };
  return { messages, lines: lines(messages), next, tasks };
}

/** A tool that dies for some names. */
export const dying: Work = (name) => {
  if (name.startsWith("bad")) throw new TypeError("the tool broke");
};

/** The thread goes on with a new question. */
export async function assertUsable(agent: Agent, config = AT): Promise<void> {
  const { messages } = await agent.invoke(human("still there?"), config);
  assert.equal(messages.at(-1)?.content, "heard still there?");
  const again = await agent.invoke(human("call good"), config);
  assert.equal(again.messages.at(-1)?.content, "heard worked on good");
}

export async function assertBricked(agent: Agent, config = AT): Promise<void> {
  await assert.rejects(agent.invoke(human("hello?"), config), REFUSED);
}

/** Runs the agent until so many of its tools' results are stored, and lets the others go on then. */
export async function until(
  agent: Agent,
  content: string,
  results: number,
  then: () => void,
  config = AT,
): Promise<void> {
  let stored = 0;
  const stream = await agent.graph.stream(human(content), { ...config, streamMode: "updates" });
  for await (const update of stream) {
    if ("tools" in (update as object)) stored += 1;
    if (stored === results) then();
  }
}
