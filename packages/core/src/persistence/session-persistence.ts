import { operation } from "../errors.js";
import { ChatMessageHistory, type HistoryOptions } from "../history/chat-message-history.js";
import type { CheckpointTables } from "../saver/checkpoint-tables.js";
import type { StorageSaver } from "../saver/saver.js";
import { viewOf } from "../saver/saver.js";
import { exportSession } from "../sessions/export.js";
import { type ImportSessionOptions, importSession } from "../sessions/import.js";
import { type ModelCall, readModelCalls } from "../sessions/model-call.js";
import type { TextSource } from "../sessions/ndjson.js";
import { type OwnerQuery, optionalOwnerOf, ownerFieldsOf } from "../sessions/owner-query.js";
import type { Session } from "../sessions/session.js";
import { type EraseReport, Sessions } from "../sessions/sessions.js";
import { checkId } from "../storage/ids.js";
import { OwnedStorage } from "../storage/owned-storage.js";
import { isOf } from "../storage/owners.js";
import type { Owner } from "../storage/storage.js";
import { AgentPersistence, type Common, type PersistenceOptions } from "./agent-persistence.js";
import { type CopyOptions, copySession } from "./copy.js";
import { erase } from "./erase.js";
import { type ImportFromOptions, type ImportFromReport, importFrom } from "./import-from.js";
import { type PluginOptions, SessionPlugin } from "./plugin/plugin.js";
import type { Plugins } from "./plugin/plugins.js";
import { type RepairOptions, type RepairReport, repair } from "./repair.js";
import {
  type ExpireOptions,
  type ExpireReport,
  expire,
  prune,
  type RetentionPruneOptions,
  type RetentionPruneReport,
} from "./retention.js";
import { type SessionStats, stats } from "./stats.js";
import { readTranscript, type TranscriptPage, type TranscriptQuery } from "./transcript-page.js";

/**
 * Everything that can be done with the sessions of a storage, or of one owner.
 */
export class SessionPersistence extends AgentPersistence {
  /** Conversations and their owners. */
  readonly sessions: Sessions;
  readonly #options: PersistenceOptions;
  readonly #plugins: Plugins;

  constructor(checkpointer: StorageSaver, options: PersistenceOptions, common: Common) {
    super(checkpointer, options, common);
    this.#options = options;
    this.#plugins = common.plugins;
    const { core } = this;
    this.sessions = new Sessions({
      storage: core.storage,
      owner: core.storage instanceof OwnedStorage ? core.storage.owner : {},
      texts: core.threads.texts,
      classes: core.threads.classes,
      clock: core.clock,
      remove: (id) => core.thread(id).delete(),
      erase: (target) => this.erase(target),
      opened: (record) => this.#plugins.follow(record),
    });
  }

