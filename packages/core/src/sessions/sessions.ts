import { randomUUID } from "node:crypto";
import { operation, StorageError } from "../errors.js";
import type { ClassRegistry } from "../state/classes.js";
import {
  checkId,
  checkObject,
  checkText,
  describe,
  firstGuard,
  invalid,
  newIncarnation,
} from "../storage/ids.js";
import { contradicts } from "../storage/owners.js";
import type { Owner, SessionChange, SessionRecord, Storage } from "../storage/storage.js";
import { cursorBehind, cursorFrom } from "./cursor.js";
import { type OwnerQuery, optionalOwnerOf, ownerQueryOf } from "./owner-query.js";
import {
  MetadataText,
  type PlainTexts,
  type Session,
  type SessionStatus,
  sessionOf,
} from "./session.js";

/** A session to make. */
export interface NewSession extends Owner {
  /** Default: a random UUID. */
  readonly id?: string;
  readonly title?: string;
  /** Any values that a state may have. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Whose sessions, and which of them. */
export interface SessionListQuery extends OwnerQuery {
  /** One status, or any of several. Default: all, archived ones too. */
  readonly status?: SessionStatus | readonly SessionStatus[];
  /** A part of the title, whatever its case. */
  readonly query?: string;
  /** At most so many sessions. Default: 20. */
  readonly limit?: number;
  /** Where the page before ended. */
  readonly cursor?: string;
}

/** A page of sessions, the last active one first. */
export interface SessionPage {
  readonly sessions: Session[];
  /** Pass it on for the next page; `undefined` when there is none. */
  readonly cursor: string | undefined;
}

/** What `update` changes; absent fields stay, `null` removes. */
export interface SessionUpdate {
  readonly title?: string | null;
  readonly metadata?: Readonly<Record<string, unknown>> | null;
  readonly archived?: boolean;
}

/** What was erased. */
export interface EraseReport {
  readonly sessions: number;
  readonly rows: number;
  /** What the rows' texts took, in UTF-8. */
  readonly bytes: number;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
}

/** What sessions are kept with. */
export interface SessionsHost {
  readonly storage: Storage;
  /** Whose sessions alone the storage shows; no field: everybody's. */
  readonly owner: Owner;
  readonly texts: PlainTexts;
  readonly classes: ClassRegistry;
  readonly clock: () => number;
  /** Removes a session so that runs under way cannot bring it back. */
  remove(id: string): Promise<boolean>;
  erase(target: string | Owner): Promise<EraseReport>;
  /** Tells the plugins of the session's owner that it is the one to go on with. */
  opened(record: SessionRecord): Promise<void>;
}

const STATUSES = ["running", "interrupted", "failed", "done", "archived"] as const;
const MAX_TITLE = 1000;

/**
 * Conversations and their owners. A run with the checkpointer makes its session by itself, with the
 * `user_id`, `tenant_id` and `agent_id` of its `configurable` or `context`.
 *
 * @example
 * ```ts
 * const { id } = await persistence.sessions.create({ userId: "u1", title: "Trip to Rome" });
 * const { sessions, cursor } = await persistence.sessions.list({ userId: "u1", status: "interrupted" });
 * ```
 */
export class Sessions {
  readonly #host: SessionsHost;
  readonly #metadata: MetadataText;

  constructor(host: SessionsHost) {
    this.#host = host;
    this.#metadata = new MetadataText(host.texts, host.classes);
  }

