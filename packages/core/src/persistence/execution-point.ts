import { Send } from "@langchain/langgraph";
import { type Checkpoint, maxChannelVersion, TASKS } from "@langchain/langgraph-checkpoint";
import { StorageError } from "../errors.js";
import { isInternal } from "../nodes/paths.js";
import { CandidateSaver } from "../saver/candidates.js";
import { addCheckpoints, forkMetadata, newCheckpointId } from "../saver/checkpoints.js";
import { MemorySaver } from "../saver/memory-saver.js";
import { UNNAMED } from "../saver/put.js";
import type { CheckpointTrees } from "../saver/records.js";
import { configOf, readTuple } from "../saver/tuples.js";
import { nextVersion } from "../saver/versions.js";
import type { Numbering } from "../state/list.js";
import { draftCheckpoint, finishCheckpoint } from "../state/manifest.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import { lookAgain } from "./checkpoints.js";
import type { Core } from "./core.js";
import { branchTo, CHECKPOINTER_KEY, tasksOf } from "./graph.js";
import type { ExecutionPoint, Level } from "./levels.js";

/** Columns of the checkpoint that the thread goes on from. */
export type PointColumns = Pick<CheckpointTrees, "name" | "label" | "properties" | "createdAt">;

/** How the checkpoints of an execution point are stored. */
export interface PointStorage {
  readonly operation: string;
  readonly columns: PointColumns;
  /** Whether runs that began before can write no more. */
  readonly fences: boolean;
  /**
   * Called with what the thread goes on from now; may throw, and nothing is stored.
   * @returns what is there already and makes the point needless
   */
  check(base: StoredCheckpoint | undefined): Promise<StoredCheckpoint | undefined>;
}

type Values = Record<string, unknown>;

/** Stores checkpoints from which a graph goes on at a point, all or nothing. */
export async function storePoint(
  core: Core,
  sessionId: string,
  levels: readonly Level[],
  point: ExecutionPoint,
  options: PointStorage,
): Promise<StoredCheckpoint> {
  return lookAgain(options.operation, sessionId, async () => {
    const guard = await core.storage.guard(sessionId);
    if (guard !== undefined) core.thread(sessionId).sawGuard(guard);
    const base = await core.storage.checkpoint(sessionId, "", undefined);
    const known = await options.check(base);
    if (known !== undefined) return known;
    const made = await checkpointsAt(core, sessionId, levels, point, base);
    const thread = core.thread(sessionId);
    const drafts = made.map(({ checkpoint }) => draftCheckpoint(thread.log, checkpoint));
    const trees = (numbering: Numbering): CheckpointTrees[] =>
      made.map(({ ns, checkpoint, parents, step }, i) => ({
        ...UNNAMED,
        ns,
        id: checkpoint.id,
        parentId: ns === "" ? (base?.checkpoint.id ?? null) : null,
        nodePath: null,
        runId: null,
        ...forkMetadata(step, parents),
        createdAt: options.columns.createdAt,
        ...(i === made.length - 1 ? options.columns : {}),
        state: finishCheckpoint(drafts[i] as (typeof drafts)[0], numbering, NONE),
      }));
    await addCheckpoints(thread, {
      name: options.operation,
      run: undefined,
      ...(guard === undefined ? {} : { era: guard }),
      atVersion: guard?.nextVersion ?? 1,
      fences: options.fences,
      checkpoints: trees,
    });
    const { ns, checkpoint } = made.at(-1) as Made;
    return (await core.storage.checkpoint(sessionId, ns, checkpoint.id)) as StoredCheckpoint;
  });
}

/** LangGraph's step before the first one. */
const FIRST_STEP = -1;
const NONE: ReadonlySet<string> = new Set();

interface Made {
  readonly ns: string;
  readonly step: number;
  readonly checkpoint: Checkpoint;
  readonly parents: Readonly<Record<string, string>>;
}

async function checkpointsAt(
  core: Core,
  sessionId: string,
  levels: readonly Level[],
  point: ExecutionPoint,
  base: StoredCheckpoint | undefined,
): Promise<Made[]> {
  const made: Made[] = [];
  const parents: Record<string, string> = {};
  let ns = "";
  let before = await idle(core, base);
  for (const [i, level] of levels.entries()) {
    withMessages(core, level, before, point);
    const isLeaf = i === levels.length - 1;
    const checkpoint = isLeaf
      ? await leafAt(sessionId, ns, level, before, point)
      : triggered(before, branchTo(level.node), null);
    const step = ns === "" ? (base?.checkpoint.step ?? FIRST_STEP) : FIRST_STEP;
    made.push({ ns, checkpoint, step, parents: { ...parents } });
    if (isLeaf) break;
    parents[ns] = checkpoint.id;
    const task = await taskOf(core, sessionId, level, made.at(-1) as Made);
    ns = ns === "" ? `${level.node}:${task}` : `${ns}|${level.node}:${task}`;
    before = fresh(channelsOf(levels[i + 1] as Level, checkpoint.channel_values));
  }
  return made;
}

