export { StorageError, type StorageErrorCode } from "./errors.js";
export {
  ChatMessageHistory,
  type HistoryOptions,
  MemoryChatMessageHistory,
  type MessageWindow,
} from "./history/chat-message-history.js";
export type { NodeRun } from "./nodes/node-run.js";
export type { PruneOptions, PruneReport } from "./saver/maintenance.js";
export { MemorySaver } from "./saver/memory-saver.js";
export type { NodeRunQuery } from "./saver/read-node-runs.js";
export { type SaverOptions, StorageSaver } from "./saver/saver.js";
export type { ValueClass } from "./state/classes.js";
export { MemoryStorage } from "./storage/memory-storage.js";
export type { Storage } from "./storage/storage.js";
