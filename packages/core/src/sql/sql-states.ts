import { compareCursors, cursorOf } from "../storage/order.js";
import { coverRanges, mergeRanges, type Range } from "../storage/ranges.js";
import type {
  Batch,
  CheckpointRecord,
  Era,
  Guard,
  ItemRecord,
  ListQuery,
  NodeRunRecord,
  Owner,
  StoredCheckpoint,
  ToolEventRecord,
  WriteRecord,
} from "../storage/storage.js";
import { batchParts } from "./batch.js";
import type { Database } from "./database.js";
import type { Param } from "./driver.js";
import { namespaceKey } from "./namespace.js";
import { slices } from "./parts.js";
import {
  checkpointFrom,
  guardBeside,
  guardFrom,
  itemFrom,
  nodeRunFrom,
  storedCheckpoints,
  toolEventFrom,
  writeFrom,
} from "./rows.js";
import type { Scope } from "./scope.js";
import { padded, type Statements } from "./statements.js";

/** More ranges than this are read as fewer, wider ones. */
const MAX_RANGES = 32;
/** More checkpoint ids than this are read by several statements. */
const MAX_IDS = 512;
const NOTHING: Range = [1, 0];

/** The half of the record contract that keeps states. */
export class SqlStates {
  protected readonly db: Database;
  protected readonly scope: Scope;

  constructor(db: Database, owner?: Owner) {
    this.db = db;
    this.scope = db.scope(owner);
  }

  get #statements(): Statements {
    return this.db.statements(this.scope);
  }

  setup(): Promise<void> {
    return this.db.setup();
  }

  close(): Promise<void> {
    return this.db.close();
  }

  async guard(sessionId: string): Promise<Guard | undefined> {
    const [row] = await this.db.query(this.#statements.guard, this.scope.of(sessionId));
    return row && guardFrom(row);
  }

  async commit(batch: Batch): Promise<boolean> {
    const { head, rest } = batchParts(this.db.dialect, this.scope, batch);
    const isRemoval = batch.remove !== undefined;
    return this.db.batch(this.db.assembler[isRemoval ? "inOrder" : "joined"](head, rest));
  }

  async checkpoint(
    sessionId: string,
    ns: string,
    id: string | undefined,
  ): Promise<StoredCheckpoint | undefined> {
    const own = this.scope.of(sessionId);
    const params = [...own, namespaceKey(ns), id, sessionId, sessionId, sessionId].filter(
      (param) => param !== undefined,
    );
    const rows = await this.db.query(this.#statements.checkpoint(id !== undefined), params);
    return storedCheckpoints(rows)[0];
  }

  async writes(sessionId: string, ns: string, checkpointId: string): Promise<WriteRecord[]> {
    const params = [...this.scope.of(sessionId), namespaceKey(ns), checkpointId];
    const rows = await this.db.query(this.#statements.writes, params);
    return rows.map((row) => writeFrom(row));
  }

  async sessionWrites(sessionId: string): Promise<WriteRecord[]> {
    const rows = await this.db.query(this.#statements.sessionWrites, this.scope.of(sessionId));
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
    const params = [...this.scope.of(sessionId), ...ids];
    const rows = await this.db.query(this.#statements.nodeRuns(ids.length), params);
    return rows.map((row) => nodeRunFrom(row));
  }

  async toolEvents(sessionId: string, callId?: string): Promise<ToolEventRecord[]> {
    const text = this.#statements.toolEvents(callId !== undefined);
    const params = [...this.scope.of(sessionId), ...(callId === undefined ? [] : [callId])];
    const rows = await this.db.query(text, params);
    return rows.map((row) => toolEventFrom(row));
  }

  async items(sessionId: string, ranges: readonly Range[], at: Era): Promise<ItemRecord[]> {
    if (ranges.length === 0) return [];
    const cover = coverRanges(mergeRanges(ranges), MAX_RANGES);
    const bound = padded(cover, NOTHING);
    const own = this.scope.of(sessionId);
    const params = [...bound.flat(), sessionId, ...own, at.incarnation, at.epoch];
    const rows = await this.db.query(this.#statements.items(bound.length), params);
    return rows.map((row) => itemFrom(row));
  }

  async list(query: ListQuery): Promise<StoredCheckpoint[]> {
    const { sessionId, ns, id, name, label, beforeVersion, beforeId, after, limit } = query;
    const text = this.#statements.list(query);
    const key = ns && namespaceKey(ns);
    const own = sessionId === undefined ? this.scope.params : this.scope.of(sessionId);
    const params: Param[] = [...own, key, id, name, label, beforeVersion, beforeId].filter(
      (param) => param !== undefined,
    );
    if (after !== undefined) {
      params.push(after.id, after.id, after.sessionId, after.sessionId, after.version);
    }
    params.push(limit);
    if (sessionId !== undefined) params.push(sessionId, sessionId, sessionId);
    const page = storedCheckpoints(await this.db.query(text, params));
    return sessionId === undefined
      ? page.sort((a, b) => compareCursors(cursorOf(a), cursorOf(b)))
      : page.sort((a, b) => b.checkpoint.version - a.checkpoint.version);
  }

  async versions(sessionId: string, id: string): Promise<{ ns: string; version: number }[]> {
    const rows = await this.db.query(this.#statements.versions, [...this.scope.of(sessionId), id]);
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
    const own = this.scope.of(sessionId);
    const params = [...own, namespaceKey(ns), id, sessionId, limit, sessionId, sessionId];
    const rows = await this.db.query(this.#statements.ancestors, params);
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
    const own = this.scope.of(sessionId);
    const params = [...own, namespaceKey(ns), id, sessionId, depth, sessionId, ...bound];
    const rows = await this.db.query(text, params);
    return rows.map((row) => writeFrom(row));
  }

  async namespaces(sessionId: string): Promise<string[]> {
    const rows = await this.db.query(this.#statements.namespaces, this.scope.of(sessionId));
    return rows.map(([key, text]) => (text ?? key) as string);
  }

  async runCheckpoints(runId: string): Promise<{ sessionId: string; ns: string; id: string }[]> {
    const rows = await this.db.query(this.#statements.runCheckpoints, [
      runId,
      ...this.scope.params,
    ]);
    return rows.map(([sessionId, key, text, id]) => ({
      sessionId: sessionId as string,
      ns: (text as string | null) ?? (key as string),
      id: id as string,
    }));
  }
}
