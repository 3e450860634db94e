import { StorageError } from "../errors.js";
import { firstGuard } from "../storage/ids.js";
import { isOfAnotherTenant } from "../storage/owners.js";
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
} from "../storage/storage.js";
import { titleKey } from "../storage/titles.js";
import { stateParts } from "./batch.js";
import { Database } from "./database.js";
import type { Dialect } from "./dialect.js";
import type { Driver } from "./driver.js";
import type { SetupMode } from "./migrator.js";
import type { Part } from "./parts.js";
import {
  appendParts,
  clearPart,
  copyRowsParts,
  copySessionPart,
  deleteParts,
  historyParts,
  lockPart,
  newSessionPart,
  sessionPart,
  updatePart,
} from "./session-parts.js";
import { messageFrom, modelCallFrom, sessionFrom, sizeFrom } from "./session-rows.js";
import * as read from "./session-statements.js";
import { SqlStates } from "./sql-states.js";
import type { Statements } from "./statements.js";

const MAX_TRIES = 10;

/** Options of every database. */
export interface StorageOptions {
  /**
   * `auto`: the first call makes the tables, if they are not there; `verify`: it only checks that
   * they are; `off`: it does not look. Default: `auto`.
   */
  readonly setup?: SetupMode;
}

/** The record contract over the sessions of an owner, or all. */
class SqlView extends SqlStates implements Storage {
  get #statements(): Statements {
    return this.db.statements(this.scope);
  }

  scoped(owner: Owner): Storage {
    return new SqlView(this.db, owner);
  }

  async session(sessionId: string): Promise<SessionRecord | undefined> {
    const text = read.session(this.#statements);
    const [row] = await this.db.query(text, this.scope.of(sessionId));
    return row && sessionFrom(row);
  }

  async sessions(query: SessionQuery): Promise<SessionRecord[]> {
    const { owner, statuses = [undefined], query: part, updatedBefore, after, limit } = query;
    const like = part === undefined ? undefined : `%${titleKey(part).replace(/[!%_]/g, "!$&")}%`;
    const each = statuses.flatMap((status) => [
      ...[...this.scope.params, owner.userId, owner.tenantId, owner.agentId],
      status === "done" || status === "archived" ? undefined : status,
      ...[like, updatedBefore, after?.updatedAt, after?.updatedAt, after?.id, limit],
    ]);
    const params = [...each, statuses.length > 1 ? limit : undefined].filter(
      (param) => param !== undefined,
    );
    const rows = await this.db.query(read.sessions(this.#statements, query), params);
    return rows.map((row) => sessionFrom(row));
  }

  async insertSession(record: SessionRecord, rows?: SessionRows): Promise<boolean> {
    const { dialect } = this.db;
    const all =
      rows === undefined
        ? []
        : [...stateParts(dialect, record.id, rows), ...historyParts(dialect, record.id, rows)];
    return this.#inOrder(sessionPart(dialect, record), all);
  }

  async updateSession(sessionId: string, change: SessionChange): Promise<boolean> {
    return this.#inOrder(updatePart(this.db.dialect, this.scope, sessionId, change));
  }

  async sizes(sessionId: string): Promise<TableSize[]> {
    const params = Array(read.WEIGHED).fill(this.scope.of(sessionId)).flat();
    const rows = await this.db.query(read.sizes(this.#statements), params);
    const sizes = rows.map((row) => sizeFrom(row));
    return sizes.some(({ table, rows: count }) => table === "sessions" && count > 0) ? sizes : [];
  }

  async itemSizes(sessionId: string): Promise<ItemSize[]> {
    const text = read.itemSizes(this.#statements);
    const rows = await this.db.query(text, this.scope.of(sessionId));
    return rows.map(([seq, type, bytes]) => ({
      seq: Number(seq),
      type: type as string,
      bytes: Number(bytes),
    }));
  }

  async deleteSession(sessionId: string, unlessTouchedSince?: number): Promise<boolean> {
    const { dialect } = this.db;
    const { head, rest } = deleteParts(dialect, this.scope, sessionId, unlessTouchedSince);
    return this.#inOrder(head, rest);
  }

  async copySession(
    sourceId: string,
    targetId: string,
    fresh: CopyFresh,
  ): Promise<boolean | undefined> {
    const { dialect, assembler } = this.db;
    const copied = await this.db.batch([
      ...assembler.inOrder(lockPart(dialect, this.scope, sourceId), []),
      ...assembler.inOrder(
        copySessionPart(dialect, sourceId, targetId, fresh),
        copyRowsParts(dialect, sourceId, targetId, fresh.upTo),
      ),
    ]);
    if (copied) return true;
    return (await this.guard(sourceId)) === undefined ? undefined : false;
  }

  async appendMessages(
    sessionId: string,
    owner: Owner,
    append: Append,
    fresh: Fresh,
  ): Promise<boolean> {
    const { dialect, assembler } = this.db;
    const { head, rest } = appendParts(dialect, this.scope, sessionId, owner, append, fresh);
    const statements = assembler.joined(head, rest);
    const create = newSessionPart(dialect, sessionId, firstGuard(fresh.incarnation, owner), fresh);
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      if (await this.db.batch(statements)) return true;
      if (fresh.only !== undefined) return false;
      const isNew = await this.#inOrder(create);
      if (!isNew && (await this.#isForeign(sessionId, owner))) return false;
    }
    throw new StorageError("BUSY", "appendMessages", "the session was deleted again and again");
  }

  /** Of a session that was there just now. */
  async #isForeign(sessionId: string, owner: Owner): Promise<boolean> {
    const guard = await this.guard(sessionId);
    return guard === undefined ? !this.scope.isWhole : isOfAnotherTenant(guard.owner, owner);
  }

  async messages(sessionId: string, page: MessagePage): Promise<MessageRecord[]> {
    const { before, from, roles = [], limit } = page;
    const params = [...this.scope.of(sessionId), before, from, ...roles, limit].filter(
      (param) => param !== undefined,
    );
    const rows = await this.db.query(read.messages(this.#statements, page), params);
    return rows.reverse().map((row) => messageFrom(row));
  }

  async clearMessages(sessionId: string): Promise<void> {
    const part = clearPart(this.db.dialect, this.scope, sessionId);
    await this.db.batch([this.db.assembler.alone(part)]);
  }

  async modelCalls(sessionId: string): Promise<ModelCallRecord[]> {
    const text = read.modelCalls(this.#statements);
    const rows = await this.db.query(text, this.scope.of(sessionId));
    return rows.map((row) => modelCallFrom(row));
  }

  /** @returns whether the head wrote a row; else nothing was written */
  #inOrder(head: Part, rest: readonly Part[] = []): Promise<boolean> {
    return this.db.batch(this.db.assembler.inOrder(head, rest));
  }
}

/** The record contract over any SQL database. */
export class SqlStorage extends SqlView {
  /** @throws StorageError `INVALID_ARGUMENT` for an unknown set-up mode */
  constructor(driver: Driver, dialect: Dialect, { setup = "auto" }: StorageOptions = {}) {
    super(new Database(driver, dialect, setup));
  }
}
