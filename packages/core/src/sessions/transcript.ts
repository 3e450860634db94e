import { createHash, randomUUID } from "node:crypto";
import type { BaseMessage } from "@langchain/core/messages";
import { StorageError } from "../errors.js";
import type { MessageText } from "../history/message-text.js";
import { firstGuard, newIncarnation } from "../storage/ids.js";
import { contradicts, isOfAnotherTenant } from "../storage/owners.js";
import type {
  Append,
  Fresh,
  MessageRecord,
  ModelCallRecord,
  NewMessage,
  Owner,
  Storage,
} from "../storage/storage.js";

/** A message to record, and what is noted beside it. */
export interface Entry {
  readonly message: BaseMessage;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** What this process knows to be recorded of one session. */
interface Known {
  readonly incarnation: number;
  readonly keys: Set<string>;
  /** Whether the keys of before this process have been read. */
  isPrimed: boolean;
}

const MAX_KEY_BYTES = 255;
const MAX_SESSIONS = 256;
/** Fewer unknown messages are sent rather than looked for. */
const FEW = 8;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** Of two messages of one key the first one is kept: by id; system prompts by their content. */
function keyOf(message: BaseMessage): string | null {
  const { id, content } = message;
  if (message.getType() === "system") return `system:${sha256(JSON.stringify(content))}`;
  if (id === null || id === undefined) return null;
  const isPlain = id !== "" && !id.includes("\0") && id.isWellFormed();
  return isPlain && Buffer.byteLength(id) <= MAX_KEY_BYTES ? id : sha256(id);
}

/** Records conversations into the sessions of one storage. */
export class Transcript {
  readonly storage: Storage;
  readonly text: MessageText;
  readonly clock: () => number;
  /** The session that was used last, last. */
  readonly #known = new Map<string, Known>();

  constructor(storage: Storage, text: MessageText, clock: () => number) {
    this.storage = storage;
    this.text = text;
    this.clock = clock;
  }

  /**
   * Makes the session, unless it is there, and remembers which one it is.
   * @param own whose it must be, if anybody's
   * @throws StorageError `NOT_FOUND`
   */
  async open(sessionId: string, owner: Owner, own: Owner, title?: string): Promise<OpenTranscript> {
    let guard = await this.storage.guard(sessionId);
    if (guard === undefined) {
      const now = this.clock();
      const fresh = { ...firstGuard(newIncarnation()), owner };
      const isNew = await this.storage.insertSession({
        id: sessionId,
        alias: null,
        title: title ?? null,
        metadata: null,
        status: null,
        createdAt: now,
        updatedAt: now,
        endedAt: null,
        guard: fresh,
        nextMessage: 1,
      });
      guard = isNew ? fresh : await this.storage.guard(sessionId);
    }
    if (guard === undefined) throw deleted(sessionId);
    if (isOfAnotherTenant(guard.owner, owner) || contradicts(guard.owner, own)) {
      const place = `session ${JSON.stringify(sessionId)}`;
      throw new StorageError("NOT_FOUND", "record", `this owner has no ${place}`);
    }
    return new OpenTranscript(this, sessionId, owner, this.#knownOf(sessionId, guard.incarnation));
  }

  #knownOf(sessionId: string, incarnation: number): Known {
    const found = this.#known.get(sessionId);
    const known =
      found?.incarnation === incarnation
        ? found
        : { incarnation, keys: new Set<string>(), isPrimed: false };
    this.#known.delete(sessionId);
    this.#known.set(sessionId, known);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_SESSIONS) break;
      this.#known.delete(oldest);
    }
    return known;
  }
}

/** A session as a run found it: what is recorded reaches no successor of the same id. */
export class OpenTranscript {
  readonly sessionId: string;
  readonly #transcript: Transcript;
  readonly #owner: Owner;
  readonly #known: Known;

  constructor(transcript: Transcript, sessionId: string, owner: Owner, known: Known) {
    this.#transcript = transcript;
    this.sessionId = sessionId;
    this.#owner = owner;
    this.#known = known;
  }

  /**
   * Appends those messages that are not recorded yet, in this order, with the calls of models; all
   * or nothing.
   * @throws StorageError `THREAD_DELETED` where the session was deleted since it was opened
   */
  async record(
    entries: readonly Entry[],
    modelCalls: readonly ModelCallRecord[] = [],
  ): Promise<void> {
    let unknown = this.#unknown(entries);
    if (unknown.length > FEW && !this.#known.isPrimed) {
      await this.#prime(unknown.length);
      unknown = this.#unknown(entries);
    }
    if (unknown.length === 0 && modelCalls.length === 0) return;
    const now = this.#transcript.clock();
    const messages = unknown.map((entry, i) => this.#newMessage(entry, i, now));
    await this.#append({ messages, modelCalls }, now);
    for (const { key } of messages) if (key !== null) this.#known.keys.add(key);
  }

  /**
   * To be called where another tenant's session might have come in place of this one.
   * @throws StorageError `THREAD_DELETED`
   */
  async verify(): Promise<void> {
    if (this.#owner.tenantId === undefined) return;
    const guard = await this.#transcript.storage.guard(this.sessionId);
    if (guard?.incarnation !== this.#known.incarnation) throw deleted(this.sessionId);
  }

  /** Remembers messages that were read. */
  saw(records: readonly MessageRecord[]): void {
    for (const { key } of records) if (key !== null) this.#known.keys.add(key);
  }

  #unknown(entries: readonly Entry[]): Entry[] {
    const seen = new Set<string>();
    return entries.filter(({ message }) => {
      const key = keyOf(message);
      if (key === null) return true;
      if (seen.has(key) || this.#known.keys.has(key)) return false;
      seen.add(key);
      return true;
    });
  }

  /** After a restart a long conversation is not sent again: its newest messages are read once. */
  async #prime(limit: number): Promise<void> {
    this.saw(await this.#transcript.storage.messages(this.sessionId, { limit }));
    this.#known.isPrimed = true;
  }

  #newMessage({ message, metadata }: Entry, i: number, now: number): NewMessage {
    return {
      id: message.id ?? null,
      key: keyOf(message),
      role: message.getType(),
      content: this.#transcript.text.encode("record", message, i),
      metadata: metadata === undefined ? null : JSON.stringify(metadata),
      createdAt: now,
    };
  }

  async #append(append: Append, now: number): Promise<void> {
    const only = this.#known.incarnation;
    const fresh = { incarnation: only, now, token: randomUUID(), only };
    let isThere: boolean;
    try {
      isThere = await this.#send(append, fresh);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === "CONNECTION_LOST")) throw error;
      // It may have been written: whatever is sent twice is kept once.
      isThere = await this.#send(append, fresh);
    }
    if (!isThere) throw deleted(this.sessionId);
  }

  #send(append: Append, fresh: Fresh): Promise<boolean> {
    return this.#transcript.storage.appendMessages(this.sessionId, this.#owner, append, fresh);
  }
}

const deleted = (sessionId: string): StorageError =>
  new StorageError(
    "THREAD_DELETED",
    "record",
    `session ${JSON.stringify(sessionId)} was deleted after this run began`,
  );
