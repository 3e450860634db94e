import { checkId, invalid } from "../storage/ids.js";
import { placeOfSession } from "../storage/order.js";
import type { SessionCursor, SessionRecord } from "../storage/storage.js";

/** Where the page behind a session begins, as text that says nothing to anybody else. */
export function cursorBehind(record: SessionRecord): string {
  const { updatedAt, id } = placeOfSession(record);
  return Buffer.from(JSON.stringify([updatedAt, id])).toString("base64url");
}

/** @throws StorageError `INVALID_ARGUMENT` for what `cursorBehind` did not make */
export function cursorFrom(operation: string, cursor: unknown): SessionCursor {
  const [updatedAt, id, ...more] = partsOf(cursor);
  const isCursor = Number.isSafeInteger(updatedAt) && isId(id) && more.length === 0;
  if (!isCursor) throw invalid(operation, "cursor is none that list has returned");
  return { updatedAt: updatedAt as number, id };
}

function isId(id: unknown): id is string {
  try {
    checkId("cursor", "id", id);
    return true;
  } catch {
    return false;
  }
}

function partsOf(cursor: unknown): unknown[] {
  if (typeof cursor !== "string") return [];
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString());
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}
