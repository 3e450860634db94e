import { checkText } from "../storage/ids.js";
import type { CheckpointRecord, StoredCheckpoint } from "../storage/storage.js";
import { type AgentCheckpoint, readCheckpoints } from "./agent-checkpoint.js";
import { checkTime, checkWhole, checkWords } from "./check.js";
import type { Core } from "./core.js";
import { readNotes } from "./notes.js";

/** Which checkpoints. */
export interface CheckpointQuery {
  /** Only those that a run of this node made. */
  readonly nodePath?: string;
  readonly label?: string;
  /** Only tombstones, or none. */
  readonly tombstone?: boolean;
  /** Only those of this namespace, `""` for the graph itself. Default: all. */
  readonly checkpointNs?: string;
  /** Only those made at this time or later, or earlier than it. */
  readonly since?: Date;
  readonly until?: Date;
  /** Only those with a smaller version: the next page begins at the last one's. */
  readonly before?: number;
  /** At most so many. Default: 50. */
  readonly limit?: number;
}

const PAGE = 64;

export async function listCheckpoints(
  core: Core,
  sessionId: string,
  query: CheckpointQuery,
): Promise<AgentCheckpoint[]> {
  const { label, checkpointNs, limit = 50 } = query;
  const operation = "listCheckpoints";
  checkWhole(operation, "limit", limit);
  checkWhole(operation, "before", query.before);
  checkWords(operation, { label, nodePath: query.nodePath });
  if (checkpointNs !== undefined) checkText(operation, "checkpointNs", checkpointNs);
  checkTime(operation, "since", query.since);
  checkTime(operation, "until", query.until);
  const found: AgentCheckpoint[] = [];
  let { before } = query;
  while (found.length < limit) {
    const left = limit - found.length;
    const page = await core.storage.list({
      sessionId,
      limit: isFiltered(core, query) ? PAGE : Math.min(PAGE, left),
      ...(label === undefined ? {} : { label }),
      ...(checkpointNs === undefined ? {} : { ns: checkpointNs }),
      ...(before === undefined ? {} : { beforeVersion: before }),
    });
    const wanted: StoredCheckpoint[] = [];
    for (const row of page) if (await isWanted(core, row, query)) wanted.push(row);
    found.push(...(await readCheckpoints(core, wanted.slice(0, left))));
    before = page.at(-1)?.checkpoint.version;
    if (before === undefined || before === 1) break;
  }
  return found;
}

/** Whether rows are passed over after they were found. */
const isFiltered = (
  { listsSteps }: Core,
  { tombstone, since, until, nodePath }: CheckpointQuery,
): boolean =>
  !listsSteps || [tombstone, since, until, nodePath].some((filter) => filter !== undefined);

/** Whether a step of a run made it, and nobody by hand. */
const isOfStep = ({ copyOf, tombstone, properties }: CheckpointRecord): boolean =>
  copyOf === null && !tombstone && properties === null;

async function isWanted(
  core: Core,
  { sessionId, checkpoint }: StoredCheckpoint,
  { tombstone, since, until, nodePath }: CheckpointQuery,
): Promise<boolean> {
  const { createdAt } = checkpoint;
  if (!core.listsSteps && isOfStep(checkpoint)) return false;
  if (tombstone !== undefined && checkpoint.tombstone !== tombstone) return false;
  if (since !== undefined && createdAt < since.getTime()) return false;
  if (until !== undefined && createdAt >= until.getTime()) return false;
  if (nodePath === undefined) return true;
  if (checkpoint.tombstone) return nodePath === "tombstone";
  if (checkpoint.nodePath !== null && JSON.parse(checkpoint.nodePath).includes(nodePath))
    return true;
  return (await readNotes(core, sessionId, checkpoint)).nodePath === nodePath;
}
