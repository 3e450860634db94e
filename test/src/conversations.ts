import {
  AIMessage,
  type BaseMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import fc from "fast-check";

export const asks = (...ids: string[]) =>
  new AIMessage({
    content: `calls ${ids.join(" ")}`,
    tool_calls: ids.map((id) => ({ id, name: `tool ${id}`, args: {}, type: "tool_call" as const })),
  });
export const answers = (id: string, content = `result of ${id}`) =>
  new ToolMessage({ content, tool_call_id: id, name: `tool ${id}` });

/** Few ids, so that calls of different messages share some, as some models count them anew. */
const ids = fc.constantFrom("a", "b", "c");
const any: fc.Arbitrary<BaseMessage> = fc.oneof(
  { weight: 3, arbitrary: fc.nat(99).map((n) => new HumanMessage(`question ${n}`)) },
  { weight: 2, arbitrary: fc.nat(99).map((n) => new AIMessage(`answer ${n}`)) },
  { weight: 4, arbitrary: fc.uniqueArray(ids, { minLength: 1 }).map((all) => asks(...all)) },
  { weight: 6, arbitrary: ids.map((id) => answers(id)) },
  { weight: 1, arbitrary: fc.constant(new SystemMessage("a rule")) },
);

/** Whatever may stand in a history: calls without results, results without calls, others between. */
export const conversations: fc.Arbitrary<BaseMessage[]> = fc.array(any, {
  maxLength: 120,
  size: "max",
});

/** So many turns: a question, a tool call, its result, an answer. */
export function turns(count: number, from = 1): BaseMessage[] {
  return Array.from({ length: count }, (_, i) => i + from).flatMap((n) => [
    new HumanMessage({ id: `human ${n}`, content: `question ${n}` }),
    Object.assign(asks(`call ${n}`), { id: `asks ${n}` }),
    Object.assign(answers(`call ${n}`), { id: `result ${n}` }),
    new AIMessage({ id: `ai ${n}`, content: `answer ${n}` }),
  ]);
}

export const texts = (messages: readonly BaseMessage[]) => messages.map(({ content }) => content);
