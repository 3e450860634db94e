import { StorageError } from "../errors.js";
import { firstGuard } from "../storage/ids.js";
import { compareCursors, cursorOf } from "../storage/order.js";
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
  NodeRunRecord,
  Owner,
  Storage,
  StoredCheckpoint,
  ToolEventRecord,
  WriteRecord,
} from "../storage/storage.js";
import { batchParts, createSession } from "./batch.js";
import type { Dialect } from "./dialect.js";
import type { Driver, Param, Row, Statement } from "./driver.js";
import { migrate, type SetupMode } from "./migrator.js";
import { namespaceKey } from "./namespace.js";
import { Assembler, slices } from "./parts.js";
import { READ_AGAIN, retrying } from "./retry.js";
import {
  checkpointFrom,
  guardBeside,
  guardFrom,
  itemFrom,
  messageFrom,
  nodeRunFrom,
  storedCheckpoints,
  toolEventFrom,
  writeFrom,
} from "./rows.js";
import {
  appendParts,
  clearPart,
  copyRowsParts,
  copySessionPart,
  deleteParts,
  lockPart,
} from "./session-parts.js";
import { padded, Statements } from "./statements.js";

const MAX_TRIES = 10;
/** More ranges than this are read as fewer, wider ones. */
const MAX_RANGES = 32;
/** More checkpoint ids than this are read by several statements. */
const MAX_IDS = 512;
const NOTHING: Range = [1, 0];

/** Options of every database. */
export interface StorageOptions {
  /**
   * `auto`: the first call makes the tables, if they are not there; `verify`: it only checks that
   * they are; `off`: it does not look. Default: `auto`.
   */
  readonly setup?: SetupMode;
}

const MODES: readonly unknown[] = ["auto", "verify", "off"];

/** The record contract over any SQL database. */
export class SqlStorage implements Storage {
  readonly #driver: Driver;
  readonly #dialect: Dialect;
  readonly #mode: SetupMode;
  readonly #statements: Statements;
  readonly #assembler: Assembler;
  #ready: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** @throws StorageError `INVALID_ARGUMENT` for an unknown set-up mode */
  constructor(driver: Driver, dialect: Dialect, { setup = "auto" }: StorageOptions = {}) {
    if (!MODES.includes(setup)) {
      throw new StorageError("INVALID_ARGUMENT", "setup", `must be one of ${MODES.join(", ")}`);
    }
    this.#mode = setup;
    this.#driver = driver;
    this.#dialect = dialect;
    this.#statements = new Statements(dialect);
    this.#assembler = new Assembler(dialect);
  }

