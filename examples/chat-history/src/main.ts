import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { RunnableLambda, RunnableWithMessageHistory } from "@langchain/core/runnables";
import { SqliteChatMessageHistory } from "@threadkeep/sqlite";

const folder = mkdtempSync(join(tmpdir(), "threadkeep-chat-history-"));
const open = (sessionId: string) =>
  SqliteChatMessageHistory.fromConnString(join(folder, "chats.db"), sessionId);
const histories = { anna: open("anna"), ben: open("ben") };

/** Stands for a chat model: it answers with the first thing that it was ever told. */
const model = RunnableLambda.from(
  (messages: BaseMessage[]) => new AIMessage(`You began with: ${messages[0]?.text}`),
);

const chat = new RunnableWithMessageHistory({
  runnable: model,
  getMessageHistory: (sessionId: keyof typeof histories) => histories[sessionId],
});

async function say(sessionId: keyof typeof histories, text: string): Promise<void> {
  const reply = await chat.invoke([new HumanMessage(text)], { configurable: { sessionId } });
  console.log(`${sessionId}: ${text} → ${reply.text}`);
}

await say("anna", "I like tea.");
await say("ben", "I like coffee.");
await say("anna", "What do I like?");

const lastOfAnna = await histories.anna.getMessages({ last: 2 });
console.log(`anna's last page: ${lastOfAnna.map(({ text }) => text).join(" | ")}`);

await histories.ben.clear();
const left = [await histories.anna.getMessages(), await histories.ben.getMessages()];
console.log(`after ben cleared his: anna has ${left[0]?.length}, ben has ${left[1]?.length}`);

for (const history of Object.values(histories)) await history.end();
rmSync(folder, { recursive: true });
