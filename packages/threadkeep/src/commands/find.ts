import {
  type OwnerQuery,
  type Session,
  type SessionPersistence,
  StorageError,
} from "@threadkeep/core";

const PAGE = 200;
/** Clocks of those who write may differ by so much. */
const SKEW_MS = 60_000;

/**
 * Every session of somebody, each once, the last active one first. One that becomes active meanwhile, and
 * so moves to where the pages have passed, comes at the end.
 */
export async function* everySession(
  persistence: SessionPersistence,
  owners: OwnerQuery,
): AsyncGenerator<Session> {
  const seen = new Set<string>();
  let newest = 0;
  for (;;) {
    const since = newest - SKEW_MS;
    let isNew = false;
    for await (const session of pages(persistence, owners)) {
      const time = session.updatedAt.getTime();
      if (time < since) break;
      newest = Math.max(newest, time);
      if (seen.has(session.id)) continue;
      seen.add(session.id);
      isNew = true;
      yield session;
    }
    if (!isNew) return;
  }
}

async function* pages(
  persistence: SessionPersistence,
  owners: OwnerQuery,
): AsyncGenerator<Session> {
  let cursor: string | undefined;
  do {
    const query = { ...owners, limit: PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await persistence.sessions.list(query);
    yield* page.sessions;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** How many sessions somebody has. */
export async function countSessions(
  persistence: SessionPersistence,
  owners: OwnerQuery,
): Promise<number> {
  let count = 0;
  for await (const _ of pages(persistence, owners)) count += 1;
  return count;
}

/**
 * A session that must be there.
 * @throws StorageError `NOT_FOUND`
 */
export async function existing(
  persistence: SessionPersistence,
  id: string,
  operation: string,
): Promise<Session> {
  const session = await persistence.sessions.get(id);
  if (session !== undefined) return session;
  throw new StorageError("NOT_FOUND", operation, `there is no session ${JSON.stringify(id)}`);
}

/** What a session's work gives; `undefined` where somebody has erased it meanwhile. */
export async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StorageError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}
