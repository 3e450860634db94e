import { MemoryStorage } from "@threadkeep/core";
import type { Backend } from "./harness.js";

export const memory: Backend = {
  name: "memory",
  create: async () => {
    const storage = new MemoryStorage();
    return { connect: async () => storage, remove: async () => {} };
  },
};
