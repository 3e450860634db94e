import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  HumanMessage,
} from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { Command, interrupt, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import type { SessionPersistence, SessionPlugin } from "@threadkeep/core";

/** Stands for a chat model: it repeats what the user told it so far. */
class Parrot extends SimpleChatModel {
  _llmType() {
    return "parrot";
  }

  async _call(messages: BaseMessage[]): Promise<string> {
    const told = messages.filter(({ type }) => type === "human").map(({ text }) => text);
    return `You said: ${told.join(" ")}`;
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    _options: this["ParsedCallOptions"],
    run?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for (const text of (await this._call(messages)).match(/\S+\s*/g) ?? []) {
      const chunk = new ChatGenerationChunk({ message: new AIMessageChunk(text), text });
      const none = undefined;
      await run?.handleLLMNewToken(text, none, none, none, none, { chunk });
      yield chunk;
    }
  }
}

const model = new Parrot({});

/** Before it books something, it asks; the thread waits for the answer, for days if need be. */
const builder = new StateGraph(MessagesAnnotation)
  .addNode("reply", async ({ messages }) => {
    const text = messages.at(-1)?.text ?? "";
    if (!text.startsWith("Book ")) return { messages: [await model.invoke(messages)] };
    const answer = interrupt<string, string>(`${text} Really?`);
    const done = answer === "yes" ? "It is booked." : "I left it.";
    return { messages: [new HumanMessage(answer), new AIMessage(done)] };
  })
  .addEdge("__start__", "reply");

/** Somebody without a login: all that is theirs, and the session that they have open. */
export interface User {
  readonly mine: SessionPersistence;
  readonly plugin: SessionPlugin;
}

/** The pieces of the answer to what a user says in a session, or the question that it waits with. */
export async function* answer({ mine, plugin }: User, sessionId: string, text: string) {
  const graph = plugin.wrap(builder.compile({ checkpointer: mine.checkpointer }));
  const session = await mine.sessions.get(sessionId);
  const isAsked = session?.status === "interrupted";
  const said = { messages: [{ role: "human", content: text }] };
  const stream = await graph.stream(isAsked ? new Command({ resume: text }) : said, {
    configurable: { thread_id: sessionId },
    streamMode: ["messages", "updates"],
  });
  for await (const [mode, piece] of stream) {
    if (mode === "messages") {
      if (piece[0].type === "ai") yield piece[0].text;
    } else if ("__interrupt__" in piece) {
      yield String((piece.__interrupt__ as { value: unknown }[])[0]?.value);
    }
  }
}
