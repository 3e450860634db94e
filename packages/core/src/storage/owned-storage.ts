import { createHash } from "node:crypto";
import { StorageError } from "../errors.js";
import { invalid } from "./ids.js";
import { contradicts, mergeOwners, OWNER_FIELDS } from "./owners.js";
import type { Range } from "./ranges.js";
import type {
  Append,
  Batch,
  CopyFresh,
  Era,
  Fresh,
  Guard,
  ItemRecord,
  ItemSize,
  ListQuery,
  MessagePage,
  MessageRecord,
  ModelCallRecord,
  NodeRunRecord,
  Owner,
  SessionChange,
  SessionQuery,
  SessionRecord,
  SessionRows,
  Storage,
  StoredCheckpoint,
  TableSize,
  ToolEventRecord,
  WriteRecord,
} from "./storage.js";

const ALIASED = "~";

/**
 * The sessions of one owner, as if there were no others. A session stands under its own id; where another
 * owner's session has that id, under another one, and is known by its own as an alias. What the owner
 * does not have is asked for under both.
 */
export class OwnedStorage implements Storage {
  readonly owner: Owner;
  readonly #whole: Storage;
  readonly #seen: Storage;

  constructor(whole: Storage, owner: Owner) {
    this.owner = owner;
    this.#whole = whole;
    this.#seen = whole.scoped(owner);
  }

  /** @throws StorageError `INVALID_ARGUMENT` for another owner than this one, or somebody of theirs */
  scoped(owner: Owner): Storage {
    if (contradicts(this.owner, owner)) throw invalid("forOwner", "that is another owner");
    return new OwnedStorage(this.#whole, mergeOwners(this.owner, owner));
  }

  setup(): Promise<void> {
    return this.#seen.setup();
  }

  /** The storage stays open: it is not this owner's alone. */
  async close(): Promise<void> {}

  /** The other id of a session. */
  #aliased(id: string): string {
    const owner = OWNER_FIELDS.map((name) => this.owner[name] ?? null);
    const hash = createHash("sha256").update(JSON.stringify([...owner, id]));
    return ALIASED + hash.digest("base64url");
  }

