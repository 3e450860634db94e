import { StorageError } from "../errors.js";
import { firstGuard } from "../storage/ids.js";
import { coverRanges, mergeRanges, type Range } from "../storage/ranges.js";
import type {
  Batch,
  CheckpointRecord,
  Era,
  Guard,
  ItemRecord,
  ListQuery,
  MessagePage,
  MessageRecord,
  Owner,
  Storage,
  StoredCheckpoint,
  WriteRecord,
} from "../storage/storage.js";
import { batchStatements } from "./batch.js";
import type { Dialect } from "./dialect.js";
import type { Driver, Param, Row, Statement } from "./driver.js";
import { migrate } from "./migrator.js";
import { namespaceKey } from "./namespace.js";
import {
  checkpointFrom,
  guardFrom,
  newSessionParams,
  ownerParams,
  storedCheckpoints,
  writeFrom,
} from "./rows.js";
import { Statements } from "./statements.js";

/** More ranges than this are read as fewer, wider ones. */
const MAX_RANGES = 32;

const SESSION_TABLES = [
  "messages",
  "state_writes",
  "agent_state",
  "state_items",
  "sessions",
] as const;

const COPIED_TABLES = ["agent_state", "state_items", "state_writes", "messages"] as const;

/** The record contract over any SQL database. */
export class SqlStorage implements Storage {
  readonly #driver: Driver;
  readonly #dialect: Dialect;
  readonly #statements: Statements;
  #ready: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(driver: Driver, dialect: Dialect) {
    this.#driver = driver;
    this.#dialect = dialect;
    this.#statements = new Statements(dialect);
  }

  setup(): Promise<void> {
    if (this.#closed !== undefined) {
      return Promise.reject(new StorageError("CLOSED", "setup", "the storage was closed"));
    }
    if (this.#ready === undefined) {
      const ready = migrate(this.#driver, this.#dialect, Date.now);
      ready.catch(() => {
        this.#ready = undefined;
      });
      this.#ready = ready;
    }
    return this.#ready;
  }

  close(): Promise<void> {
    this.#closed ??= this.#driver.close();
    return this.#closed;
  }

  async guard(sessionId: string): Promise<Guard | undefined> {
    const [row] = await this.#query(this.#statements.guard, [sessionId]);
    return row && guardFrom(row);
  }

  async commit(batch: Batch): Promise<boolean> {
    return this.#batch(batchStatements(this.#statements, batch));
  }

  async checkpoint(
    sessionId: string,
    ns: string,
    id: string | undefined,
  ): Promise<StoredCheckpoint | undefined> {
    const params = [sessionId, namespaceKey(ns)];
    if (id !== undefined) params.push(id);
    const rows = await this.#query(this.#statements.checkpoint(id !== undefined), params);
    return storedCheckpoints(rows)[0];
  }

  async writes(sessionId: string, ns: string, checkpointId: string): Promise<WriteRecord[]> {
    const params = [sessionId, namespaceKey(ns), checkpointId];
    const rows = await this.#query(this.#statements.writes, params);
    return rows.map((row) => writeFrom(row));
  }

  async sessionWrites(sessionId: string): Promise<WriteRecord[]> {
    const rows = await this.#query(this.#statements.sessionWrites, [sessionId]);
    return rows.map((row) => writeFrom(row));
  }

  async items(sessionId: string, ranges: readonly Range[], at: Era): Promise<ItemRecord[]> {
    if (ranges.length === 0) return [];
    const cover = coverRanges(mergeRanges(ranges), MAX_RANGES);
    // The text depends on the number of ranges: few numbers keep the set of texts small.
    const count = 2 ** Math.ceil(Math.log2(cover.length));
    const padded = [...cover, ...Array<Range>(count - cover.length).fill(cover[0] as Range)];
    const params = [at.incarnation, at.epoch, sessionId, ...padded.flat()];
    const rows = await this.#query(this.#statements.items(count), params);
    return rows.map(([seq, type, body]) => ({
      seq: Number(seq),
      type: type as string,
      body: body as string,
    }));
  }

  async list(query: ListQuery): Promise<StoredCheckpoint[]> {
    const { sessionId, ns, id, beforeVersion, beforeId, after, limit } = query;
    const text = this.#statements.list({
      session: sessionId !== undefined,
      ns: ns !== undefined,
      id: id !== undefined,
      beforeVersion: beforeVersion !== undefined,
      beforeId: beforeId !== undefined,
      after: after !== undefined,
    });
    const params: Param[] = [sessionId, ns && namespaceKey(ns), id, beforeVersion, beforeId].filter(
      (param) => param !== undefined,
    );
    if (after !== undefined) {
      params.push(after.id, after.id, after.sessionId, after.sessionId, after.version);
    }
    return storedCheckpoints(await this.#query(text, [...params, limit]));
  }

  async versions(sessionId: string, id: string): Promise<{ ns: string; version: number }[]> {
    const rows = await this.#query(this.#statements.versions, [sessionId, id]);
    return rows.map(([key, text, version]) => ({
      ns: (text as string | null) ?? (key as string),
      version: Number(version),
    }));
  }

  async ancestors(
    sessionId: string,
    ns: string,
    id: string,
    limit: number,
  ): Promise<{ guard: Guard; checkpoint: CheckpointRecord }[]> {
    const params = [sessionId, namespaceKey(ns), id, limit];
    const rows = await this.#query(this.#statements.ancestors, params);
    return rows.map((row) => ({ guard: guardFrom(row, 14), checkpoint: checkpointFrom(row) }));
  }

  async ancestorWrites(
    sessionId: string,
    ns: string,
    id: string,
    depth: number,
    channels: readonly string[],
  ): Promise<WriteRecord[]> {
    const count = 2 ** Math.ceil(Math.log2(channels.length));
    const padded = Array.from({ length: count }, (_, i) => channels[i] ?? (channels[0] as string));
    const text = this.#statements.ancestorWrites(count);
    const rows = await this.#query(text, [sessionId, namespaceKey(ns), id, depth, ...padded]);
    return rows.map((row) => writeFrom(row));
  }

  async runCheckpoints(runId: string): Promise<{ sessionId: string; ns: string; id: string }[]> {
    const rows = await this.#query(this.#statements.runCheckpoints, [runId]);
    return rows.map(([sessionId, key, text, id]) => ({
      sessionId: sessionId as string,
      ns: (text as string | null) ?? (key as string),
      id: id as string,
    }));
  }

  async deleteSession(sessionId: string): Promise<void> {
    const statements = SESSION_TABLES.map((table) => ({
      text: this.#statements.deleteRows(table),
      params: [sessionId],
    }));
    await this.#batch(statements);
  }

  async copySession(
    sourceId: string,
    targetId: string,
    { incarnation, now }: { incarnation: number; now: number },
  ): Promise<boolean | undefined> {
    const copied = await this.#batch([
      {
        text: this.#statements.copySession,
        params: [targetId, now, now, incarnation, sourceId, targetId],
        expect: 1,
      },
      ...COPIED_TABLES.map((table) => ({
        text: this.#statements.copyRows(table),
        params: [targetId, sourceId],
      })),
    ]);
    if (copied) return true;
    return (await this.guard(sourceId)) === undefined ? undefined : false;
  }

  async appendMessages(
    sessionId: string,
    owner: Owner,
    messages: readonly Omit<MessageRecord, "position">[],
    { incarnation, now }: { incarnation: number; now: number },
  ): Promise<void> {
    const s = this.#statements;
    const first = newSessionParams(sessionId, owner, firstGuard(incarnation), now);
    const reserved = [messages.length, now, ...ownerParams(owner), sessionId];
    await this.#batch([
      { text: s.createSession, params: first },
      { text: s.reserveMessages, params: reserved },
      ...messages.map(({ id, role, content, createdAt }, i) => ({
        text: s.appendMessage,
        params: [messages.length - i, id, role, content, createdAt, sessionId],
      })),
    ]);
  }

  async messages(sessionId: string, { before, limit }: MessagePage): Promise<MessageRecord[]> {
    const text = this.#statements.messages(before !== undefined, limit !== undefined);
    const params = [sessionId, before, limit].filter((param) => param !== undefined);
    const rows = await this.#query(text, params);
    return rows.reverse().map(([position, id, role, content, createdAt]) => ({
      position: Number(position),
      id: id as string | null,
      role: role as string,
      content: content as string,
      createdAt: Number(createdAt),
    }));
  }

  async clearMessages(sessionId: string): Promise<void> {
    await this.#batch([{ text: this.#statements.deleteRows("messages"), params: [sessionId] }]);
  }

  async #query(text: string, params: readonly Param[]): Promise<Row[]> {
    await this.setup();
    return this.#driver.query(text, params);
  }

  async #batch(statements: readonly Statement[]): Promise<boolean> {
    await this.setup();
    return this.#driver.batch(statements);
  }
}
