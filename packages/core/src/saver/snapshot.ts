import type { TreeObject } from "../state/tree.js";
import { checkpointKey } from "../storage/keys.js";
import type {
  CheckpointRecord,
  Guard,
  ItemSize,
  NodeRunRecord,
  WriteRecord,
} from "../storage/storage.js";
import type { Threads } from "./threads.js";

const PAGE = 200;

/** A stored checkpoint and its manifest. */
export interface Header {
  readonly key: string;
  readonly record: CheckpointRecord;
  readonly state: TreeObject;
}

/** A thread as it stands, but for what is in its items. */
export interface Snapshot {
  /**
   * That of the first statement, so that what comes to be removed stays if anything was written after
   * that.
   */
  readonly guard: Guard;
  /** Newest version first. */
  readonly headers: readonly Header[];
  readonly writes: readonly WriteRecord[];
  readonly nodeRuns: readonly NodeRunRecord[];
  readonly items: readonly ItemSize[];
}

/** `undefined`: there is no such thread. The fewer statements, the better beside a busy writer. */
export async function readSnapshot(
  { storage, texts }: Threads,
  sessionId: string,
): Promise<Snapshot | undefined> {
  const list = (query: { beforeVersion?: number }) =>
    storage.list({ sessionId, limit: PAGE, ...query });
  let page = await list({});
  const guard = page[0]?.guard ?? (await storage.guard(sessionId));
  if (guard === undefined) return undefined;
  // What was put between the two statements is not overlooked.
  if (page.length === 0) page = await list({});
  const headers: Header[] = [];
  for (;;) {
    for (const { checkpoint: record } of page) {
      const state = (await texts.read(record.state)) as TreeObject;
      headers.push({ key: checkpointKey(record.ns, record.id), record, state });
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    page = await list({ beforeVersion: last.checkpoint.version });
  }
  return {
    guard,
    headers,
    writes: await storage.sessionWrites(sessionId),
    nodeRuns: await storage.nodeRuns(sessionId),
    items: await storage.itemSizes(sessionId),
  };
}
