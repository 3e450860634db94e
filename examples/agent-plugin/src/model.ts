import { setTimeout } from "node:timers/promises";
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
} from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";

const usage = (messages: readonly BaseMessage[], output: number) => {
  const input = messages.reduce((sum, { text }) => sum + text.split(" ").length, 0);
  return { input_tokens: input, output_tokens: output, total_tokens: input + output };
};

/** Stands for a chat model that knows nothing of the weather but whom to ask. A token is a word. */
export class WeatherModel extends BaseChatModel {
  _llmType() {
    return "weather-model";
  }

  override bindTools() {
    return this;
  }

  /** Never called: LangChain streams where it can. */
  async _generate(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<ChatResult> {
    let message = new AIMessageChunk("");
    for await (const chunk of this._streamResponseChunks(messages, options)) {
      message = message.concat(chunk.message as AIMessageChunk);
    }
    return { generations: [{ text: message.text, message: new AIMessage(message) }] };
  }
}
