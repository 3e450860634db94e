import { firstGuard } from "./ids.js";
import { newSession } from "./memory-session.js";
import {
  appendTo,
  compareSessions,
  copyAs,
  matchesQuery,
  messagesIn,
  newRow,
  sessionWith,
  sizesOf,
} from "./memory-sessions.js";
import { MemoryStates } from "./memory-states.js";
import { isOfAnotherTenant } from "./owners.js";
import type {
  Append,
  CopyFresh,
  Fresh,
  ItemSize,
  MessagePage,
  MessageRecord,
  ModelCallRecord,
  Owner,
  SessionChange,
  SessionQuery,
  SessionRecord,
  SessionRows,
  Storage,
  TableSize,
} from "./storage.js";

/**
 * The record contract on maps: nothing outlives the process. It is the reference that every
 * database is compared with.
 *
 * @example
 * ```ts
 * const saver = new MemorySaver(new MemoryStorage());
 * ```
 */
export class MemoryStorage extends MemoryStates implements Storage {
  scoped(owner: Owner): Storage {
    const view = new MemoryStorage();
    view.all = this.all;
    view.scope = owner;
    return view;
  }

  async session(sessionId: string): Promise<SessionRecord | undefined> {
    return this.find("session", sessionId)?.row;
  }

  async sessions(query: SessionQuery): Promise<SessionRecord[]> {
    return this.visible("sessions")
      .map(([, { row }]) => row)
      .filter((row) => matchesQuery(row, query))
      .sort(compareSessions)
      .slice(0, query.limit);
  }

  async insertSession(row: SessionRecord, rows?: SessionRows): Promise<boolean> {
    const sessions = this.open("insertSession");
    if (sessions.has(row.id)) return false;
    sessions.set(row.id, rows === undefined ? newSession(row) : sessionWith(row, rows));
    return true;
  }

  async updateSession(sessionId: string, change: SessionChange): Promise<boolean> {
    const session = this.find("updateSession", sessionId);
    if (session !== undefined) session.row = { ...session.row, ...change };
    return session !== undefined;
  }

  async sizes(sessionId: string): Promise<TableSize[]> {
    const session = this.find("sizes", sessionId);
    return session === undefined ? [] : sizesOf(session);
  }

  async itemSizes(sessionId: string): Promise<ItemSize[]> {
    const items = this.find("itemSizes", sessionId)?.items.values() ?? [];
    return [...items].map(({ seq, type, body }) => ({ seq, type, bytes: Buffer.byteLength(body) }));
  }

  async deleteSession(sessionId: string, unlessTouchedSince = Infinity): Promise<boolean> {
    const session = this.find("deleteSession", sessionId);
    if (session === undefined || session.row.updatedAt >= unlessTouchedSince) return false;
    return this.open("deleteSession").delete(sessionId);
  }

  async copySession(
    sourceId: string,
    targetId: string,
    fresh: CopyFresh,
  ): Promise<boolean | undefined> {
    const source = this.find("copySession", sourceId);
    if (source === undefined) return undefined;
    const sessions = this.open("copySession");
    if (sessions.has(targetId)) return false;
    sessions.set(targetId, copyAs(source, targetId, fresh));
    return true;
  }

  async appendMessages(
    sessionId: string,
    owner: Owner,
    append: Append,
    fresh: Fresh,
  ): Promise<boolean> {
    const sessions = this.open("appendMessages");
    const known = sessions.get(sessionId);
    const { only, incarnation } = fresh;
    if (only !== undefined && known?.row.guard.incarnation !== only) return false;
    if (known !== undefined && !this.sees(known)) return false;
    if (known !== undefined && isOfAnotherTenant(known.row.guard.owner, owner)) return false;
    const session = known ?? newSession(newRow(sessionId, firstGuard(incarnation, owner), fresh));
    sessions.set(sessionId, session);
    appendTo(session, owner, append, fresh);
    return true;
  }

  async messages(sessionId: string, page: MessagePage): Promise<MessageRecord[]> {
    return messagesIn(this.find("messages", sessionId), page);
  }

  async clearMessages(sessionId: string): Promise<void> {
    const session = this.find("clearMessages", sessionId);
    if (session === undefined) return;
    session.messages = [];
    session.messageKeys.clear();
  }

  async modelCalls(sessionId: string): Promise<ModelCallRecord[]> {
    return [...(this.find("modelCalls", sessionId)?.modelCalls.values() ?? [])];
  }
}
