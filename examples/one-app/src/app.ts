import { randomUUID } from "node:crypto";
import { MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { StorageError, type StorageSaver } from "@threadkeep/core";

const builder = new StateGraph(MessagesAnnotation)
  .addNode("reply", ({ messages }) => ({
    messages: [{ role: "ai", content: `That was message ${messages.length} of our talk.` }],
  }))
  .addEdge("__start__", "reply");

async function talk(checkpointer: StorageSaver): Promise<void> {
  const graph = builder.compile({ checkpointer });
  const thread_id = randomUUID();
  const thread = { configurable: { thread_id } };
  for (const content of ["Hello!", "Are you still there?"]) {
    const { messages } = await graph.invoke({ messages: [{ role: "human", content }] }, thread);
    console.log(`${content} → ${messages.at(-1)?.text}`);
  }
  const ids: string[] = [];
  for await (const { checkpoint } of checkpointer.list(thread)) ids.push(checkpoint.id);
  console.log(`kept: ${ids.length} checkpoints`);
  await checkpointer.deleteThread(thread_id);
  console.log(`deleted: ${(await checkpointer.getTuple(thread)) === undefined}`);
}

/** The whole app. It does not know which database it runs on. */
export async function run(checkpointer: StorageSaver): Promise<void> {
  try {
    await talk(checkpointer);
  } catch (error) {
    const isOffline =
      error instanceof StorageError && ["CONNECTION", "ACCESS_DENIED"].includes(error.code);
    if (!isOffline) throw error;
    console.error(`${error.message}\nName your database in DATABASE_URL.`);
    process.exitCode = 1;
  } finally {
    await checkpointer.end();
  }
}
