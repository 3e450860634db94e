import { createHash } from "node:crypto";
import { StorageError } from "../errors.js";
import { checkId } from "../storage/ids.js";
import { mergeRanges, type Range } from "../storage/ranges.js";
import type { ItemSize, SessionRecord, Storage } from "../storage/storage.js";
import { type ExportedTable, type Fields, fieldsOf, TABLES } from "./exported-rows.js";

export const FORMAT = "threadkeep-session";
export const FORMAT_VERSION = 1;

const OPERATION = "exportSession";
const PAGE = 200;
const PAGE_BYTES = 1_000_000;

/**
 * A session as lines of JSON, each with its end: a header, a line per row of every table, and a last line
 * that says how many there were and what SHA-256 they have. Texts stand as they are stored: those that went
 * through a serializer of the user's own are read by the same serializer only. Checkpoints, messages and
 * items are read in pages; a session that runs meanwhile is exported as it was at some moment between.
 * @throws StorageError `NOT_FOUND`; `CONFLICT` where the session is deleted or pruned before the end
 */
export async function* exportSession(storage: Storage, sessionId: string): AsyncGenerator<string> {
  try {
    yield* sealed(linesOf(storage, checkId(OPERATION, "sessionId", sessionId)));
  } catch (error) {
    throw error instanceof StorageError ? error.of(OPERATION) : error;
  }
}

/** All lines, and one that seals them. */
async function* sealed(lines: AsyncGenerator<object, object>): AsyncGenerator<string> {
  const hash = createHash("sha256");
  let rows = -1;
  for (;;) {
    const { done, value } = await lines.next();
    if (done) {
      yield `${JSON.stringify({ end: true, ...value, rows, sha256: hash.digest("hex") })}\n`;
      return;
    }
    const line = `${JSON.stringify(value)}\n`;
    hash.update(line);
    rows += 1;
    yield line;
  }
}

async function* linesOf(storage: Storage, sessionId: string): AsyncGenerator<object, object> {
  const first = await storage.session(sessionId);
  if (first === undefined) {
    const what = `there is no session ${JSON.stringify(sessionId)}`;
    throw new StorageError("NOT_FOUND", OPERATION, what);
  }
  yield headerOf(first);
  yield* rowLines(storage, sessionId);
  // All items that those rows name have numbers below this one.
  const last = checkSame(first, await storage.session(sessionId));
  yield* itemLines(storage, last);
  checkSame(first, await storage.session(sessionId));
  const { nextItem, nextVersion, rollbacks } = last.guard;
  return { guard: { nextItem, nextVersion, nextMessage: last.nextMessage, rollbacks } };
}

function headerOf({ id, guard, title, metadata, status, ...times }: SessionRecord): object {
  const { createdAt, updatedAt, endedAt } = times;
  const state = { title, metadata, status, createdAt, updatedAt, endedAt };
  const session = { id, owner: guard.owner, ...state };
  return { format: FORMAT, version: FORMAT_VERSION, session };
}

/** What is removed while it is read is not exported in part. */
function checkSame(first: SessionRecord, now: SessionRecord | undefined): SessionRecord {
  const { incarnation, epoch } = first.guard;
  if (now?.guard.incarnation === incarnation && now.guard.epoch === epoch) return now;
  const what = now?.guard.incarnation === incarnation ? "pruned" : "deleted";
  const which = `session ${JSON.stringify(first.id)}`;
  throw new StorageError("CONFLICT", OPERATION, `${which} was ${what} meanwhile`);
}

function* linesIn<T extends object>(
  table: ExportedTable,
  rows: Iterable<T>,
): Generator<{ table: string; row: T }> {
  const fields = TABLES[table].fields as unknown as Fields<T>;
  for (const row of rows) yield { table, row: fieldsOf(fields, row) };
}

async function* rowLines(storage: Storage, sessionId: string): AsyncGenerator<object> {
  for (let beforeVersion: number | undefined; ; ) {
    const query = beforeVersion === undefined ? {} : { beforeVersion };
    const page = await storage.list({ sessionId, limit: PAGE, ...query });
    yield* linesIn(
      "agent_state",
      page.map(({ checkpoint }) => checkpoint),
    );
    beforeVersion = page.at(-1)?.checkpoint.version;
    if (page.length < PAGE) break;
  }
  yield* linesIn("state_writes", await storage.sessionWrites(sessionId));
  yield* linesIn("node_runs", await storage.nodeRuns(sessionId));
  yield* linesIn("tool_journal", await storage.toolEvents(sessionId));
  yield* linesIn("model_calls", await storage.modelCalls(sessionId));
  for (let before: number | undefined; ; ) {
    const query = before === undefined ? {} : { before };
    const page = await storage.messages(sessionId, { limit: PAGE, ...query });
    yield* linesIn("messages", page);
    before = page[0]?.position;
    if (page.length < PAGE) break;
  }
}

async function* itemLines(storage: Storage, { id, guard }: SessionRecord): AsyncGenerator<object> {
  const sizes = await storage.itemSizes(id);
  const old = sizes.filter(({ seq }) => seq < guard.nextItem).sort((a, b) => a.seq - b.seq);
  for (const page of pagesOf(old)) {
    const wanted = new Set(page.map(({ seq }) => seq));
    const ranges = mergeRanges([...wanted].map((seq): Range => [seq, seq]));
    const read = await storage.items(id, ranges, guard);
    // A storage may read others along.
    const items = read.filter(({ seq }) => wanted.has(seq)).sort((a, b) => a.seq - b.seq);
    yield* linesIn("state_items", items);
  }
}

function pagesOf(sizes: readonly ItemSize[]): ItemSize[][] {
  const pages: ItemSize[][] = [];
  let room = 0;
  for (const size of sizes) {
    const page = pages.at(-1);
    room -= size.bytes;
    if (page === undefined || room < 0 || page.length === PAGE) {
      pages.push([size]);
      room = PAGE_BYTES - size.bytes;
    } else {
      page.push(size);
    }
  }
  return pages;
}
