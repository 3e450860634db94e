import assert from "node:assert/strict";
import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  HumanMessage,
} from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { fakeModel } from "@langchain/core/testing";
import { tool } from "@langchain/core/tools";
import { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { MemorySaver } from "@langchain/langgraph";
import {
  ChatMessageHistory,
  Persistence,
  type PluginOptions,
  type SessionPlugin,
  type Storage,
} from "@threadkeep/core";
import { z } from "zod";
import { Gate } from "../src/persistence.js";

/** A plugin of a process that has just started. */
export const pluginOf = (storage: Storage, options?: PluginOptions): SessionPlugin =>
  new Persistence(storage).plugin(options);

interface Row {
  readonly said: string;
  readonly status: unknown;
  readonly id: string | null;
}

/** What is recorded of a session: role, text, and the status of answers. */
export async function rows(storage: Storage, sessionId: string): Promise<Row[]> {
  const records = await storage.messages(sessionId, {});
  const messages = await new ChatMessageHistory(storage, sessionId).getMessages();
  return records.map(({ role, metadata, id }, i) => ({
    said: `${role}: ${messages[i]?.text}`,
    status: metadata === null ? undefined : JSON.parse(metadata).status,
    id,
  }));
}

export async function recorded(storage: Storage, sessionId: string): Promise<string[]> {
  return (await rows(storage, sessionId)).map(({ said }) => said);
}

export const texts = (messages: readonly BaseMessage[]): string[] =>
  messages.map((message) => `${message.getType()}: ${message.text}`);

export const usage = { input_tokens: 3, output_tokens: 5, total_tokens: 8 };

/** An answer without calls of tools. */
export const answer = (content: string) =>
  new AIMessage({
    content,
    usage_metadata: { ...usage, input_token_details: { cache_read: 1 } },
    response_metadata: { model_name: "fake-1" },
  } as never);

/** A model that says these things, one after the other. */
export function saying(...said: (string | Error | readonly [name: string, id: string][])[]) {
  const model = fakeModel();
  for (const one of said) {
    if (typeof one === "string") model.respond(answer(one));
    else if (one instanceof Error) model.respond(one);
    else {
      const calls = one.map(([name, id]) => ({ name, id, args: { name: id }, type: "tool_call" }));
      model.respond(new AIMessage({ content: "", tool_calls: calls as never }));
    }
  }
  return model;
}

/** `createAgent` wants models of its own copy of LangChain's types. */
export const asModel = (model: unknown) => model as never;
export const memory = () => new MemorySaver() as never;

const schema = z.object({ name: z.string() });

/** A tool that answers with what its work says. */
export const toolOf = (name: string, work: (given: string) => unknown) =>
  tool(async ({ name: given }) => String(await work(given)), { name, description: name, schema });

export const hello = (content = "hello") => ({ messages: [new HumanMessage(content)] });

/** Says pieces one after the other; waits at its gate before it goes on after the first ones. */
export class SlowModel extends FakeStreamingChatModel {
  readonly #pieces: readonly (string | Error)[];
  readonly #waitsAfter: number;
  readonly waits = new Gate();
  readonly gate = new Gate();

  constructor(pieces: readonly (string | Error)[], waitsAfter = pieces.length) {
    super({ sleep: 0 });
    this.#pieces = pieces;
    this.#waitsAfter = waitsAfter;
  }

  override bindTools(): never {
    return this as never;
  }

  override async *_streamResponseChunks(
    ...[, options, manager]: Parameters<FakeStreamingChatModel["_streamResponseChunks"]>
  ): AsyncGenerator<ChatGenerationChunk> {
    for (const [i, piece] of this.#pieces.entries()) {
      if (i === this.#waitsAfter) {
        this.waits.open();
        await Promise.race([this.gate.opened, aborted(options.signal)]);
        options.signal?.throwIfAborted();
      }
      if (piece instanceof Error) throw piece;
      const message = new AIMessageChunk({ content: piece });
      const chunk = new ChatGenerationChunk({ message, text: piece });
      await manager?.handleLLMNewToken(piece, undefined, undefined, undefined, undefined, {
        chunk,
      });
      yield chunk;
    }
  }
}

const aborted = (signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));

/** A call that must fail, and its error. */
export async function failing(call: Promise<unknown>): Promise<Error> {
  const error = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof Error, "the call did not fail");
  return error;
}
