import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  type StandardMessageStructure,
} from "@langchain/core/messages";
import {
  END,
  MessagesAnnotation,
  MessagesDeltaValue,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";

/** Deterministic random numbers from 0 to 1 (mulberry32): every run writes the same bytes. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const syllables = "ka lo mi ran te su vel or ani dor pe shu lin ga tor es um bri no fa".split(" ");

const vocabulary = Array.from({ length: 4000 }, (_, rank) => {
  const random = randomFrom(rank + 1);
  const length = 1 + Math.floor(Math.log10(rank + 1));
  const pick = () => syllables[Math.floor(random() * syllables.length)];
  return Array.from({ length }, pick).join("");
});

/** So many bytes of words whose frequencies fall as those of a language do (Zipf). */
export function text(seed: number, bytes: number): string {
  const random = randomFrom(seed);
  const words: string[] = [];
  for (let length = 0; length < bytes; ) {
    const word = vocabulary[Math.floor(vocabulary.length ** random()) - 1]!;
    words.push(word);
    length += word.length + 1;
  }
  return Buffer.from(words.join(" ")).toString("latin1", 0, bytes);
}

export function uuid(seed: number): string {
  const random = randomFrom(seed ^ 0x5bd1e995);
  const hex = (digits: number) =>
    Math.floor(random() * 16 ** digits)
      .toString(16)
      .padStart(digits, "0");
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(6)}${hex(6)}`;
}

const contentBytes = 600;

/** What the user says in turn `turn`, counted from 0. */
export const question = (turn: number): HumanMessage =>
  new HumanMessage({ id: uuid(2 * turn), content: text(2 * turn, contentBytes) });

/** What the model answers, with the metadata that a chat model's answer bears. */
export function answer(turn: number): AIMessage {
  const prompt = 150 * (2 * turn + 1);
  return new AIMessage<StandardMessageStructure>({
    id: uuid(2 * turn + 1),
    content: text(2 * turn + 1, contentBytes),
    response_metadata: {
      tokenUsage: { promptTokens: prompt, completionTokens: 150, totalTokens: prompt + 150 },
      finish_reason: "stop",
      model_name: "gpt-4o-mini-2024-07-18",
      system_fingerprint: "fp_0aa8d3e20b",
    },
    usage_metadata: {
      input_tokens: prompt,
      output_tokens: 150,
      total_tokens: prompt + 150,
      input_token_details: { cache_read: 0 },
      output_token_details: { reasoning: 0 },
    },
  });
}

/** The messages of the first `turns` turns. */
export const messagesOf = (turns: number): BaseMessage[] =>
  Array.from({ length: turns }, (_, turn) => [question(turn), answer(turn)]).flat();

const bytesOfMessages = new Map<number, number>();

/** Bytes of the messages of so many turns alone, as JSON. */
export function messageBytes(turns: number): number {
  const bytes = bytesOfMessages.get(turns) ?? Buffer.byteLength(JSON.stringify(messagesOf(turns)));
  bytesOfMessages.set(turns, bytes);
  return bytes;
}

const model = ({ messages }: { messages: BaseMessage[] }) => ({
  messages: [answer((messages.length - 1) / 2)],
});

/** A chat of one node, whose model answers from the number of messages so far. */
export function chatGraph(checkpointer?: BaseCheckpointSaver) {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", model)
    .addEdge(START, "model")
    .addEdge("model", END)
    .compile(checkpointer ? { checkpointer } : {});
}

export type ChatGraph = ReturnType<typeof chatGraph>;

/** The same chat, whose messages are a DeltaChannel: a checkpoint holds only what is new. */
export function deltaGraph(checkpointer?: BaseCheckpointSaver): ChatGraph {
  return new StateGraph(new StateSchema({ messages: MessagesDeltaValue }))
    .addNode("model", model)
    .addEdge(START, "model")
    .addEdge("model", END)
    .compile(checkpointer ? { checkpointer } : {}) as unknown as ChatGraph;
}
