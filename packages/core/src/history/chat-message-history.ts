import { randomUUID } from "node:crypto";
import { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import type { BaseMessage } from "@langchain/core/messages";
import { operation, StorageError } from "../errors.js";
import type { ValueClass } from "../state/classes.js";
import { checkId, checkObject, newIncarnation } from "../storage/ids.js";
import { MemoryStorage } from "../storage/memory-storage.js";
import { isOfAnotherTenant } from "../storage/owners.js";
import type { MessagePage, Owner, Storage } from "../storage/storage.js";
import { MessageText } from "./message-text.js";
import { fitForModel } from "./tool-calls.js";
import { isForModel, type Placed, readWindow, type TokenCounter } from "./window.js";

/** Options of every chat message history. */
export interface HistoryOptions extends Owner {
  /** Classes whose instances may stand in messages, beside LangChain's. */
  readonly classes?: readonly ValueClass[];
}

/**
 * Part of a history: the newest messages that all bounds allow. No window parts a tool result from the
 * message that asks for it.
 */
export interface MessageWindow {
  /**
   * So many of the newest messages, and where the first of them is a tool result, those before it back
   * to the message that asks for it.
   */
  readonly last?: number;
  /** Only messages before this position, as `getPage` returns it. */
  readonly before?: number;
  /**
   * So many of the newest turns. A turn is a human message and all until the next one; what stands
   * before the first human message belongs to the first turn.
   */
  readonly lastTurns?: number;
  /** No more tokens than this. Calls whose results do not fit along are left out, with all before them. */
  readonly maxTokens?: number;
  /** Default: about 4 characters a token, and 3 tokens more for each message. */
  readonly tokenCounter?: TokenCounter;
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
  readonly #text: MessageText;

  constructor(storage: Storage, sessionId: string, options: HistoryOptions = {}) {
    super();
    const { classes, ...owner } = options;
    this.sessionId = checkId("history", "sessionId", sessionId);
    for (const [name, id] of Object.entries(owner)) {
      if (id !== undefined) checkId("history", name, id);
    }
    this.storage = storage;
    this.#owner = owner;
    this.#text = new MessageText(classes);
  }

  /** Appends messages, all or nothing, in one batch; concurrent writers never mix their batches. */
  override addMessages(messages: BaseMessage[]): Promise<void> {
    return operation("addMessages", () => this.#add(messages));
  }

  async #add(messages: readonly BaseMessage[]): Promise<void> {
    const now = Date.now();
    const records = messages.map((message, i) => {
      const content = this.#text.encode("addMessages", message, i);
      const role = message.getType();
      return { id: message.id ?? null, key: null, role, content, metadata: null, createdAt: now };
    });
    if (records.length === 0) return;
    const fresh = { incarnation: newIncarnation(), now, token: randomUUID() };
    const append = { messages: records };
    try {
      if (await this.storage.appendMessages(this.sessionId, this.#owner, append, fresh)) return;
      const session = JSON.stringify(this.sessionId);
      throw new StorageError("NOT_FOUND", "addMessages", `this tenant has no session ${session}`);
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

  /**
   * The messages, oldest first: all, or those of a window. Only what the window needs is read.
   *
   * With `lastTurns` or `maxTokens` they are made fit for a model: a call that has no result, and that
   * something else follows, is answered by an error, and a result whose call is not there is left out.
   * Nothing is written.
   *
   * @example
   * ```ts
   * const recent = await history.getMessages({ lastTurns: 10, maxTokens: 4000 });
   * const answer = await model.invoke([...recent, new HumanMessage("And then?")]);
   * ```
   */
  override async getMessages(window: MessageWindow = {}): Promise<BaseMessage[]> {
    return (await this.getPage(window)).messages;
  }

  /**
   * A window of the messages, as `getMessages` returns it, and where the page before it ends.
   * @returns `before`: pass it on for older messages; `undefined` when there are none
   */
  async getPage(
    window: MessageWindow,
  ): Promise<{ messages: BaseMessage[]; before: number | undefined }> {
    return operation("getMessages", async () => {
      const { before, ...bounds } = checkWindow(window);
      if (bounds.last === 0) return { messages: [], before };
      const read = (page: MessagePage) => this.#read(page);
      const isBounded = bounds.last !== undefined || isForModel(bounds);
      const found = await this.#ifOwn(() =>
        isBounded ? readWindow(read, bounds, before) : read(before === undefined ? {} : { before }),
      );
      const messages = found.map(({ message }) => message);
      const first = found[0]?.position;
      if (first === undefined) return { messages, before: isForModel(bounds) ? before : undefined };
      return {
        messages: isForModel(bounds) ? fitForModel(messages) : messages,
        before: first > 1 ? first : undefined,
      };
    });
  }

  async #read(page: MessagePage): Promise<Placed[]> {
    const records = await this.storage.messages(this.sessionId, page);
    return records.map(({ content, position }) => ({
      position,
      message: this.#text.decode("getMessages", content, position, this.sessionId),
    }));
  }

  /** What is found in the session; nothing, where it is another tenant's, before or meanwhile. */
  async #ifOwn<T>(find: () => Promise<T[]>): Promise<T[]> {
    if (this.#owner.tenantId === undefined) return find();
    for (;;) {
      const before = await this.storage.guard(this.sessionId);
      if (before !== undefined && isOfAnotherTenant(before.owner, this.#owner)) return [];
      const found = await find();
      const after = await this.storage.guard(this.sessionId);
      if (after?.incarnation === before?.incarnation) return found;
    }
  }

  /** Removes the session's messages; its checkpoints stay. */
  override async clear(): Promise<void> {
    await operation("clear", async () => {
      await this.#ifOwn(async () => {
        await this.storage.clearMessages(this.sessionId);
        return [];
      });
    });
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

function checkWindow(window: MessageWindow): MessageWindow {
  checkObject("getMessages", "the window", window);
  const { before, ...bounds } = window;
  const { last, lastTurns, maxTokens, tokenCounter } = bounds;
  for (const [name, value] of Object.entries({ last, before, lastTurns, maxTokens })) {
    if (value === undefined) continue;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
      throw new StorageError("INVALID_ARGUMENT", "getMessages", `${name} must be a whole number`);
    }
  }
  if (tokenCounter !== undefined && typeof tokenCounter !== "function") {
    throw new StorageError("INVALID_ARGUMENT", "getMessages", "tokenCounter must be a function");
  }
  return { before, ...bounds } as MessageWindow;
}
