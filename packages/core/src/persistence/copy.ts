import { randomUUID } from "node:crypto";
import { StorageError } from "../errors.js";
import { statusOfState } from "../saver/status.js";
import { configOf } from "../saver/tuples.js";
import { checkId, checkObject, invalid, newIncarnation } from "../storage/ids.js";
import type { CheckpointRecord, CopyFresh, Era } from "../storage/storage.js";
import { findCheckpoint } from "./checkpoints.js";
import type { Core } from "./core.js";

/** Options of `copy`. */
export interface CopyOptions {
  /** The newest checkpoint that is copied, by its name or LangGraph's id. Default: all are. */
  readonly upTo?: string;
  /** The new session's id. Default: a random UUID. */
  readonly as?: string;
}

/**
 * Makes a session like another one, inside the database.
 * @returns its id
 * @throws StorageError `NOT_FOUND`, `ALREADY_EXISTS`, `INVALID_ARGUMENT`; `CONFLICT` where the session was
 * pruned or deleted while it was copied up to a checkpoint
 */
export async function copySession(
  core: Core,
  sessionId: string,
  options: CopyOptions = {},
): Promise<string> {
  checkId("copy", "sessionId", sessionId);
  checkObject("copy", "the options", options);
  const { upTo, as = randomUUID() } = options;
  checkId("copy", "as", as);
  if (upTo !== undefined) checkId("copy", "upTo", upTo);
  const before = upTo === undefined ? undefined : await core.storage.guard(sessionId);
  const cut = upTo === undefined ? {} : await cutAt(core, sessionId, upTo);
  const fresh = { incarnation: newIncarnation(), now: core.clock(), ...cut };
  const copied = await core.storage.copySession(sessionId, as, fresh);
  if (copied) {
    if (before !== undefined) await checkSame(core, sessionId, before, as);
    return as;
  }
  throw copied === undefined
    ? missing(`there is no session ${JSON.stringify(sessionId)}`)
    : new StorageError(
        "ALREADY_EXISTS",
        "copy",
        `there is a session ${JSON.stringify(as)} already`,
      );
}

/** The copy goes again where the checkpoint that it ends with may have gone before it was made. */
async function checkSame(core: Core, sessionId: string, before: Era, copy: string): Promise<void> {
  const now = await core.storage.guard(sessionId);
  if (now?.incarnation === before.incarnation && now.epoch === before.epoch) return;
  await core.storage.deleteSession(copy);
  const what = now?.incarnation === before.incarnation ? "pruned" : "deleted";
  const which = `session ${JSON.stringify(sessionId)}`;
  throw new StorageError("CONFLICT", "copy", `${which} was ${what} meanwhile`);
}

/** Nothing is cut off behind the newest state: what waits there to be applied is copied too. */
async function cutAt(
  core: Core,
  sessionId: string,
  upTo: string,
): Promise<Pick<CopyFresh, "upTo" | "status">> {
  const found = await findCheckpoint(core, sessionId, upTo);
  const newest = await core.storage.checkpoint(sessionId, "", undefined);
  if (found === undefined || newest === undefined) {
    throw missing(`session ${JSON.stringify(sessionId)} has no checkpoint ${JSON.stringify(upTo)}`);
  }
  if (found.checkpoint.ns !== "") {
    throw invalid("copy", "upTo must be a checkpoint of the root graph, not of a subgraph");
  }
  const last = await originalOf(core, sessionId, found.checkpoint);
  if (last.version === newest.checkpoint.version) return {};
  const { version, createdAt } = last;
  const tuple = await core.saver.getTuple(configOf(sessionId, "", last.id));
  const isOver = last.tombstone || tuple === undefined;
  const status = isOver ? null : statusOfState(tuple.checkpoint.channel_values);
  return { upTo: { version, createdAt }, status };
}

/** The state that a checkpoint made by hand keeps. */
async function originalOf(
  core: Core,
  sessionId: string,
  checkpoint: CheckpointRecord,
): Promise<CheckpointRecord> {
  const { copyOf } = checkpoint;
  if (copyOf === null) return checkpoint;
  const query = { sessionId, ns: "", beforeVersion: copyOf + 1, limit: 1 };
  const [original] = await core.storage.list(query);
  if (original?.checkpoint.version === copyOf) return original.checkpoint;
  throw missing(`the state that ${JSON.stringify(checkpoint.name)} keeps was pruned`);
}

const missing = (what: string) => new StorageError("NOT_FOUND", "copy", what);
