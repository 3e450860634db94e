import { StorageError } from "../errors.js";
import { decodePlain, encodePlain } from "../state/plain.js";
import type { Tree } from "../state/tree.js";
import type { CheckpointRecord } from "../storage/storage.js";
import type { Core } from "./core.js";

/** What stands beside a checkpoint's state, since its maker said so. */
export interface Notes {
  readonly nodePath?: string;
  readonly lastInput?: unknown;
  readonly lastOutput?: unknown;
  readonly properties?: Readonly<Record<string, unknown>>;
  /** Of a checkpoint that a rollback made: where it came from. */
  readonly rollback?: { readonly to: string; readonly strategy: string };
}

/** @throws StorageError `NOT_SERIALIZABLE` naming the path */
export function encodeNotes(core: Core, sessionId: string, notes: Notes): Tree | undefined {
  const given = Object.fromEntries(Object.entries(notes).filter(([, note]) => note !== undefined));
  if (Object.keys(given).length === 0) return undefined;
  return encodePlain(core.thread(sessionId).log.classes, "checkpoint", given);
}

/** Fresh values of what was noted. */
export async function readNotes(
  core: Core,
  sessionId: string,
  { id, properties }: CheckpointRecord,
): Promise<Notes> {
  if (properties === null) return {};
  const tree = await core.threads.texts.read(properties);
  const notes = decodePlain(core.thread(sessionId).log.classes, tree);
  if (typeof notes === "object" && notes !== null) return notes;
  throw new StorageError("CORRUPT", "read", `properties of checkpoint ${JSON.stringify(id)}`);
}
