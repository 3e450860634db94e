import { StorageSaver } from "../saver/saver.js";
import type { Storage } from "../storage/storage.js";
import type { PersistenceOptions } from "./agent-persistence.js";
import { Plugins } from "./plugin/plugins.js";
import { RollbackToolRegistry } from "./registry.js";
import { SessionPersistence } from "./session-persistence.js";

export type { PersistenceOptions } from "./agent-persistence.js";

/**
 * The suite over one storage: the checkpointer, checkpoints that can be gone back to with their tools'
 * side effects undone, and sessions with their owners, transcripts and retention. The functions about
 * checkpoints bear the names of Koog's `Persistence`; a session is LangGraph's thread.
 *
 * A `session` is its id, or a config that names it as `thread_id`: inside a node or a tool, pass the
 * config that it got. Every function rejects with a `StorageError`.
 *
 * @example
 * ```ts
 * const persistence = new Persistence(SqliteStorage.connect("app.db"));
 * const graph = builder.compile({ checkpointer: persistence.checkpointer });
 * await persistence.run(graph, { messages: ["hello"] }, { configurable: { thread_id: "1", user_id: "u1" } });
 * const [last] = await persistence.listCheckpoints("1");
 * await persistence.rollbackToCheckpoint("1", last.checkpointId);
 * const { sessions } = await persistence.sessions.list({ userId: "u1" });
 * ```
 */
export class Persistence extends SessionPersistence {
  constructor(storage: Storage, options: PersistenceOptions = {}) {
    const { rollbackToolRegistry = new RollbackToolRegistry(), serde, ...others } = options;
    const { rollbackStrategy, tombstones, messagesKey, ...saver } = others;
    super(new StorageSaver(storage, serde, saver), options, {
      rollbackToolRegistry,
      plugins: new Plugins(),
    });
  }
}
