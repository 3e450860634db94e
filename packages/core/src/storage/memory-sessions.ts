import { newSession, putRecords, type Session } from "./memory-session.js";
import { firstOfEachKey } from "./message-keys.js";
import { compareBytes } from "./order.js";
import { isOf, mergeOwners } from "./owners.js";
import type {
  Append,
  CopyFresh,
  Fresh,
  Guard,
  MessagePage,
  MessageRecord,
  Owner,
  SessionQuery,
  SessionRecord,
  SessionRows,
  TableSize,
} from "./storage.js";
import { titleKey } from "./titles.js";

/** The row of a session that begins now. */
export function newRow(
  id: string,
  guard: Guard,
  {
    now,
    alias,
    status,
  }: { now: number; alias?: string | undefined; status?: SessionRecord["status"] },
): SessionRecord {
  return {
    id,
    alias: alias ?? null,
    title: null,
    metadata: null,
    status: status ?? null,
    createdAt: now,
    updatedAt: now,
    endedAt: null,
    guard,
    nextMessage: 1,
  };
}

export function sessionWith(row: SessionRecord, rows: SessionRows): Session {
  const session = newSession(row);
  const { messages, modelCalls, ...records } = rows;
  putRecords(session, records);
  session.messages = [...messages];
  for (const { key } of messages) addKey(session, key);
  for (const call of modelCalls) session.modelCalls.set(call.id, call);
  return session;
}

export function matchesQuery(row: SessionRecord, query: SessionQuery): boolean {
  const { owner, statuses, query: part, updatedBefore, after } = query;
  const status = row.endedAt !== null ? "archived" : (row.status ?? "done");
  return (
    isOf(row.guard.owner, owner) &&
    (statuses === undefined || statuses.includes(status)) &&
    (part === undefined || titleKey(row.title ?? "").includes(titleKey(part))) &&
    (updatedBefore === undefined || row.updatedAt < updatedBefore) &&
    (after === undefined || compareSessions(row, after) > 0)
  );
}

/** The last active one first, then by id from the last one. */
export function compareSessions(
  a: Pick<SessionRecord, "updatedAt" | "id">,
  b: Pick<SessionRecord, "updatedAt" | "id">,
): number {
  return b.updatedAt - a.updatedAt || compareBytes(b.id, a.id);
}

/** A copy under a new id: what its tools did, and what its models cost, is the source's. */
export function copyAs(source: Session, id: string, fresh: CopyFresh): Session {
  const { incarnation, now, createdAt = now, alias, upTo, status } = fresh;
  const { guard } = source.row;
  const row = {
    ...source.row,
    ...{ id, alias: alias ?? null, createdAt, updatedAt: now, endedAt: null },
    status: upTo === undefined ? source.row.status : (status ?? null),
    guard: { ...guard, incarnation, rollbacks: 0, token: "" },
  };
  const kept = [...source.checkpoints].filter(([, c]) => c.version <= (upTo?.version ?? Infinity));
  // Of the last checkpoint nothing stays that came after it.
  const before = new Set(kept.filter(([, c]) => c.version !== upTo?.version).map(([key]) => key));
  const isKept = (key: string) => upTo === undefined || before.has(key);
  const youngest = upTo?.createdAt ?? Infinity;
  const messages = source.messages.filter(({ createdAt }) => createdAt <= youngest);
  return {
    ...newSession(row),
    checkpoints: new Map(kept),
    writes: copyEach(source.writes, isKept),
    nodeRuns: copyEach(source.nodeRuns, isKept),
    items: new Map(source.items),
    messages,
    messageKeys: new Set(messages.flatMap(({ key }) => key ?? [])),
  };
}

function copyEach<T>(
  groups: Map<string, Map<string, T>>,
  isKept: (key: string) => boolean,
): Map<string, Map<string, T>> {
  const kept = [...groups].filter(([key]) => isKept(key));
  return new Map(kept.map(([key, group]) => [key, new Map(group)]));
}

export function appendTo(session: Session, owner: Owner, append: Append, fresh: Fresh): void {
  const { row } = session;
  let { nextMessage } = row;
  for (const message of firstOfEachKey(append.messages)) {
    const position = nextMessage;
    nextMessage += 1;
    if (addKey(session, message.key)) session.messages.push({ ...message, position });
  }
  for (const call of append.modelCalls ?? []) {
    if (!session.modelCalls.has(call.id)) session.modelCalls.set(call.id, call);
  }
  const guard = { ...row.guard, token: fresh.token, owner: mergeOwners(row.guard.owner, owner) };
  session.row = { ...row, guard, nextMessage, updatedAt: fresh.now };
}

/** Whether a message of this key may come. */
function addKey({ messageKeys }: Session, key: string | null): boolean {
  if (key === null) return true;
  const isNew = !messageKeys.has(key);
  messageKeys.add(key);
  return isNew;
}

export function messagesIn(session: Session | undefined, page: MessagePage): MessageRecord[] {
  const { before = Infinity, from = 0, roles, limit } = page;
  const found = (session?.messages ?? []).filter(
    ({ position, role }) =>
      position < before && position >= from && (roles === undefined || roles.includes(role)),
  );
  return limit === undefined ? found : found.slice(Math.max(0, found.length - limit));
}

const bytesOf = (texts: readonly (string | null)[]): number =>
  texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ""), 0);

/** What the databases would count: rows, and the bytes of their texts. */
export function sizesOf(session: Session): TableSize[] {
  const { row } = session;
  const each = <T>(groups: Map<string, Map<string, T>>) =>
    [...groups.values()].flatMap((group) => [...group.values()]);
  const size = <T>(table: string, rows: readonly T[], texts: (row: T) => (string | null)[]) => ({
    table,
    rows: rows.length,
    bytes: rows.reduce((sum, one) => sum + bytesOf(texts(one)), 0),
  });
  return [
    size("sessions", [row], (r) => [r.title, r.metadata]),
    size("agent_state", [...session.checkpoints.values()], (c) => [
      c.state,
      c.metadata,
      c.properties,
    ]),
    size("state_items", [...session.items.values()], (item) => [item.body]),
    size("state_writes", each(session.writes), (write) => [write.value]),
    size("node_runs", each(session.nodeRuns), (run) => [run.input, run.output, run.error]),
    size("tool_journal", [...session.toolEvents.values()], (event) => [event.body]),
    size("messages", session.messages, (message) => [message.content, message.metadata]),
    size("model_calls", [...session.modelCalls.values()], (call) => [call.usage, call.error]),
  ];
}