  /**
   * Makes a session before anything has run in it. Atomic.
   * @throws StorageError `ALREADY_EXISTS`, `INVALID_ARGUMENT`, `NOT_SERIALIZABLE` (metadata)
   */
  create(options: NewSession = {}): Promise<Session> {
    return operation("createSession", async () => {
      const record = await this.#recordOf(options);
      if (await this.#insert(record)) return sessionOf(this.#metadata, await this.#made(record));
      const id = JSON.stringify(record.id);
      throw new StorageError("ALREADY_EXISTS", "createSession", `there is a session ${id}`);
    });
  }

  /** The session, or `undefined` where there is none. */
  get(sessionId: string): Promise<Session | undefined> {
    return operation("getSession", async () => {
      checkId("getSession", "sessionId", sessionId);
      const record = await this.#host.storage.session(sessionId);
      return record && sessionOf(this.#metadata, record);
    });
  }

  /**
   * Sessions of an owner, or of all where `all: true` says so, the last active one first. A session that
   * becomes active while pages are read moves to the front; none comes twice.
   * @throws StorageError `INVALID_ARGUMENT` where no owner field is given, or one that is undefined;
   * for a wrong status, limit or cursor
   */
  list(query: SessionListQuery): Promise<SessionPage> {
    return operation("listSessions", () => this.#list(query));
  }

  async #list(given: SessionListQuery): Promise<SessionPage> {
    const name = "listSessions";
    const owner = ownerQueryOf(name, given, ["status", "query", "limit", "cursor"]);
    const { status, query, limit = 20, cursor } = given;
    if (!Number.isSafeInteger(limit) || limit < 0) {
      throw invalid(name, "limit must be a whole number, 0 or more");
    }
    const statuses = status === undefined ? undefined : statusesOf(status);
    if (query !== undefined) checkShort(name, "query", query);
    const after = cursor === undefined ? undefined : cursorFrom(name, cursor);
    if (limit === 0) return { sessions: [], cursor };
    const found = await this.#host.storage.sessions({
      owner,
      ...(statuses === undefined ? {} : { statuses }),
      ...(query === undefined || query === "" ? {} : { query }),
      ...(after === undefined ? {} : { after }),
      limit: limit + 1,
    });
    const page = found.slice(0, limit);
    const sessions = await Promise.all(page.map((record) => sessionOf(this.#metadata, record)));
    const last = found.length > limit ? page[page.length - 1] : undefined;
    return { sessions, cursor: last && cursorBehind(last) };
  }

  /**
   * Changes title, metadata (as a whole) and whether it is archived. Atomic.
   * @throws StorageError `NOT_FOUND`, `INVALID_ARGUMENT`, `NOT_SERIALIZABLE`
   */
  update(sessionId: string, changes: SessionUpdate): Promise<Session> {
    const name = "updateSession";
    return operation(name, async () => {
      checkId(name, "sessionId", sessionId);
      const change = await this.#changeOf(changes);
      const before = await this.#find(name, sessionId);
      // A session is archived once.
      const isSo = typeof change.endedAt === "number" && before.endedAt !== null;
      const { storage } = this.#host;
      await storage.updateSession(
        sessionId,
        isSo ? { ...change, endedAt: before.endedAt } : change,
      );
      return sessionOf(this.#metadata, await this.#find(name, sessionId));
    });
  }

  /**
   * Opens a stored session, in this process or after a restart: the plugins of its owner go on with it,
   * through whichever handle of the same persistence they were made.
   * @throws StorageError `NOT_FOUND`
   */
  switch(sessionId: string): Promise<Session> {
    return operation("switchSession", async () => {
      checkId("switchSession", "sessionId", sessionId);
      const record = await this.#find("switchSession", sessionId);
      await this.#host.opened(record);
      return sessionOf(this.#metadata, record);
    });
  }

  /**
   * Removes a session with all it holds; runs under way cannot bring it back. Atomic.
   * @returns whether there was one
   */
  delete(sessionId: string): Promise<boolean> {
    return operation("deleteSession", async () => {
      checkId("deleteSession", "sessionId", sessionId);
      return this.#host.remove(sessionId);
    });
  }

  /**
   * Removes a session, or all of an owner's, and says what that was. Each session goes whole, those of an
   * owner one after the other, until none is left.
   * @throws StorageError `INVALID_ARGUMENT` where no owner field is given, or one that is undefined
   */
  erase(target: string | Owner): Promise<EraseReport> {
    return this.#host.erase(target);
  }

  async #find(name: string, sessionId: string): Promise<SessionRecord> {
    const record = await this.#host.storage.session(sessionId);
    if (record !== undefined) return record;
    throw new StorageError("NOT_FOUND", name, `there is no session ${JSON.stringify(sessionId)}`);
  }

  async #recordOf(options: NewSession): Promise<SessionRecord> {
    const name = "createSession";
    checkObject(name, "the session", options);
    const { id = randomUUID(), title, metadata, ...owner } = options;
    checkId(name, "id", id);
    const given = optionalOwnerOf(name, owner);
    if (contradicts(this.#host.owner, given)) throw invalid(name, "the owner is another one");
    const guard = firstGuard(newIncarnation(), given);
    const now = this.#host.clock();
    return {
      ...{ id, alias: null, status: null, createdAt: now, updatedAt: now, endedAt: null },
      title: title === undefined ? null : checkShort(name, "title", title),
      metadata: metadata === undefined ? null : await this.#metadata.write(name, metadata),
      guard: { ...guard, token: randomUUID() },
      nextMessage: 1,
    };
  }

  /** Once, although the reply may be lost. */
  async #insert(record: SessionRecord): Promise<boolean> {
    try {
      return await this.#host.storage.insertSession(record);
    } catch (error) {
      if (!(error instanceof StorageError && error.code === "CONNECTION_LOST")) throw error;
      const guard = await this.#host.storage.guard(record.id);
      if (guard?.token !== record.guard.token) throw error;
      return true;
    }
  }

  /** As it was stored: a view adds its owner. */
  async #made(record: SessionRecord): Promise<SessionRecord> {
    return (await this.#host.storage.session(record.id)) ?? record;
  }

  async #changeOf(changes: SessionUpdate): Promise<SessionChange> {
    const name = "updateSession";
    checkObject(name, "the changes", changes);
    const { title, metadata, archived, ...others } = changes;
    const [stranger] = Object.keys(others);
    if (stranger !== undefined)
      throw invalid(name, `${JSON.stringify(stranger)} cannot be changed`);
    if (archived !== undefined && typeof archived !== "boolean") {
      throw invalid(name, `archived must be true or false, not ${describe(archived)}`);
    }
    return {
      ...(title === undefined
        ? {}
        : { title: title === null ? null : checkShort(name, "title", title) }),
      ...(metadata === undefined
        ? {}
        : { metadata: metadata === null ? null : await this.#metadata.write(name, metadata) }),
      ...(archived === undefined ? {} : { endedAt: archived ? this.#host.clock() : null }),
    };
  }
}

function statusesOf(status: unknown): readonly SessionStatus[] {
  const statuses = (Array.isArray(status) ? status : [status]) as readonly SessionStatus[];
  const areKnown = statuses.length > 0 && statuses.every((one) => STATUSES.includes(one));
  if (areKnown) return [...new Set(statuses)];
  throw invalid("listSessions", `status must be one or more of ${STATUSES.join(", ")}`);
}

function checkShort(name: string, what: "title" | "query", given: unknown): string {
  const text = checkText(name, what, given);
  if (text.length <= MAX_TITLE) return text;
  throw invalid(name, `${what} must be at most ${MAX_TITLE} characters long`);
}
