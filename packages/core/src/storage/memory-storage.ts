import { StorageError } from "../errors.js";
import { firstGuard } from "./ids.js";
import {
  copyOf,
  isExpected,
  newestOf,
  newSession,
  pair,
  putRecords,
  removeRecords,
  type Session,
  stored,
} from "./memory-session.js";
import { compareBytes, compareCursors, cursorOf, newestFirst } from "./order.js";
import type { Range } from "./ranges.js";
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
export class MemoryStorage implements Storage {
  readonly #sessions = new Map<string, Session>();
  #closed = false;

  async setup(): Promise<void> {
    this.#open("setup");
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #open(operation: string): Map<string, Session> {
    if (this.#closed) throw new StorageError("CLOSED", operation, "the storage was closed");
    return this.#sessions;
  }

  async guard(sessionId: string): Promise<Guard | undefined> {
    return this.#open("guard").get(sessionId)?.guard;
  }

  async commit(batch: Batch): Promise<boolean> {
    const sessions = this.#open("commit");
    let session = sessions.get(batch.sessionId);
    if (!isExpected(session?.guard, batch)) return false;
    if (session === undefined) {
      session = newSession(batch.next, batch.owner);
      sessions.set(batch.sessionId, session);
    }
    session.guard = batch.next;
    session.owner = { ...batch.owner, ...session.owner };
    putRecords(session, batch);
    if (batch.remove !== undefined) removeRecords(session, batch.remove);
    return true;
  }

  async checkpoint(
    sessionId: string,
    ns: string,
    id: string | undefined,
  ): Promise<StoredCheckpoint | undefined> {
    const session = this.#open("checkpoint").get(sessionId);
    if (session === undefined) return undefined;
    const checkpoint =
      id === undefined ? newestOf(session, ns) : session.checkpoints.get(pair(ns, id));
    return checkpoint && stored(sessionId, session, checkpoint);
  }

  async writes(sessionId: string, ns: string, checkpointId: string): Promise<WriteRecord[]> {
    const session = this.#open("writes").get(sessionId);
    return [...(session?.writes.get(pair(ns, checkpointId))?.values() ?? [])];
  }

  async sessionWrites(sessionId: string): Promise<WriteRecord[]> {
    const session = this.#open("sessionWrites").get(sessionId);
    return [...(session?.writes.values() ?? [])].flatMap((writes) => [...writes.values()]);
  }

  async nodeRuns(sessionId: string, checkpointIds?: readonly string[]): Promise<NodeRunRecord[]> {
    const session = this.#open("nodeRuns").get(sessionId);
    const wanted = checkpointIds && new Set(checkpointIds);
    return [...(session?.nodeRuns.values() ?? [])]
      .flatMap((runs) => [...runs.values()])
      .filter((run) => wanted === undefined || wanted.has(run.checkpointId));
  }

  async toolEvents(sessionId: string, callId?: string): Promise<ToolEventRecord[]> {
    const session = this.#open("toolEvents").get(sessionId);
    const events = [...(session?.toolEvents.values() ?? [])];
    return callId === undefined ? events : events.filter((event) => event.callId === callId);
  }

  async items(sessionId: string, ranges: readonly Range[], at: Era): Promise<ItemRecord[]> {
    const session = this.#open("items").get(sessionId);
    const { incarnation, epoch } = session?.guard ?? {};
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
    const sessions = this.#open("list");
    if (query.sessionId === undefined) return [...sessions];
    const session = sessions.get(query.sessionId);
    return session === undefined ? [] : [[query.sessionId, session]];
  }

  async versions(sessionId: string, id: string): Promise<{ ns: string; version: number }[]> {
    const checkpoints = this.#open("versions").get(sessionId)?.checkpoints.values() ?? [];
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
    const session = this.#open("ancestors").get(sessionId);
    if (session === undefined) return [];
    const { checkpoints, guard } = session;
    const chain: { guard: Guard; checkpoint: CheckpointRecord }[] = [];
    let parentId = checkpoints.get(pair(ns, id))?.parentId;
    while (typeof parentId === "string" && chain.length < limit) {
      const parent = checkpoints.get(pair(ns, parentId));
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
    const checkpoints = this.#open("namespaces").get(sessionId)?.checkpoints.values() ?? [];
    return [...new Set([...checkpoints].map(({ ns }) => ns))];
  }

  async runCheckpoints(runId: string): Promise<{ sessionId: string; ns: string; id: string }[]> {
    return [...this.#open("runCheckpoints")].flatMap(([sessionId, session]) =>
      [...session.checkpoints.values()]
        .filter((checkpoint) => checkpoint.runId === runId)
        .map(({ ns, id }) => ({ sessionId, ns, id })),
    );
  }

  async deleteSession(sessionId: string): Promise<void> {
    this.#open("deleteSession").delete(sessionId);
  }

  async copySession(
    sourceId: string,
    targetId: string,
    { incarnation }: { incarnation: number },
  ): Promise<boolean | undefined> {
    const sessions = this.#open("copySession");
    const source = sessions.get(sourceId);
    if (source === undefined) return undefined;
    if (sessions.has(targetId)) return false;
    sessions.set(targetId, copyOf(source, incarnation));
    return true;
  }

  async appendMessages(
    sessionId: string,
    owner: Owner,
    messages: readonly Omit<MessageRecord, "position">[],
    { incarnation, token }: { incarnation: number; token: string },
  ): Promise<void> {
    const sessions = this.#open("appendMessages");
    let session = sessions.get(sessionId);
    if (session === undefined) {
      session = newSession(firstGuard(incarnation), owner);
      sessions.set(sessionId, session);
    }
    session.guard = { ...session.guard, token };
    session.owner = { ...owner, ...session.owner };
    for (const message of messages) {
      session.messages.push({ ...message, position: session.nextMessage });
      session.nextMessage += 1;
    }
  }

  async messages(sessionId: string, { before, limit }: MessagePage): Promise<MessageRecord[]> {
    const all = this.#open("messages").get(sessionId)?.messages ?? [];
    const older = before === undefined ? all : all.filter((m) => m.position < before);
    return limit === undefined ? [...older] : older.slice(Math.max(0, older.length - limit));
  }

  async clearMessages(sessionId: string): Promise<void> {
    const session = this.#open("clearMessages").get(sessionId);
    if (session !== undefined) session.messages = [];
  }
}
