import {
  AIMessage,
  AIMessageChunk,
  type BaseMessage,
  ChatMessage,
  ChatMessageChunk,
  FunctionMessage,
  FunctionMessageChunk,
  HumanMessage,
  HumanMessageChunk,
  RemoveMessage,
  SystemMessage,
  SystemMessageChunk,
  ToolMessage,
  ToolMessageChunk,
} from "@langchain/core/messages";
import fc from "fast-check";

// biome-ignore lint/suspicious/noExplicitAny: the classes' constructors have nothing in common
type AnyMessageClass = { new (fields: any): BaseMessage; readonly name: string };

const CLASSES: readonly AnyMessageClass[] = [
  HumanMessage,
  AIMessage,
  SystemMessage,
  ToolMessage,
  FunctionMessage,
  ChatMessage,
  HumanMessageChunk,
  AIMessageChunk,
  SystemMessageChunk,
  ToolMessageChunk,
  FunctionMessageChunk,
  ChatMessageChunk,
];

const text = fc.string({ maxLength: 10 });
const json = fc.jsonValue({ maxDepth: 2 });
const record = fc.dictionary(text, json, { maxKeys: 3 });

const blocks: fc.Arbitrary<object> = fc.oneof(
  fc.record({ type: fc.constant("text"), text }),
  fc.record({ type: fc.constant("reasoning"), reasoning: text }),
  fc.record({ type: fc.constant("image_url"), image_url: fc.record({ url: text }) }),
  fc.record({
    type: fc.constant("image"),
    mimeType: fc.constant("image/png"),
    data: fc.uint8Array({ maxLength: 9 }),
  }),
  fc.record({
    type: fc.constant("audio"),
    mimeType: fc.constant("audio/wav"),
    data: fc.base64String({ maxLength: 12 }),
  }),
  fc.record({ type: fc.constant("file"), url: text, metadata: record }),
  fc.record({ type: fc.constant("tool_call"), id: text, name: text, args: record }),
  fc.record({ type: fc.constant("text-plain"), text, title: text }),
);

const toolCalls = fc.record({
  name: text,
  args: record,
  id: text,
  type: fc.constant("tool_call" as const),
});
const invalidToolCalls = fc.record(
  {
    name: text,
    args: text,
    id: text,
    error: text,
    type: fc.constant("invalid_tool_call" as const),
  },
  { requiredKeys: ["type"] },
);
const toolCallChunks = fc.record(
  {
    name: text,
    args: fc.constantFrom('{"a":', '{"a":1}', "1", "x"),
    id: text,
    index: fc.nat(3),
    type: fc.constant("tool_call_chunk" as const),
  },
  { requiredKeys: ["type", "args", "id"] },
);
const usage = fc.record(
  {
    input_tokens: fc.nat(),
    output_tokens: fc.nat(),
    total_tokens: fc.nat(),
    input_token_details: fc.record({ cache_read: fc.nat() }),
    output_token_details: fc.record({ reasoning: fc.nat() }),
  },
  { requiredKeys: ["input_tokens", "output_tokens", "total_tokens"] },
);

const fields = fc.record(
  {
    content: fc.oneof(text, fc.array(blocks, { maxLength: 3 })),
    id: fc.oneof(fc.uuid(), fc.constantFrom("", "m1", "m2", undefined)),
    name: text,
    additional_kwargs: record,
    response_metadata: fc.oneof(
      record,
      fc.boolean().map(() => ({ output_version: "v1" })),
    ),
    tool_calls: fc.array(toolCalls, { maxLength: 2 }),
    invalid_tool_calls: fc.array(invalidToolCalls, { maxLength: 2 }),
    tool_call_chunks: fc.array(toolCallChunks, { maxLength: 3 }),
    usage_metadata: usage,
    status: fc.constantFrom("success", "error"),
    artifact: fc.oneof(
      json,
      fc.bigInt().map((n) => new Map([["k", n]])),
    ),
    metadata: record,
    example: fc.boolean(),
  },
  { requiredKeys: ["content"] },
);

const EXTRA: Readonly<Record<string, readonly string[]>> = {
  AIMessage: ["tool_calls", "invalid_tool_calls", "usage_metadata"],
  AIMessageChunk: ["tool_calls", "invalid_tool_calls", "usage_metadata", "tool_call_chunks"],
  ToolMessage: ["status", "artifact", "metadata"],
  ToolMessageChunk: ["status", "artifact", "metadata"],
};
const COMMON = ["content", "id", "name", "additional_kwargs", "response_metadata", "example"];

/** A message of a class as a program would make it, or `undefined` where LangChain refuses. */
function make(Class: AnyMessageClass, given: Record<string, unknown>): BaseMessage | undefined {
  const allowed = [...COMMON, ...(EXTRA[Class.name] ?? [])];
  const own = Object.fromEntries(Object.entries(given).filter(([key]) => allowed.includes(key)));
  if (Class.name.startsWith("Tool")) own.tool_call_id = "call-1";
  if (Class.name.startsWith("Function")) own.name = "fn";
  if (Class.name.startsWith("Chat")) own.role = "critic";
  try {
    return new Class(own);
  } catch {
    return undefined;
  }
}

const constructed = fc
  .tuple(fc.constantFrom(...CLASSES), fields)
  .map(([Class, given]) => make(Class, given))
  .filter((message) => message !== undefined);

const ofBlocks = fc
  .tuple(
    fc.constantFrom<AnyMessageClass>(HumanMessage, AIMessage, SystemMessage),
    fc.array(blocks, { maxLength: 3 }),
  )
  .map(([Class, contentBlocks]) => new Class({ contentBlocks }));

const concatenated = fc
  .tuple(fc.array(toolCallChunks, { maxLength: 2 }), usage, text)
  .map(([tool_call_chunks, usage_metadata, content]) =>
    new AIMessageChunk({ content, tool_call_chunks }).concat(
      new AIMessageChunk({ content: "!", usage_metadata } as never),
    ),
  );

const tampered = constructed.chain((message) =>
  fc
    .dictionary(fc.constantFrom("id", "content", "name", "added", "lc_serializable"), text, {
      maxKeys: 2,
    })
    .map((edits) => Object.assign(message, edits)),
);

/** Messages of every class, in every way in which one is made. */
export const messages: fc.Arbitrary<BaseMessage> = fc.oneof(
  { weight: 6, arbitrary: constructed },
  { weight: 2, arbitrary: ofBlocks },
  { weight: 1, arbitrary: concatenated },
  { weight: 1, arbitrary: tampered },
  { weight: 1, arbitrary: fc.uuid().map((id) => new RemoveMessage({ id })) },
  { weight: 1, arbitrary: text.map((content) => new HumanMessage(content)) },
);
