export { StorageError, type StorageErrorCode } from "./errors.js";
export {
  ChatMessageHistory,
  type HistoryOptions,
  MemoryChatMessageHistory,
  type MessageWindow,
} from "./history/chat-message-history.js";
export type { NodeRun } from "./nodes/node-run.js";
export type { AgentCheckpoint } from "./persistence/agent-checkpoint.js";
export type { CreateOptions } from "./persistence/checkpoints.js";
export type { SessionRef } from "./persistence/core.js";
export type { AnyGraph, Graph } from "./persistence/graph.js";
export type { ToolCall } from "./persistence/journal.js";
export type { ExecutionPoint } from "./persistence/levels.js";
export type { CheckpointQuery } from "./persistence/list-checkpoints.js";
export { Persistence, type PersistenceOptions } from "./persistence/persistence.js";
export {
  type CallableTool,
  RollbackToolRegistry,
  type UndoFunction,
  type UndoOptions,
} from "./persistence/registry.js";
export type { Rollback, RollbackOptions, RollbackStrategy } from "./persistence/rollback.js";
export type { RunOptions } from "./persistence/run.js";
export type { CheckpointData } from "./persistence/save.js";
export type { PointOptions } from "./persistence/set-execution-point.js";
export { type InDoubt, UndoError, type UndoReport } from "./persistence/undo.js";
export type { PruneOptions, PruneReport } from "./saver/maintenance.js";
export { MemorySaver } from "./saver/memory-saver.js";
export type { NodeRunQuery } from "./saver/read-node-runs.js";
export { type SaverOptions, StorageSaver } from "./saver/saver.js";
export type { ValueClass } from "./state/classes.js";
export { MemoryStorage } from "./storage/memory-storage.js";
export type { Storage } from "./storage/storage.js";