  async #find<T>(
    id: string,
    read: (key: string) => Promise<T | undefined>,
  ): Promise<T | undefined> {
    return (await read(id)) ?? read(this.#aliased(id));
  }

  async #all<T>(id: string, read: (key: string) => Promise<T[]>): Promise<T[]> {
    const found = await read(id);
    const isThere = found.length > 0 || (await this.#seen.guard(id)) !== undefined;
    return isThere ? found : read(this.#aliased(id));
  }

  async #does(id: string, write: (key: string) => Promise<boolean>): Promise<boolean> {
    if (await write(id)) return true;
    return (await this.#seen.guard(id)) === undefined && write(this.#aliased(id));
  }

  /** Makes a session: under its own id, or where that is another owner's, under the other one. */
  async #make(id: string, make: (key: string, alias?: string) => Promise<boolean>) {
    const aliased = this.#aliased(id);
    if ((await this.#seen.guard(aliased)) !== undefined) return false;
    // Nobody takes an id that may be the other one of somebody else's session.
    if (id.startsWith(ALIASED)) return make(aliased, id);
    if (await make(id)) return true;
    if ((await this.#seen.guard(id)) !== undefined) return false;
    return make(aliased, id);
  }

  /** The id under which a session stands. */
  async #keyOf(id: string): Promise<string> {
    if ((await this.#seen.guard(id)) !== undefined) return id;
    const aliased = this.#aliased(id);
    if (id.startsWith(ALIASED)) return aliased;
    return (await this.#seen.guard(aliased)) === undefined ? id : aliased;
  }

  /** Under the id by which its owner finds it. */
  async #shown(record: SessionRecord): Promise<SessionRecord> {
    const { alias, id } = record;
    if (alias === null || this.#aliased(alias) !== id) return record;
    const isTaken = (await this.#seen.guard(alias)) !== undefined;
    return isTaken ? record : { ...record, id: alias, storedId: id };
  }

  /** @throws StorageError `NOT_FOUND` where a config names somebody else */
  #ownerOf(operation: string, id: string, owner: Owner): Owner {
    if (!contradicts(this.owner, owner)) return { ...owner, ...this.owner };
    const what = `that owner has no session ${JSON.stringify(id)} here`;
    throw new StorageError("NOT_FOUND", operation, what);
  }

  guard(id: string): Promise<Guard | undefined> {
    return this.#find(id, (key) => this.#seen.guard(key));
  }

  async commit(batch: Batch): Promise<boolean> {
    const { sessionId } = batch;
    const owned = { ...batch, owner: this.#ownerOf("commit", sessionId, batch.owner) };
    const write = (key: string) => this.#seen.commit({ ...owned, sessionId: key });
    if (batch.expected !== undefined) return this.#does(sessionId, write);
    return this.#make(sessionId, (key, alias) =>
      this.#seen.commit({ ...owned, sessionId: key, ...(alias === undefined ? {} : { alias }) }),
    );
  }

  async checkpoint(
    sessionId: string,
    ns: string,
    id: string | undefined,
  ): Promise<StoredCheckpoint | undefined> {
    const [found] = await this.#all(sessionId, async (key) => {
      const stored = await this.#seen.checkpoint(key, ns, id);
      return stored === undefined ? [] : [stored];
    });
    return found && { ...found, sessionId };
  }

  writes(sessionId: string, ns: string, checkpointId: string): Promise<WriteRecord[]> {
    return this.#all(sessionId, (key) => this.#seen.writes(key, ns, checkpointId));
  }

  sessionWrites(sessionId: string): Promise<WriteRecord[]> {
    return this.#all(sessionId, (key) => this.#seen.sessionWrites(key));
  }

  nodeRuns(sessionId: string, checkpointIds?: readonly string[]): Promise<NodeRunRecord[]> {
    return this.#all(sessionId, (key) => this.#seen.nodeRuns(key, checkpointIds));
  }

  toolEvents(sessionId: string, callId?: string): Promise<ToolEventRecord[]> {
    return this.#all(sessionId, (key) => this.#seen.toolEvents(key, callId));
  }

  items(sessionId: string, ranges: readonly Range[], at: Era): Promise<ItemRecord[]> {
    return this.#all(sessionId, (key) => this.#seen.items(key, ranges, at));
  }

  async list(query: ListQuery): Promise<StoredCheckpoint[]> {
    const { sessionId } = query;
    if (sessionId !== undefined) {
      const found = await this.#all(sessionId, (key) =>
        this.#seen.list({ ...query, sessionId: key }),
      );
      return found.map((stored) => ({ ...stored, sessionId }));
    }
    const { after } = query;
    const key = after && (await this.#keyOf(after.sessionId));
    const found = await this.#seen.list({
      ...query,
      ...(after === undefined ? {} : { after: { ...after, sessionId: key as string } }),
    });
    return this.#named(found);
  }

  /** Bearing the ids by which their owner knows the sessions. */
  async #named<T extends { readonly sessionId: string }>(found: readonly T[]): Promise<T[]> {
    const keys = new Set(found.map(({ sessionId }) => sessionId));
    const names = new Map<string, string>();
    for (const key of keys) {
      const record = key.startsWith(ALIASED) ? await this.#seen.session(key) : undefined;
      names.set(key, record === undefined ? key : (await this.#shown(record)).id);
    }
    return found.map((one) => ({ ...one, sessionId: names.get(one.sessionId) as string }));
  }

  versions(sessionId: string, id: string): Promise<{ ns: string; version: number }[]> {
    return this.#all(sessionId, (key) => this.#seen.versions(key, id));
  }

  ancestors(sessionId: string, ns: string, id: string, limit: number) {
    return this.#all(sessionId, (key) => this.#seen.ancestors(key, ns, id, limit));
  }

  ancestorWrites(
    sessionId: string,
    ns: string,
    id: string,
    depth: number,
    channels: readonly string[],
  ): Promise<WriteRecord[]> {
    return this.#all(sessionId, (key) => this.#seen.ancestorWrites(key, ns, id, depth, channels));
  }

  namespaces(sessionId: string): Promise<string[]> {
    return this.#all(sessionId, (key) => this.#seen.namespaces(key));
  }

  async runCheckpoints(runId: string): Promise<{ sessionId: string; ns: string; id: string }[]> {
    return this.#named(await this.#seen.runCheckpoints(runId));
  }

  async session(sessionId: string): Promise<SessionRecord | undefined> {
    const record = await this.#find(sessionId, (key) => this.#seen.session(key));
    return record && this.#shown(record);
  }

  async sessions(query: SessionQuery): Promise<SessionRecord[]> {
    const found = await this.#seen.sessions(query);
    return Promise.all(found.map((record) => this.#shown(record)));
  }

  insertSession(record: SessionRecord, rows?: SessionRows): Promise<boolean> {
    const guard = { ...record.guard, owner: { ...record.guard.owner, ...this.owner } };
    return this.#make(record.id, (id, alias) =>
      this.#seen.insertSession({ ...record, guard, id, alias: alias ?? null }, rows),
    );
  }

  updateSession(sessionId: string, change: SessionChange): Promise<boolean> {
    return this.#does(sessionId, (key) => this.#seen.updateSession(key, change));
  }

  sizes(sessionId: string): Promise<TableSize[]> {
    return this.#all(sessionId, (key) => this.#seen.sizes(key));
  }

  itemSizes(sessionId: string): Promise<ItemSize[]> {
    return this.#all(sessionId, (key) => this.#seen.itemSizes(key));
  }

  deleteSession(sessionId: string, unlessTouchedSince?: number): Promise<boolean> {
    return this.#does(sessionId, (key) => this.#seen.deleteSession(key, unlessTouchedSince));
  }

  async copySession(sourceId: string, targetId: string, fresh: CopyFresh) {
    const source = await this.#keyOf(sourceId);
    let isThere = false;
    const copied = await this.#make(targetId, async (key, alias) => {
      const given = alias === undefined ? fresh : { ...fresh, alias };
      const made = await this.#seen.copySession(source, key, given);
      isThere = made !== undefined;
      return made ?? false;
    });
    return copied || isThere || (await this.#seen.guard(source)) !== undefined ? copied : undefined;
  }

  async appendMessages(
    sessionId: string,
    owner: Owner,
    append: Append,
    fresh: Fresh,
  ): Promise<boolean> {
    const owned = this.#ownerOf("appendMessages", sessionId, owner);
    const aliased = this.#aliased(sessionId);
    const write = (key: string, given = fresh) =>
      this.#seen.appendMessages(key, owned, append, given);
    if (fresh.only !== undefined) return this.#does(sessionId, write);
    const given = { ...fresh, alias: sessionId };
    if ((await this.#keyOf(sessionId)) === aliased) return write(aliased, given);
    return (await write(sessionId)) || write(aliased, given);
  }

  messages(sessionId: string, page: MessagePage): Promise<MessageRecord[]> {
    return this.#all(sessionId, (key) => this.#seen.messages(key, page));
  }

  async clearMessages(sessionId: string): Promise<void> {
    await this.#seen.clearMessages(await this.#keyOf(sessionId));
  }

  modelCalls(sessionId: string): Promise<ModelCallRecord[]> {
    return this.#all(sessionId, (key) => this.#seen.modelCalls(key));
  }
}
