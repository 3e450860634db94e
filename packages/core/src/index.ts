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
export type { CopyOptions } from "./persistence/copy.js";
export type { SessionRef } from "./persistence/core.js";
export type { AnyGraph, Graph } from "./persistence/graph.js";
export type {
  ImportFromOptions,
  ImportFromProgress,
  ImportFromReport,
} from "./persistence/import-from.js";
export type { ToolCall } from "./persistence/journal.js";
export type { ExecutionPoint } from "./persistence/levels.js";
export type { CheckpointQuery } from "./persistence/list-checkpoints.js";
export { Persistence, type PersistenceOptions } from "./persistence/persistence.js";
export type { ChainKeys } from "./persistence/plugin/chain.js";
export { type PluginOptions, SessionPlugin } from "./persistence/plugin/plugin.js";
export type { HistoryMode } from "./persistence/plugin/run.js";
export type { Wrappable, Wrapped } from "./persistence/plugin/wrap.js";
export {
  type CallableTool,
  RollbackToolRegistry,
  type UndoFunction,
  type UndoOptions,
} from "./persistence/registry.js";
export type { RepairOptions, RepairReport } from "./persistence/repair.js";
export type {
  ExpireOptions,
  ExpireProgress,
  ExpireReport,
  RetentionPruneOptions,
  RetentionPruneProgress,
  RetentionPruneReport,
} from "./persistence/retention.js";
export type { Rollback, RollbackOptions, RollbackStrategy } from "./persistence/rollback.js";
export type { RunOptions } from "./persistence/run.js";
export type { CheckpointData } from "./persistence/save.js";
export type { SessionPersistence } from "./persistence/session-persistence.js";
export type { PointOptions } from "./persistence/set-execution-point.js";
export type { ChannelSize, SessionStats } from "./persistence/stats.js";
export type {
  TranscriptMessage,
  TranscriptPage,
  TranscriptQuery,
} from "./persistence/transcript-page.js";
export { type InDoubt, UndoError, type UndoReport } from "./persistence/undo.js";
export type { CheckpointTables, TableCheckpoint } from "./saver/checkpoint-tables.js";
export type { PruneOptions, PruneReport } from "./saver/maintenance.js";
export { MemorySaver } from "./saver/memory-saver.js";
export type { NodeRunQuery } from "./saver/read-node-runs.js";
export { type SaverOptions, StorageSaver } from "./saver/saver.js";
export type { Duration } from "./sessions/duration.js";
export type { ImportSessionOptions } from "./sessions/import.js";
export type { ModelCall } from "./sessions/model-call.js";
export type { TextSource } from "./sessions/ndjson.js";
export type { OwnerQuery } from "./sessions/owner-query.js";
export type { Session, SessionStatus } from "./sessions/session.js";
export type {
  EraseReport,
  NewSession,
  SessionListQuery,
  SessionPage,
  Sessions,
  SessionUpdate,
} from "./sessions/sessions.js";
export type { ValueClass } from "./state/classes.js";
export { MemoryStorage } from "./storage/memory-storage.js";
export type { Owner, Storage, TableSize } from "./storage/storage.js";
