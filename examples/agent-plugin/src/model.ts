import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import {
  AIMessageChunk,
  type BaseMessage,
  type StandardMessageStructure,
} from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";

/** Stands for a chat model: it asks a tool for the weather, and tells endless stories. */
export class WeatherModel extends BaseChatModel {
  _llmType() {
    return "weather-model";
  }

  override bindTools() {
    return this;
  }

  async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    const message = answerTo(messages).reduce((whole, piece) => whole.concat(piece));
    return { generations: [{ text: message.text, message }] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    { signal }: this["ParsedCallOptions"],
    run?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for (const message of answerTo(messages)) {
      const { text } = message;
      const chunk = new ChatGenerationChunk({ message, text });
      const none = undefined;
      await run?.handleLLMNewToken(text, none, none, none, none, { chunk });
      yield chunk;
      // A story has no end, until somebody stops it.
      if (text === "time ") await aborted(signal);
    }
  }
}

/** The answer in pieces: a word is a token, and each is counted. */
function answerTo(messages: readonly BaseMessage[]): AIMessageChunk[] {
  const input = messages.reduce((sum, { text }) => sum + text.split(" ").length, 0);
  const pieces = wordsOrCall(messages);
  const output = pieces.length;
  const usage_metadata = {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
  };
  const response_metadata = { model_name: "weather-1" };
  return [
    ...pieces,
    new AIMessageChunk<StandardMessageStructure>({
      content: "",
      usage_metadata,
      response_metadata,
    }),
  ];
}

function wordsOrCall(messages: readonly BaseMessage[]): AIMessageChunk[] {
  const last = messages.at(-1)!;
  const city = /weather in (\w+)/.exec(last.text)?.[1];
  if (city !== undefined) {
    const call = {
      name: "get_weather",
      args: JSON.stringify({ city }),
      id: `call-${city}`,
      index: 0,
    };
    return [new AIMessageChunk({ content: "", tool_call_chunks: [call] })];
  }
  const known = messages.filter(({ type }) => type === "tool").map(({ text }) => text);
  const other = last.text.includes("story")
    ? "Once upon a time there"
    : `So far: ${known.join(" ")}`;
  const text = last.type === "tool" ? last.text : other;
  return text.match(/\S+\s*/g)!.map((word) => new AIMessageChunk(word));
}

async function aborted(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}
