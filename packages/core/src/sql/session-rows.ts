import type {
  MessageRecord,
  ModelCallRecord,
  Owner,
  SessionRecord,
  TableSize,
} from "../storage/storage.js";
import { titleKey } from "../storage/titles.js";
import type { Param, Row } from "./driver.js";
import { guardFrom } from "./rows.js";

type Text = string | null;

const integer = (value: unknown): number | null => (value === null ? null : Number(value));

/** A row of `SESSION_COLUMNS`. */
export function sessionFrom(row: Row): SessionRecord {
  const [id, alias, userId, tenantId, agentId, title, , metadata, status, ...more] = row;
  const [createdAt, updatedAt, endedAt, nextItem, nextVersion, nextMessage, ...guard] = more;
  return {
    id: id as string,
    alias: alias as Text,
    title: title as Text,
    metadata: metadata as Text,
    status: status as SessionRecord["status"],
    createdAt: Number(createdAt),
    updatedAt: Number(updatedAt),
    endedAt: integer(endedAt),
    guard: guardFrom([nextItem, nextVersion, ...guard, userId, tenantId, agentId] as Row),
    nextMessage: Number(nextMessage),
  };
}

export function sessionParams(record: SessionRecord): Param[] {
  const { id, alias, title, metadata, status, createdAt, updatedAt, endedAt, guard } = record;
  return [
    ...[id, alias, ...ownerParams(guard.owner), title, title && titleKey(title), metadata, status],
    ...[createdAt, updatedAt, endedAt, guard.nextItem, guard.nextVersion, record.nextMessage],
    ...[guard.incarnation, guard.epoch, guard.rollbacks, guard.token],
  ];
}

/** User, tenant and agent, as they stand beside one another everywhere. */
export function ownerParams({ userId, tenantId, agentId }: Owner): Param[] {
  return [userId ?? null, tenantId ?? null, agentId ?? null];
}

/** A row of `MESSAGE_COLUMNS` without the session. */
export function messageFrom([
  position,
  id,
  key,
  role,
  content,
  metadata,
  createdAt,
]: Row): MessageRecord {
  return {
    position: Number(position),
    id: id as Text,
    key: key as Text,
    role: role as string,
    content: content as string,
    metadata: metadata as Text,
    createdAt: Number(createdAt),
  };
}

export function messageParams(sessionId: string, m: MessageRecord): Param[] {
  return [sessionId, m.position, m.id, m.key, m.role, m.content, m.metadata, m.createdAt];
}

/** A row of `MODEL_CALL_COLUMNS` without the session. */
export function modelCallFrom(row: Row): ModelCallRecord {
  const [id, messageId, model, status, inputTokens, outputTokens, totalTokens, ...more] = row;
  const [usage, error, latencyMs, startedAt] = more;
  return {
    id: id as string,
    messageId: messageId as Text,
    model: model as Text,
    status: status as ModelCallRecord["status"],
    inputTokens: integer(inputTokens),
    outputTokens: integer(outputTokens),
    totalTokens: integer(totalTokens),
    usage: usage as Text,
    error: error as Text,
    latencyMs: Number(latencyMs),
    startedAt: Number(startedAt),
  };
}

export function modelCallParams(sessionId: string, c: ModelCallRecord): Param[] {
  return [
    ...[sessionId, c.id, c.messageId, c.model, c.status],
    ...[c.inputTokens, c.outputTokens, c.totalTokens, c.usage, c.error, c.latencyMs, c.startedAt],
  ];
}

/** A row of table, rows and bytes. */
export function sizeFrom([table, rows, bytes]: Row): TableSize {
  return { table: table as string, rows: Number(rows), bytes: Number(bytes) };
}
