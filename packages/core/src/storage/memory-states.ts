import { StorageError } from "../errors.js";
import { checkpointKey } from "./keys.js";
import {
  isExpected,
  moveGuard,
  newestOf,
  newSession,
  putRecords,
  removeRecords,
  type Session,
  stored,
} from "./memory-session.js";
import { newRow } from "./memory-sessions.js";
import { compareBytes, compareCursors, cursorOf, newestFirst } from "./order.js";
import { isOf } from "./owners.js";
import type { Range } from "./ranges.js";
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
} from "./storage.js";

/** The half of the memory storage that keeps states. */
export class MemoryStates {
  protected all = { sessions: new Map<string, Session>(), closed: false };
  protected scope: Owner | undefined;

  async setup(): Promise<void> {
    this.open("setup");
  }

  async close(): Promise<void> {
    this.all.closed = true;
  }

  protected open(operation: string): Map<string, Session> {
    if (this.all.closed) throw new StorageError("CLOSED", operation, "the storage was closed");
    return this.all.sessions;
  }

  /** The session, if this view sees it. */
  protected find(operation: string, sessionId: string): Session | undefined {
    const session = this.open(operation).get(sessionId);
    return session !== undefined && this.sees(session) ? session : undefined;
  }

  protected sees(session: Session): boolean {
    return this.scope === undefined || isOf(session.row.guard.owner, this.scope);
  }

  protected visible(operation: string): [string, Session][] {
    return [...this.open(operation)].filter(([, session]) => this.sees(session));
  }

  async guard(sessionId: string): Promise<Guard | undefined> {
    return this.find("guard", sessionId)?.row.guard;
  }

  async commit(batch: Batch): Promise<boolean> {
    const { sessionId, owner, next, expected } = batch;
    const sessions = this.open("commit");
    const known = sessions.get(sessionId);
    if (known !== undefined && !this.sees(known)) return false;
    if (!isExpected(known?.row.guard, batch)) return false;
    const session = known ?? newSession(newRow(sessionId, { ...next, owner }, batch));
    sessions.set(sessionId, session);
    if (expected !== undefined) moveGuard(session, batch);
    putRecords(session, batch);
    if (batch.remove !== undefined) removeRecords(session, batch.remove);
    return true;
  }

  async checkpoint(
    sessionId: string,
    ns: string,
    id: string | undefined,
  ): Promise<StoredCheckpoint | undefined> {
    const session = this.find("checkpoint", sessionId);
    if (session === undefined) return undefined;
    const checkpoint =
      id === undefined ? newestOf(session, ns) : session.checkpoints.get(checkpointKey(ns, id));
    return checkpoint && stored(sessionId, session, checkpoint);
  }

  async writes(sessionId: string, ns: string, checkpointId: string): Promise<WriteRecord[]> {
    const session = this.find("writes", sessionId);
    return [...(session?.writes.get(checkpointKey(ns, checkpointId))?.values() ?? [])];
  }

  async sessionWrites(sessionId: string): Promise<WriteRecord[]> {
    const session = this.find("sessionWrites", sessionId);
    return [...(session?.writes.values() ?? [])].flatMap((writes) => [...writes.values()]);
  }

  async nodeRuns(sessionId: string, checkpointIds?: readonly string[]): Promise<NodeRunRecord[]> {
    const session = this.find("nodeRuns", sessionId);
    const wanted = checkpointIds && new Set(checkpointIds);
    return [...(session?.nodeRuns.values() ?? [])]
      .flatMap((runs) => [...runs.values()])
      .filter((run) => wanted === undefined || wanted.has(run.checkpointId));
  }

  async toolEvents(sessionId: string, callId?: string): Promise<ToolEventRecord[]> {
    const session = this.find("toolEvents", sessionId);
    const events = [...(session?.toolEvents.values() ?? [])];
    return callId === undefined ? events : events.filter((event) => event.callId === callId);
  }