/** The state without anything that would make a node run next. */
async function idle(core: Core, base: StoredCheckpoint | undefined): Promise<Checkpoint> {
  if (base === undefined || base.checkpoint.tombstone) return fresh({});
  const { checkpoint } = (await readTuple(core.threads, base)).tuple;
  const values = Object.entries(checkpoint.channel_values).filter(([name]) => !isInternal(name));
  return { ...checkpoint, id: newCheckpointId(), channel_values: Object.fromEntries(values) };
}

const FORMAT = 4;

function fresh(values: Values): Checkpoint {
  const version = nextVersion<number>(undefined);
  return {
    v: FORMAT,
    id: newCheckpointId(),
    ts: new Date().toISOString(),
    channel_values: values,
    channel_versions: Object.fromEntries(Object.keys(values).map((name) => [name, version])),
    versions_seen: {},
  };
}

function withMessages(core: Core, { graph }: Level, checkpoint: Checkpoint, point: ExecutionPoint) {
  const { messagesKey } = core;
  if (point.messageHistory === undefined || !hasChannel(graph, messagesKey)) return;
  checkpoint.channel_values[messagesKey] = [...point.messageHistory];
  checkpoint.channel_versions = {
    ...checkpoint.channel_versions,
    [messagesKey]: versionAfter(checkpoint),
  };
}

function hasChannel(graph: object, name: string): boolean {
  const { channels = {} } = graph as { channels?: object };
  return Object.hasOwn(channels, name);
}

/** A subgraph begins with what it shares with the graph around it. */
function channelsOf({ graph }: Level, values: Values): Values {
  const shared = Object.entries(values).filter(
    ([name]) => !isInternal(name) && hasChannel(graph, name),
  );
  return Object.fromEntries(shared);
}

function versionAfter({ channel_versions }: Checkpoint): number {
  const versions = Object.values(channel_versions) as number[];
  const newest = versions.length === 0 ? undefined : maxChannelVersion(...versions);
  return nextVersion(newest as number | undefined);
}

/** The same state, with one channel written that makes something run. */
function triggered(before: Checkpoint, channel: string, value: unknown): Checkpoint {
  return {
    ...before,
    channel_values: { ...before.channel_values, [channel]: value },
    channel_versions: { ...before.channel_versions, [channel]: versionAfter(before) },
  };
}

async function leafAt(
  sessionId: string,
  ns: string,
  { graph, node }: Level,
  before: Checkpoint,
  point: ExecutionPoint,
): Promise<Checkpoint> {
  if (point.position !== "after") {
    return point.input === undefined
      ? triggered(before, branchTo(node), null)
      : triggered(before, TASKS, [new Send(node, point.input)]);
  }
  // LangGraph itself applies what the node returned, and finds its successors.
  const scratch = new MemorySaver(undefined, undefined, { enableAutomaticPersistence: false });
  const place = { thread_id: sessionId, checkpoint_ns: ns };
  const metadata = { source: "fork", step: FIRST_STEP, parents: {} } as const;
  await scratch.put({ configurable: place }, before, metadata, before.channel_versions);
  const lent = { configurable: { ...place, [CHECKPOINTER_KEY]: scratch } };
  await refusing("setExecutionPoint", () => graph.updateState(lent, point.output ?? null, node));
  const after = await scratch.getTuple({ configurable: place });
  return { ...(after?.checkpoint as Checkpoint), ts: before.ts };
}

/** What LangGraph refuses is refused input. */
async function refusing<T>(operation: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StorageError("INVALID_ARGUMENT", operation, why, { cause });
  }
}

/** The id of the task that a checkpoint leads to. */
async function taskOf(
  core: Core,
  sessionId: string,
  { graph, node }: Level,
  { ns, checkpoint, step, parents }: Made,
): Promise<string> {
  const candidates = new CandidateSaver(core.saver);
  const tuple = { config: configOf(sessionId, ns, checkpoint.id), checkpoint };
  const metadata = { source: "fork", step, parents } as const;
  candidates.add(sessionId, { ...tuple, metadata }, ns, checkpoint.id);
  const tasks = await tasksOf(graph, candidates, sessionId, ns);
  return (tasks.find(({ name }) => name === node) as { id: string }).id;
}
