import { randomUUID } from "node:crypto";
import { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { operation, StorageError } from "../errors.js";
import { ClassRegistry, type ValueClass } from "../state/classes.js";
import { Encoder } from "../state/encode.js";
import { Item } from "../state/item.js";
import { ItemLog } from "../state/item-log.js";
import { Reader } from "../state/manifest.js";
import type { Tree } from "../state/tree.js";
import { checkId, newIncarnation } from "../storage/ids.js";
import { MemoryStorage } from "../storage/memory-storage.js";
import type { Owner, Storage } from "../storage/storage.js";

/** Options of every chat message history. */
export interface HistoryOptions extends Owner {
  /** Classes whose instances may stand in messages, beside LangChain's. */
  readonly classes?: readonly ValueClass[];
}

/** Part of a history. */
export interface MessageWindow {
  /** At most so many of the newest messages. */
  readonly last?: number;
  /** Only messages before this position, as `getPage` returns it. */
  readonly before?: number;
}

/**
 * LangChain's chat message history over any `Storage`: each message exactly as it was added, in
 * one order for all writers.
 */
export class ChatMessageHistory extends BaseListChatMessageHistory {
  lc_namespace = ["langchain", "stores", "message", "threadkeep"];
  readonly sessionId: string;
  readonly storage: Storage;
  readonly #owner: Owner;
  readonly #log: ItemLog;

  constructor(storage: Storage, sessionId: string, options: HistoryOptions = {}) {
    super();
    const { classes, ...owner } = options;
    this.sessionId = checkId("history", "sessionId", sessionId);
    for (const [name, id] of Object.entries(owner)) {
      if (id !== undefined) checkId("history", name, id);
    }
    this.storage = storage;
    this.#owner = owner;
    this.#log = new ItemLog(new ClassRegistry(classes));
  }

  /** Appends messages, all or nothing, in one batch; concurrent writers never mix their batches. */
  override addMessages(messages: BaseMessage[]): Promise<void> {
    return operation("addMessages", () => this.#add(messages));
  }

  async #add(messages: readonly BaseMessage[]): Promise<void> {
    const now = Date.now();
    const records = messages.map((message, i) => {
      const tree = new Encoder(this.#log.classes, ["messages", i]).encode(message) as Tree;
      const parts = (tree as { $message?: Tree[] } | null)?.$message;
      if (parts === undefined) {
        throw new StorageError("INVALID_ARGUMENT", "addMessages", `messages[${i}] is no message`);
      }
      const item = new Item(this.#log, "message", parts);
      const content = JSON.stringify({ class: item.type, message: item.body(() => 0) });
      return { id: message.id ?? null, role: message.getType(), content, createdAt: now };
    });
    if (records.length === 0) return;
    const fresh = { incarnation: newIncarnation(), now, token: randomUUID() };
    try {
      await this.storage.appendMessages(this.sessionId, this.#owner, records, fresh);
    } catch (error) {
      // The reply may be lost although the messages were written: the token tells.
      if (!(error instanceof StorageError && error.code === "CONNECTION_LOST")) throw error;
      const guard = await this.storage.guard(this.sessionId);
      if (guard?.token !== fresh.token) throw error;
    }
  }

  override addMessage(message: BaseMessage): Promise<void> {
    return this.addMessages([message]);
  }

  /** The messages, oldest first: all, or those of a window. */
  override async getMessages(window: MessageWindow = {}): Promise<BaseMessage[]> {
    return (await this.getPage(window)).messages;
  }

  /**
   * A window of the messages, oldest first, and where the page before it ends.
   * @returns `before`: pass it on for older messages; `undefined` when there are none
   */
  async getPage(
    window: MessageWindow,
  ): Promise<{ messages: BaseMessage[]; before: number | undefined }> {
    const limit = checkCount("last", window.last);
    const before = checkCount("before", window.before);
    if (limit === 0) return { messages: [], before };
    const page = {
      ...(limit === undefined ? {} : { limit }),
      ...(before === undefined ? {} : { before }),
    };
    const records = await operation("getMessages", () =>
      this.storage.messages(this.sessionId, page),
    );
    const first = records[0]?.position ?? 1;
    return {
      messages: records.map(({ content, position }) => this.#read(content, position)),
      before: first > 1 ? first : undefined,
    };
  }

  #read(content: string, position: number): BaseMessage {
    try {
      const { class: type, message } = JSON.parse(content) as { class: string; message: Tree };
      const item = Item.read(this.#log, type, message);
      const reader = new Reader(this.#log, new Map([[1, item]]), []);
      return reader.item(1) as BaseMessage;
    } catch (error) {
      const place = `message ${position} of session ${JSON.stringify(this.sessionId)}`;
      throw new StorageError("CORRUPT", "getMessages", `${place} cannot be read`, { cause: error });
    }
  }

  /** Removes the session's messages; its checkpoints stay. */
  override async clear(): Promise<void> {
    await operation("clear", () => this.storage.clearMessages(this.sessionId));
  }

  /** Closes what the history opened itself. */
  async end(): Promise<void> {
    await this.storage.close();
  }
}

/** A chat message history in memory. Histories that share a storage share their sessions. */
export class MemoryChatMessageHistory extends ChatMessageHistory {
  constructor(sessionId: string, storage?: MemoryStorage, options?: HistoryOptions) {
    super(storage ?? new MemoryStorage(), sessionId, options);
  }
}

function checkCount(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new StorageError("INVALID_ARGUMENT", "getMessages", `${name} must be a whole number`);
  }
  return value;
}
