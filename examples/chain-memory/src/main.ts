import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimpleChatModel } from "@langchain/core/language_models/chat_models";
import type { BaseMessage } from "@langchain/core/messages";
import { StringOutputParser } from "@langchain/core/output_parsers";
import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
import { RunnableWithMessageHistory } from "@langchain/core/runnables";
import { Persistence } from "@threadkeep/core";
import { SqliteStorage } from "@threadkeep/sqlite";

/** Stands for a chat model: it repeats all that it was told, but questions. */
class Parrot extends SimpleChatModel {
  _llmType() {
    return "parrot";
  }

  async _call(messages: BaseMessage[]): Promise<string> {
    const told = messages.filter(
      (message) => message.type === "human" && !/\?$/.test(message.text),
    );
    return `You told me: ${told.map(({ text }) => text).join(" ")}`;
  }
}

const prompt = ChatPromptTemplate.fromMessages([
  ["system", "Repeat what you are told."],
  new MessagesPlaceholder("history"),
  ["human", "{input}"],
]);
const chain = prompt.pipe(new Parrot({})).pipe(new StringOutputParser());

const folder = mkdtempSync(join(tmpdir(), "threadkeep-chain-memory-"));
const open = () => new Persistence(SqliteStorage.connect(join(folder, "chats.db")));
const show = async (who: string, input: string, answer: Promise<string>) =>
  console.log(`${who}: ${input} → ${await answer}`);

// LangChain's own memory: the history of a session is one function.
let persistence = open();
const remembering = new RunnableWithMessageHistory({
  runnable: chain,
  getMessageHistory: (sessionId: string) => persistence.history(sessionId, { userId: sessionId }),
  inputMessagesKey: "input",
  historyMessagesKey: "history",
});
const say = (sessionId: string, input: string) =>
  show(sessionId, input, remembering.invoke({ input }, { configurable: { sessionId } }));

await say("anna", "I like tea.");
await say("ben", "I like coffee.");
await say("anna", "What did I say?");

// The same session goes on after a restart, with the plugin around the chain.
await persistence.end();
persistence = open();
const plugin = persistence.plugin({ userId: "anna", sessionId: "anna" });
const recorded = plugin.wrap(chain, { inputKey: "input", historyKey: "history" });
const sayMore = (input: string) => show("anna", input, recorded.invoke({ input, history: [] }));

await sayMore("I like cake, too.");
await sayMore("And now?");

const { source, messages } = await persistence.messages("anna");
console.log(`anna's conversation, from ${source}:`);
for (const { position, role, message } of messages)
  console.log(`  ${position} ${role}: ${message.text}`);
assert.equal(messages.length, 9);
assert.equal(messages.at(-1)?.message.text, "You told me: I like tea. I like cake, too.");

// What the model was told by the system prompt is noted once, and each of its calls.
const calls = await persistence.modelCalls("anna");
console.log(`model calls: ${calls.map(({ status }) => status).join(", ")}`);
assert.deepEqual(
  calls.map(({ messageId, status }) => [typeof messageId, status]),
  [
    ["string", "ok"],
    ["string", "ok"],
  ],
);

const { sessions } = await persistence.sessions.list({ userId: "anna" });
assert.deepEqual(
  sessions.map(({ id, status }) => [id, status]),
  [["anna", "done"]],
);
assert.equal((await persistence.messages("ben")).messages.length, 2);

await persistence.end();
rmSync(folder, { recursive: true });