  /**
   * The same functions for the sessions of one owner: all others are as if they were not there, under
   * whatever function, and their ids are free. It shares memory and connections with this one; `end`
   * leaves them open.
   * @throws StorageError `INVALID_ARGUMENT` where no field is given, or one that is undefined
   *
   * @example
   * ```ts
   * const mine = persistence.forOwner({ tenantId: "acme", userId: "u1" });
   * const graph = builder.compile({ checkpointer: mine.checkpointer });
   * const { sessions } = await mine.sessions.list({ userId: "u1" });
   * ```
   */
  forOwner(owner: Owner): SessionPersistence {
    const given = ownerFieldsOf("forOwner", owner);
    const { core, rollbackToolRegistry } = this;
    const whole = core.storage;
    const view =
      whole instanceof OwnedStorage ? whole.scoped(given) : new OwnedStorage(whole, given);
    const name = JSON.stringify((view as OwnedStorage).owner);
    const common = { rollbackToolRegistry, plugins: this.#plugins };
    return new SessionPersistence(viewOf(this.checkpointer, view, name), this.#options, common);
  }

  /**
   * LangChain's chat message history of a session.
   * @throws StorageError `INVALID_ARGUMENT`
   */
  history(sessionId: string, owner: Owner = {}): ChatMessageHistory {
    const { classes } = this.#options;
    const given = optionalOwnerOf("history", owner);
    const options: HistoryOptions = { ...given, ...(classes === undefined ? {} : { classes }) };
    return new ChatMessageHistory(this.core.storage, sessionId, options);
  }

  /**
   * A middleware for `createAgent`, and a wrapper for graphs and chains, that records conversations.
   * It follows `sessions.switch`, where the session is its owner's.
   */
  plugin(options: PluginOptions = {}): SessionPlugin {
    const { storage, messagesKey, clock } = this.core;
    const { classes } = this.#options;
    const plugin: SessionPlugin = new SessionPlugin(
      {
        ...{ storage, messagesKey, clock, classes },
        sessions: { get: (id) => this.#ofOwner(id, plugin.owner) },
      },
      options,
    );
    this.#plugins.add(plugin);
    return plugin;
  }

  async #ofOwner(id: string, owner: Owner): Promise<Session | undefined> {
    const session = await this.sessions.get(id);
    return session !== undefined && isOf(session, owner) ? session : undefined;
  }

  /**
   * A page of a session's conversation, oldest first, read without its state: from the recorded messages,
   * or where there are none, from the newest checkpoint's message channel (`source` says which).
   * @throws StorageError `INVALID_ARGUMENT`
   */
  messages(sessionId: string, query: TranscriptQuery = {}): Promise<TranscriptPage> {
    return operation("messages", () => readTranscript(this.core, sessionId, query));
  }

  /** The model calls that the plugin recorded, in the order in which they began. */
  modelCalls(sessionId: string): Promise<ModelCall[]> {
    return operation("modelCalls", async () => {
      checkId("modelCalls", "sessionId", sessionId);
      return readModelCalls(this.core.storage, sessionId);
    });
  }

  /**
   * Mends a conversation in which tool calls were left without a result, so that a model takes it again:
   * they get error results. A thread that waits for a human is left alone; LangGraph stores nothing where a
   * graph stops before or after a node, so `options.graph` must tell. Atomic; runs that began before
   * cannot write any more.
   * @throws StorageError `NOT_FOUND`, `INVALID_ARGUMENT`
   */
  repair(sessionId: string, options: RepairOptions = {}): Promise<RepairReport> {
    return operation("repair", () => repair(this.core, sessionId, options));
  }

  /**
   * Removes old checkpoints of a session, of an owner's, or of all (`{ all: true }`), in small batches,
   * beside running writers; what a kept state is rebuilt from stays.
   * @throws StorageError `INVALID_ARGUMENT`; `BUSY` where other processes write to a session all the time
   */
  prune(
    target: string | OwnerQuery,
    options: RetentionPruneOptions = {},
  ): Promise<RetentionPruneReport> {
    return operation("prune", () => prune(this.core, target, options));
  }

  /**
   * Erases sessions without activity for longer than `ttl`, each in a transaction of its own; one that
   * becomes active meanwhile stays.
   * @throws StorageError `INVALID_ARGUMENT`
   */
  expire(target: OwnerQuery, options: ExpireOptions): Promise<ExpireReport> {
    return operation("expire", () => expire(this.core, target, options));
  }

  /**
   * Removes every row of a session, or of all sessions of an owner, in every table. Runs under way cannot
   * bring them back. Each session goes whole.
   * @throws StorageError `INVALID_ARGUMENT` where no owner field is given, or one that is undefined
   */
  erase(target: string | Owner): Promise<EraseReport> {
    return operation("erase", () => erase(this.core, target));
  }

  /**
   * A new session like another one, made inside the database: all of it, or its past up to a checkpoint
   * of the root graph, from which it then goes on. Tool calls and model calls stay the source's. Atomic.
   * @throws StorageError `NOT_FOUND`, `ALREADY_EXISTS`, `INVALID_ARGUMENT`; `CONFLICT` where the source is pruned or
   * deleted meanwhile
   */
  copy(sessionId: string, options: CopyOptions = {}): Promise<Session> {
    return operation("copy", async () => {
      const id = await copySession(this.core, sessionId, options);
      return (await this.sessions.get(id)) as Session;
    });
  }

  /**
   * A session as lines of JSON, one at a time: its rows as they are stored.
   * @throws StorageError `NOT_FOUND`; `CONFLICT` where it is deleted or pruned before the end
   *
   * @example
   * ```ts
   * await pipeline(persistence.exportSession("1"), createWriteStream("1.ndjson"));
   * ```
   */
  exportSession(sessionId: string): AsyncGenerator<string> {
    return exportSession(this.core.storage, sessionId);
  }

  /**
   * Makes a session of exported lines, all of it or nothing. It is held in memory for that.
   * @throws StorageError `CORRUPT` for a file that was cut or changed, `SCHEMA_NEWER`, `ALREADY_EXISTS`
   */
  importSession(source: TextSource, options: ImportSessionOptions = {}): Promise<Session> {
    return operation("importSession", async () => {
      const { id } = await importSession(this.core.storage, source, options);
      return (await this.sessions.get(id)) as Session;
    });
  }

  /**
   * Takes over the threads of LangGraph's own savers, each whole or not at all. Threads that exist here are
   * passed over.
   */
  importFrom(tables: CheckpointTables, options: ImportFromOptions = {}): Promise<ImportFromReport> {
    return importFrom(this.checkpointer, tables, options);
  }

  /**
   * What a session takes: rows and bytes, by table and by channel.
   * @throws StorageError `NOT_FOUND`
   */
  stats(sessionId: string): Promise<SessionStats> {
    return operation("stats", () => stats(this.core, sessionId));
  }
}
