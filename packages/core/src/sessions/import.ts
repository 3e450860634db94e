import { StorageError } from "../errors.js";
import { checkId, checkObject, invalid, newIncarnation } from "../storage/ids.js";
import type { SessionRecord, Storage } from "../storage/storage.js";
import { linesOf, type TextSource } from "./ndjson.js";
import { SessionFile } from "./session-file.js";

/** Options of `importSession`. */
export interface ImportSessionOptions {
  /** The new session's id. Default: the one that it had. */
  readonly as?: string;
}

const OPERATION = "importSession";

/**
 * Makes a session of exported lines: all of it in one transaction, or nothing. The whole session is held
 * in memory for that. Every row is checked before; its times stay what they were.
 * @param source the text in pieces, wherever they are cut
 * @throws StorageError `CORRUPT` for a file that was cut or changed, with the line; `SCHEMA_NEWER` for one
 * that a newer threadkeep made; `ALREADY_EXISTS` where there is a session of that id; `INVALID_ARGUMENT`
 */
export async function importSession(
  storage: Storage,
  source: TextSource,
  options: ImportSessionOptions = {},
): Promise<SessionRecord> {
  const as = checkOptions(options);
  const file = new SessionFile(OPERATION);
  for await (const line of linesOf(OPERATION, source)) {
    file.add(line);
    // Before the rest is read for nothing.
    if (file.lines === 1) await checkFree(storage, as ?? file.sessionId);
  }
  const { session, guard, rows } = file.end();
  const { nextMessage, ...counters } = guard;
  const { owner, ...row } = session;
  const id = as ?? session.id;
  const incarnation = newIncarnation();
  const record: SessionRecord = {
    ...row,
    id,
    alias: null,
    guard: { ...counters, incarnation, epoch: 0, token: "", owner },
    nextMessage,
  };
  if (!(await storage.insertSession(record, rows))) throw taken(id);
  return (await storage.session(id)) ?? record;
}

function checkOptions(options: unknown): string | undefined {
  checkObject(OPERATION, "options", options);
  const { as, ...others } = options as Readonly<Record<string, unknown>>;
  const [stranger] = Object.keys(others);
  if (stranger !== undefined) {
    throw invalid(OPERATION, `there is no option ${JSON.stringify(stranger)}`);
  }
  return as === undefined ? undefined : checkId(OPERATION, "as", as);
}

async function checkFree(storage: Storage, id: string): Promise<void> {
  if ((await storage.guard(id)) !== undefined) throw taken(id);
}

function taken(id: string): StorageError {
  const what = `there is a session ${JSON.stringify(id)} already`;
  return new StorageError("ALREADY_EXISTS", OPERATION, what);
}
