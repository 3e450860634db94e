import { StorageError } from "../errors.js";
import type { Batch, CheckpointRecord, Guard, Storage } from "../storage/storage.js";

const MAX_SENDS = 3;

export type Commit =
  | { readonly written: true }
  /**
   * The counters were other ones: these. Where a reply was lost before, it may have been written all
   * the same, and somebody else has written since.
   */
  | { readonly written: false; readonly guard: Guard | undefined; readonly isDoubtful: boolean };

/**
 * Writes a batch once, whatever happens to the connection: where the reply was lost, the batch's
 * token in the session's row tells whether it was written. Sent again it is written at most once,
 * since it expects the same counters.
 */
export async function commit(storage: Storage, batch: Batch): Promise<Commit> {
  let isDoubtful = false;
  for (let sent = 1; ; sent += 1) {
    const lost = await send(storage, batch);
    isDoubtful ||= lost instanceof StorageError;
    if (lost === "written") return { written: true };
    const guard = await storage.guard(batch.sessionId).catch((error: unknown) => {
      throw lost ?? error;
    });
    if (guard?.token === batch.next.token) return { written: true };
    if (lost === undefined) return { written: false, guard, isDoubtful };
    if (sent === MAX_SENDS) throw lost;
  }
}

/** `undefined`: the counters have moved, and it is unknown who moved them. */
async function send(storage: Storage, batch: Batch): Promise<"written" | StorageError | undefined> {
  try {
    return (await storage.commit(batch)) ? "written" : undefined;
  } catch (error) {
    if (error instanceof StorageError && error.code === "CONNECTION_LOST") return error;
    throw error;
  }
}

/** Those of the checkpoints that stand in the storage. */
export async function storedAmong(
  storage: Storage,
  sessionId: string,
  checkpoints: readonly CheckpointRecord[],
): Promise<CheckpointRecord[]> {
  const found = await Promise.all(
    checkpoints.map(async ({ ns, id }) => {
      const places = await storage.versions(sessionId, id);
      return places.some((place) => place.ns === ns);
    }),
  );
  return checkpoints.filter((_, i) => found[i]);
}
