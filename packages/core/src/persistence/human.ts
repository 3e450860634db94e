import { ERROR, INTERRUPT } from "@langchain/langgraph-checkpoint";
import { parentsOf, readOriginal } from "../saver/checkpoints.js";
import { readTuple } from "../saver/tuples.js";
import type { StoredCheckpoint, WriteRecord } from "../storage/storage.js";
import type { Core } from "./core.js";
import { type Graph, nextNodes } from "./graph.js";

const PAGE = 64;

/** The nodes at which a compiled graph stops; `"*"` for all. */
interface Stops {
  readonly interruptBefore?: readonly string[] | "*";
  readonly interruptAfter?: readonly string[] | "*";
}

/**
 * Whether a thread waits for a human, or has an answer of one that no node has got the better of yet.
 * @param base its newest checkpoint
 * @param graph tells of stops before and after nodes, of which LangGraph stores nothing
 */
export async function waitsForHuman(
  core: Core,
  base: StoredCheckpoint,
  graph: Graph | undefined,
): Promise<boolean> {
  if (asks(base.writes)) return true;
  const inner = await behind(core, base);
  if (inner.some(({ writes }) => asks(writes))) return true;
  if (await wasStoppedInside(core, [base, ...inner])) return true;
  return graph !== undefined && (await isStopped(core, base, graph as Stops));
}

const asks = (writes: readonly WriteRecord[]): boolean =>
  writes.some(({ channel }) => channel === INTERRUPT);

/**
 * The checkpoints of subgraphs in the step that is under way. LangGraph may have sent them before that
 * of the root, so those that the root's own parent came after are looked at too.
 */
async function behind(core: Core, base: StoredCheckpoint): Promise<StoredCheckpoint[]> {
  const { sessionId, checkpoint: root } = base;
  const found: StoredCheckpoint[] = [];
  const isEarlier = ({ checkpoint: { ns, id, copyOf } }: StoredCheckpoint) =>
    ns === "" && copyOf === null && id !== root.id && id !== root.parentId;
  for (let beforeVersion: number | undefined; ; ) {
    const page = await core.storage.list({
      sessionId,
      limit: PAGE,
      ...(beforeVersion === undefined ? {} : { beforeVersion }),
    });
    const end = page.findIndex(isEarlier);
    found.push(...(end < 0 ? page : page.slice(0, end)));
    beforeVersion = page.at(-1)?.checkpoint.version;
    if (end >= 0 || page.length < PAGE) break;
  }
  const inner = found.filter(
    ({ checkpoint }) => checkpoint.ns !== "" && checkpoint.copyOf === null,
  );
  const read = await Promise.all(inner.map((stored) => readOriginal(core.threads, stored)));
  return read.filter((one) => parentsOf(one)[""] === root.id).map(({ stored }) => stored);
}

/** A subgraph that stops before or after one of its nodes asks nothing, but its node's run says so. */
async function wasStoppedInside(core: Core, rows: readonly StoredCheckpoint[]): Promise<boolean> {
  const ids = rows.map(({ checkpoint }) => checkpoint.id);
  const runs = await core.storage.nodeRuns((rows[0] as StoredCheckpoint).sessionId, ids);
  const isLast = ({ taskId, attempt }: (typeof runs)[0]) =>
    !runs.some((other) => other.taskId === taskId && other.attempt > attempt);
  return runs.some((run) => run.status === "interrupted" && isLast(run));
}

/** A task that has written something had begun: no stop kept it. */
async function isStopped(core: Core, base: StoredCheckpoint, stops: Stops): Promise<boolean> {
  const { checkpoint, writes } = base;
  if (checkpoint.source === "input" || writes.some(({ channel }) => channel === ERROR))
    return false;
  const { tuple } = await readTuple(core.threads, base);
  const next = nextNodes(tuple.checkpoint.channel_values);
  const ran: string[] = checkpoint.nodePath === null ? [] : JSON.parse(checkpoint.nodePath);
  const isAmong = (nodes: readonly string[], at: Stops["interruptBefore"]) =>
    nodes.length > 0 && (at === "*" || nodes.some((node) => at?.includes(node)));
  return (
    next.length > 0 && (isAmong(next, stops.interruptBefore) || isAmong(ran, stops.interruptAfter))
  );
}