  setup(): Promise<void> {
    if (this.#closed !== undefined) {
      return Promise.reject(new StorageError("CLOSED", "setup", "the storage was closed"));
    }
    if (this.#ready === undefined) {
      const ready = retrying(() => migrate(this.#driver, this.#dialect, this.#mode, Date.now));
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
    const { head, rest } = batchParts(this.#dialect, batch);
    const isRemoval = batch.remove !== undefined;
    return this.#batch(this.#assembler[isRemoval ? "inOrder" : "joined"](head, rest));
  }

  async checkpoint(
    sessionId: string,
    ns: string,
    id: string | undefined,
  ): Promise<StoredCheckpoint | undefined> {
    const params = [sessionId, namespaceKey(ns), id, sessionId, sessionId, sessionId].filter(
      (param) => param !== undefined,
    );
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

  async nodeRuns(sessionId: string, checkpointIds?: readonly string[]): Promise<NodeRunRecord[]> {
    if (checkpointIds === undefined) return this.#nodeRuns(sessionId, []);
    const found: NodeRunRecord[][] = [];
    for (const ids of slices([...new Set(checkpointIds)], MAX_IDS)) {
      found.push(await this.#nodeRuns(sessionId, padded(ids)));
    }
    return found.flat();
  }

  async #nodeRuns(sessionId: string, ids: readonly string[]): Promise<NodeRunRecord[]> {
    const rows = await this.#query(this.#statements.nodeRuns(ids.length), [sessionId, ...ids]);
    return rows.map((row) => nodeRunFrom(row));
  }

  async toolEvents(sessionId: string, callId?: string): Promise<ToolEventRecord[]> {
    const text = this.#statements.toolEvents(callId !== undefined);
    const params = callId === undefined ? [sessionId] : [sessionId, callId];
    const rows = await this.#query(text, params);
    return rows.map((row) => toolEventFrom(row));
  }

  async items(sessionId: string, ranges: readonly Range[], at: Era): Promise<ItemRecord[]> {
    if (ranges.length === 0) return [];
    const cover = coverRanges(mergeRanges(ranges), MAX_RANGES);
    const bound = padded(cover, NOTHING);
    const params = [...bound.flat(), sessionId, sessionId, at.incarnation, at.epoch];
    const rows = await this.#query(this.#statements.items(bound.length), params);
    return rows.map((row) => itemFrom(row));
  }

  async list(query: ListQuery): Promise<StoredCheckpoint[]> {
    const { sessionId, ns, id, name, label, beforeVersion, beforeId, after, limit } = query;
    const text = this.#statements.list(query);
    const key = ns && namespaceKey(ns);
    const params: Param[] = [sessionId, key, id, name, label, beforeVersion, beforeId].filter(
      (param) => param !== undefined,
    );
    if (after !== undefined) {
      params.push(after.id, after.id, after.sessionId, after.sessionId, after.version);
    }
    params.push(limit);
    if (sessionId !== undefined) params.push(sessionId, sessionId, sessionId);
    const page = storedCheckpoints(await this.#query(text, params));
    return sessionId === undefined
      ? page.sort((a, b) => compareCursors(cursorOf(a), cursorOf(b)))
      : page.sort((a, b) => b.checkpoint.version - a.checkpoint.version);
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
    const params = [sessionId, namespaceKey(ns), id, sessionId, limit, sessionId, sessionId];
    const rows = await this.#query(this.#statements.ancestors, params);
    return rows.map((row) => ({ guard: guardBeside(row), checkpoint: checkpointFrom(row) }));
  }

  async ancestorWrites(
    sessionId: string,
    ns: string,
    id: string,
    depth: number,
    channels: readonly string[],
  ): Promise<WriteRecord[]> {
    const bound = padded(channels);
    const text = this.#statements.ancestorWrites(bound.length);
    const params = [sessionId, namespaceKey(ns), id, sessionId, depth, sessionId, ...bound];
    const rows = await this.#query(text, params);
    return rows.map((row) => writeFrom(row));
  }

  async namespaces(sessionId: string): Promise<string[]> {
    const rows = await this.#query(this.#statements.namespaces, [sessionId]);
    return rows.map(([key, text]) => (text ?? key) as string);
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
    const { head, rest } = deleteParts(this.#dialect, sessionId);
    await this.#batch(this.#assembler.inOrder(head, rest));
  }

  async copySession(
    sourceId: string,
    targetId: string,
    fresh: { readonly incarnation: number; readonly now: number },
  ): Promise<boolean | undefined> {
    const dialect = this.#dialect;
    const copied = await this.#batch([
      ...this.#assembler.inOrder(lockPart(dialect, sourceId), []),
      ...this.#assembler.inOrder(
        copySessionPart(dialect, sourceId, targetId, fresh),
        copyRowsParts(dialect, sourceId, targetId),
      ),
    ]);
    if (copied) return true;
    return (await this.guard(sourceId)) === undefined ? undefined : false;
  }

  async appendMessages(
    sessionId: string,
    owner: Owner,
    messages: readonly Omit<MessageRecord, "position">[],
    fresh: { readonly incarnation: number; readonly now: number; readonly token: string },
  ): Promise<void> {
    const { head, rest } = appendParts(this.#dialect, sessionId, owner, messages, fresh);
    const append = this.#assembler.joined(head, rest);
    const guard = firstGuard(fresh.incarnation);
    const create = createSession(this.#dialect, sessionId, owner, guard, fresh.now);
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      if (await this.#batch(append)) return;
      await this.#batch([this.#assembler.alone(create)]);
    }
    throw new StorageError("BUSY", "appendMessages", "the session was deleted again and again");
  }

  async messages(sessionId: string, { before, limit }: MessagePage): Promise<MessageRecord[]> {
    const text = this.#statements.messages(before !== undefined, limit !== undefined);
    const params = [sessionId, before, limit].filter((param) => param !== undefined);
    const rows = await this.#query(text, params);
    return rows.reverse().map((row) => messageFrom(row));
  }

  async clearMessages(sessionId: string): Promise<void> {
    await this.#batch([this.#assembler.alone(clearPart(this.#dialect, sessionId))]);
  }

  async #query(text: string, params: readonly Param[]): Promise<Row[]> {
    await this.setup();
    return retrying(() => this.#driver.query(text, params), READ_AGAIN);
  }

  async #batch(statements: readonly Statement[]): Promise<boolean> {
    await this.setup();
    return retrying(() => this.#driver.batch(statements));
  }
}