  async items(sessionId: string, ranges: readonly Range[], at: Era): Promise<ItemRecord[]> {
    const session = this.find("items", sessionId);
    const { incarnation, epoch } = session?.row.guard ?? {};
    if (incarnation !== at.incarnation || epoch !== at.epoch) return [];
    const items = session?.items;
    const found: ItemRecord[] = [];
    for (const [first, last] of ranges) {
      for (let seq = first; seq <= last; seq += 1) {
        const item = items?.get(seq);
        if (item !== undefined) found.push(item);
      }
    }
    return found;
  }

  async list(query: ListQuery): Promise<StoredCheckpoint[]> {
    const { ns, id, name, label, beforeVersion, beforeId } = query;
    const matches = (c: CheckpointRecord) =>
      (ns === undefined || c.ns === ns) &&
      (id === undefined || c.id === id) &&
      (name === undefined || c.name === name) &&
      (label === undefined || c.label === label) &&
      (beforeVersion === undefined || c.version < beforeVersion) &&
      (beforeId === undefined || compareBytes(c.id, beforeId) < 0);
    const all = this.#listed(query).flatMap(([sessionId, session]) =>
      newestFirst([...session.checkpoints.values()].filter(matches)).map((checkpoint) => ({
        sessionId,
        session,
        checkpoint,
      })),
    );
    const { after } = query;
    if (query.sessionId === undefined) {
      all.sort((a, b) => compareCursors(cursorOf(a), cursorOf(b)));
    }
    return all
      .filter((entry) => after === undefined || compareCursors(cursorOf(entry), after) > 0)
      .slice(0, query.limit)
      .map(({ sessionId, session, checkpoint }) => stored(sessionId, session, checkpoint));
  }

  #listed(query: ListQuery): [string, Session][] {
    if (query.sessionId === undefined) return this.visible("list");
    const session = this.find("list", query.sessionId);
    return session === undefined ? [] : [[query.sessionId, session]];
  }

  async versions(sessionId: string, id: string): Promise<{ ns: string; version: number }[]> {
    const checkpoints = this.find("versions", sessionId)?.checkpoints.values() ?? [];
    return [...checkpoints]
      .filter((checkpoint) => checkpoint.id === id)
      .map(({ ns, version }) => ({ ns, version }));
  }

  async ancestors(
    sessionId: string,
    ns: string,
    id: string,
    limit: number,
  ): Promise<{ guard: Guard; checkpoint: CheckpointRecord }[]> {
    const session = this.find("ancestors", sessionId);
    if (session === undefined) return [];
    const { checkpoints } = session;
    const { guard } = session.row;
    const chain: { guard: Guard; checkpoint: CheckpointRecord }[] = [];
    let parentId = checkpoints.get(checkpointKey(ns, id))?.parentId;
    while (typeof parentId === "string" && chain.length < limit) {
      const parent = checkpoints.get(checkpointKey(ns, parentId));
      if (parent === undefined) break;
      chain.push({ guard, checkpoint: parent });
      parentId = parent.parentId;
    }
    return chain;
  }

  async ancestorWrites(
    sessionId: string,
    ns: string,
    id: string,
    depth: number,
    channels: readonly string[],
  ): Promise<WriteRecord[]> {
    const chain = await this.ancestors(sessionId, ns, id, depth);
    const writes = await Promise.all(
      chain.map(({ checkpoint }) => this.writes(sessionId, ns, checkpoint.id)),
    );
    return writes.flat().filter((write) => channels.includes(write.channel));
  }

  async namespaces(sessionId: string): Promise<string[]> {
    const checkpoints = this.find("namespaces", sessionId)?.checkpoints.values() ?? [];
    return [...new Set([...checkpoints].map(({ ns }) => ns))];
  }

  async runCheckpoints(runId: string): Promise<{ sessionId: string; ns: string; id: string }[]> {
    return this.visible("runCheckpoints").flatMap(([sessionId, session]) =>
      [...session.checkpoints.values()]
        .filter((checkpoint) => checkpoint.runId === runId)
        .map(({ ns, id }) => ({ sessionId, ns, id })),
    );
  }
}
