import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { MemoryStorage } from "../storage/memory-storage.js";
import { type SaverOptions, StorageSaver } from "./saver.js";

/**
 * A checkpoint saver that keeps everything in memory, for tests and development. It behaves as the
 * database savers do: values are copied, exact or refused, and each message is kept once.
 *
 * @example
 * ```ts
 * const graph = builder.compile({ checkpointer: new MemorySaver() });
 * ```
 */
export class MemorySaver extends StorageSaver {
  constructor(storage?: MemoryStorage, serde?: SerializerProtocol, options?: SaverOptions) {
    super(storage ?? new MemoryStorage(), serde, options);
  }
}
