import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MessagesAnnotation, StateGraph } from "@langchain/langgraph";
// Before: import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { SqliteSaver } from "@threadkeep/sqlite";

const builder = new StateGraph(MessagesAnnotation)
  .addNode("reply", ({ messages }) => ({
    messages: [{ role: "ai", content: `That was message ${messages.length} of our talk.` }],
  }))
  .addEdge("__start__", "reply");

/** One turn, as an app would do it after each restart: everything comes from the file. */
async function turn(path: string, text: string): Promise<void> {
  const saver = SqliteSaver.fromConnString(path);
  const graph = builder.compile({ checkpointer: saver });
  const { messages } = await graph.invoke(
    { messages: [{ role: "human", content: text }] },
    { configurable: { thread_id: "greeting" } },
  );
  console.log(`${text} → ${messages.at(-1)?.text}`);
  await saver.end();
}

const folder = mkdtempSync(join(tmpdir(), "threadkeep-swap-import-"));
const path = join(folder, "app.db");
await turn(path, "Hello!");
await turn(path, "Are you still there?");
rmSync(folder, { recursive: true });
