import { deltaChannelHistoryTests, validate } from "@langchain/langgraph-checkpoint-validation";
import { MemorySaver } from "@threadkeep/core";
import { SqliteSaver } from "@threadkeep/sqlite";

for (const [checkpointerName, createCheckpointer] of [
  ["threadkeep memory", async () => new MemorySaver()],
  ["threadkeep sqlite", async () => SqliteSaver.fromConnString(":memory:")],
] as const) {
  const initializer = {
    checkpointerName,
    createCheckpointer,
    destroyCheckpointer: (saver: MemorySaver | SqliteSaver) => saver.end(),
  };
  validate(initializer as never);
  deltaChannelHistoryTests(initializer as never);
}
