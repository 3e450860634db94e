import { TASKS } from "@langchain/langgraph-checkpoint";
import { type InputTree, inputFrom } from "../nodes/input.js";
import type { NodeRun } from "../nodes/node-run.js";
import type { Reader } from "../state/manifest.js";
import { type Tree, type TreeObject, unescapeKey } from "../state/tree.js";
import { checkId, checkObject, checkText, invalid } from "../storage/ids.js";
import { checkpointKey } from "../storage/keys.js";
import { compareBytes } from "../storage/order.js";
import type { NodeRunRecord, StoredCheckpoint } from "../storage/storage.js";
import { checkLimit } from "./config.js";
import { again } from "./loader.js";
import type { Threads } from "./threads.js";
import { readTuple } from "./tuples.js";

/** Which node runs. */
export interface NodeRunQuery {
  /** Only runs of this node, e.g. `sub/plan`. */
  readonly nodePath?: string;
  readonly status?: NodeRun["status"];
  /** Only runs that read one of these checkpoints. */
  readonly checkpointIds?: readonly string[];
  /** At most so many. */
  readonly limit?: number;
}

const STATUSES: readonly unknown[] = ["ok", "error", "interrupted"];

/** @throws StorageError `INVALID_ARGUMENT` */
export function checkNodeRunQuery(query: NodeRunQuery): NodeRunQuery {
  const operation = "listNodeRuns";
  checkObject(operation, "query", query);
  const { nodePath, status, checkpointIds, limit } = query;
  checkLimit(operation, limit);
  if (nodePath !== undefined) checkText(operation, "nodePath", nodePath);
  if (status !== undefined && !STATUSES.includes(status)) {
    throw invalid(operation, `status must be one of ${STATUSES.join(", ")}`);
  }
  if (checkpointIds === undefined) return query;
  if (!Array.isArray(checkpointIds)) throw invalid(operation, "checkpointIds must be a list");
  for (const id of checkpointIds) checkId(operation, "checkpointIds", id);
  return query;
}

interface Parsed {
  readonly record: NodeRunRecord;
  readonly input: InputTree;
  readonly output: InputTree | undefined;
  readonly error: TreeObject | undefined;
}

/** Node runs, newest first, with fresh values. */
export async function readNodeRuns(
  threads: Threads,
  sessionId: string,
  query: NodeRunQuery,
): Promise<NodeRun[]> {
  return again(async () => {
    const guard = await threads.storage.guard(sessionId);
    if (guard === undefined) return [];
    const thread = threads.get(sessionId);
    thread.sawGuard(guard);
    const records = select(await threads.storage.nodeRuns(sessionId, query.checkpointIds), query);
    const parsed = await Promise.all(records.map((record) => parse(threads, record)));
    const reader = await thread.reader(parsed.flatMap(treesOf), guard);
    // At once: what others prune meanwhile may leave memory.
    const read = parsed.map((one) => ({ ...one, ...valuesOf(reader, one) }));
    const states = new States(threads, sessionId);
    const runs = await Promise.all(read.map((one) => readRun(one, states)));
    threads.used(thread);
    return runs;
  });
}

function select(records: readonly NodeRunRecord[], query: NodeRunQuery): NodeRunRecord[] {
  const { nodePath, status, limit } = query;
  return records
    .filter((run) => nodePath === undefined || run.nodePath === nodePath)
    .filter((run) => status === undefined || run.status === status)
    .sort(newestFirst)
    .slice(0, limit);
}

/** A node ends after those inside it. */
function newestFirst(a: NodeRunRecord, b: NodeRunRecord): number {
  return (
    b.endedAt - a.endedAt ||
    Number(b.step) - Number(a.step) ||
    b.attempt - a.attempt ||
    a.ns.length - b.ns.length ||
    compareBytes(a.taskId, b.taskId)
  );
}

async function parse(threads: Threads, record: NodeRunRecord): Promise<Parsed> {
  const read = async (text: string | null) =>
    text === null ? undefined : await threads.texts.read(text);
  return {
    record,
    input: (await read(record.input)) as InputTree,
    output: (await read(record.output)) as InputTree | undefined,
    error: (await read(record.error)) as TreeObject | undefined,
  };
}

function treesOf({ input, output }: Parsed): Tree[] {
  return output === undefined ? [input as Tree] : [input as Tree, output as Tree];
}

/** The states that node runs read, each fetched once. */
class States {
  readonly #threads: Threads;
  readonly #sessionId: string;
  readonly #fetched = new Map<string, Promise<StoredCheckpoint | undefined>>();

  constructor(threads: Threads, sessionId: string) {
    this.#threads = threads;
    this.#sessionId = sessionId;
  }

  /** Fresh values; `undefined` where the checkpoint is gone. */
  async read({ ns, checkpointId }: NodeRunRecord): Promise<State | undefined> {
    const key = checkpointKey(ns, checkpointId);
    let fetched = this.#fetched.get(key);
    if (fetched === undefined) {
      fetched = this.#threads.storage.checkpoint(this.#sessionId, ns, checkpointId);
      this.#fetched.set(key, fetched);
    }
    const stored = await fetched;
    return stored && (await readTuple(this.#threads, stored)).tuple.checkpoint.channel_values;
  }
}

type State = Record<string, unknown>;

type Input = Pick<NodeRun, "input" | "inputMissing">;

/** What stands in the row itself; an input that stands elsewhere is `undefined`. */
interface Values {
  readonly own: Input | undefined;
  readonly returned: unknown;
}

function valuesOf(reader: Reader, { input, output }: Parsed): Values {
  return {
    own: ownInput(reader, input),
    returned: output?.[0] === "value" ? reader.readApart(output[1]) : undefined,
  };
}

function ownInput(reader: Reader, input: InputTree): Input | undefined {
  if (input[0] === "refused") return { input: undefined, inputMissing: input[1] };
  if (input[0] === "value") return { input: reader.readApart(input[1]) };
  if (input[0] === "fields") return { input: readFields(reader, input[1] as TreeObject) };
  return undefined;
}

async function readRun(run: Parsed & Values, states: States): Promise<NodeRun> {
  const { record, error, own, returned } = run;
  return {
    nodePath: record.nodePath,
    step: record.step,
    taskId: record.taskId,
    attempt: record.attempt,
    kind: record.kind,
    status: record.status,
    learnt: record.learnt,
    ...(own ?? (await inputElsewhere(run, states))),
    output: returned,
    ...(error === undefined ? {} : { error: error as { name: string; message: string } }),
    checkpointNs: record.ns,
    checkpointId: record.checkpointId,
    startedAt: record.startedAt,
    endedAt: record.endedAt,
  };
}

async function inputElsewhere({ record, input }: Parsed, states: States): Promise<Input> {
  const state = await states.read(record);
  if (state === undefined) return { input: undefined, inputMissing: "its checkpoint is gone" };
  if (input[0] === "send") return { input: argumentsOf(state, input[1]) };
  return { input: inputFrom(state, input.slice(1) as string[]) };
}

function readFields(reader: Reader, tree: TreeObject): Record<string, unknown> {
  const page = tree.$page;
  const whole = page === undefined ? tree : (reader.page(page as number) as TreeObject);
  const fields = Object.entries(whole).map(([key, field]) => [
    unescapeKey(key),
    reader.readApart(field),
  ]);
  return Object.fromEntries(fields);
}

function argumentsOf(state: State, index: number): unknown {
  return (state[TASKS] as { args?: unknown }[] | undefined)?.[index]?.args;
}
