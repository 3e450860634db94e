import { deltaChannelHistoryTests, validate } from "@langchain/langgraph-checkpoint-validation";
import type { StorageSaver } from "@threadkeep/core";
import { type Backend, Database } from "../src/harness.js";

/** LangGraph's own tests of a checkpoint saver, complete. They register themselves. */
export function upstream(backend: Backend): void {
  const databases = new Map<StorageSaver, Database>();
  const initializer = {
    // The suite passes over tests for savers of some names; this is none of them.
    checkpointerName: `threadkeep ${backend.name}`,
    createCheckpointer: async () => {
      const db = await Database.create(backend);
      const saver = db.saver();
      databases.set(saver, db);
      return saver;
    },
    destroyCheckpointer: async (saver: StorageSaver) => {
      await databases.get(saver)?.destroy();
      databases.delete(saver);
    },
  };
  validate(initializer as never);
  deltaChannelHistoryTests(initializer as never);
}
