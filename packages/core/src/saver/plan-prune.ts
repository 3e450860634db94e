import type { Tree, TreeObject } from "../state/tree.js";
import { checkpointKey } from "../storage/keys.js";
import { gaps, type Range } from "../storage/ranges.js";
import type { Guard, ItemSize, Removal } from "../storage/storage.js";
import { type Amount, addAmounts, NOTHING } from "./amount.js";
import { type IsKept, keepSet } from "./keep-set.js";
import { neededItems } from "./needed-items.js";
import type { Header, Snapshot } from "./snapshot.js";
import type { Threads } from "./threads.js";

/** What one transaction takes away. */
export interface Step extends Amount {
  readonly removal: Removal;
}

/** What goes, and what the thread's counters must be for it. */
export interface Plan {
  readonly guard: Guard;
  readonly steps: readonly Step[];
}

/** What goes together: a checkpoint with its writes and node runs, or an item. */
interface Unit extends Amount {
  readonly checkpoint?: { readonly ns: string; readonly id: string };
  readonly item?: number;
}

export interface PlanOptions {
  readonly batchSize: number;
  /** Items that nothing names go even where no checkpoint does. */
  readonly sweeps: boolean;
  /** Subgraphs' checkpoints of a step go with the root's one that the step read. */
  readonly withRoots: boolean;
}

/** @throws ItemsGone where items were removed since the snapshot */
export async function planOf(
  threads: Threads,
  sessionId: string,
  found: Snapshot,
  isKept: IsKept,
  { batchSize, sweeps, withRoots }: PlanOptions,
): Promise<Plan> {
  const { guard } = found;
  const roots = withRoots ? await rootsOf(threads, found.headers) : new Map<string, string>();
  const kept = keepSet(found, isKept, roots);
  const doomed = found.headers.filter(({ key }) => !kept.has(key));
  if (doomed.length === 0 && !sweeps) return { guard, steps: [] };
  const doomedKeys = new Set(doomed.map(({ key }) => key));
  const trees = await treesThatStay(threads, found, doomedKeys);
  const needed = await neededItems(threads, sessionId, found.items, trees, guard);
  const free = gaps(needed, guard.nextItem);
  // Newest first: what is left of a DeltaChannel thread still has what it is rebuilt from.
  const units = [...checkpointUnits(doomed, found), ...itemUnits(free, found.items)];
  return { guard, steps: batchesOf(units, batchSize).map((batch) => stepOf(batch, free)) };
}

/** The root's checkpoint behind each one of a namespace that lasts no longer than a step, by its key. */
async function rootsOf(
  { texts }: Threads,
  headers: readonly Header[],
): Promise<Map<string, string>> {
  const roots = new Map<string, string>();
  for (const { key, record } of headers) {
    // Such a namespace names tasks: `node:task`.
    if (!record.ns.includes(":")) continue;
    const metadata = (await texts.read(record.metadata)) as TreeObject | null;
    const root = (metadata?.parents as TreeObject | undefined)?.[""];
    if (typeof root === "string") roots.set(key, root);
  }
  return roots;
}

async function treesThatStay(
  { texts }: Threads,
  { headers, writes, nodeRuns }: Snapshot,
  doomed: ReadonlySet<string>,
): Promise<Tree[]> {
  const stays = ({ ns, checkpointId }: { ns: string; checkpointId: string }) =>
    // Writes whose checkpoint has not come yet stay.
    !doomed.has(checkpointKey(ns, checkpointId));
  const trees: Tree[] = headers.filter(({ key }) => !doomed.has(key)).map(({ state }) => state);
  for (const write of writes) if (stays(write)) trees.push(await texts.read(write.value));
  for (const run of nodeRuns) {
    if (!stays(run)) continue;
    trees.push(await texts.read(run.input));
    if (run.output !== null) trees.push(await texts.read(run.output));
  }
  return trees;
}

function checkpointUnits(doomed: readonly Header[], { writes, nodeRuns }: Snapshot): Unit[] {
  const beside = new Map<string, Amount>();
  const add = (place: { ns: string; checkpointId: string }, texts: readonly Text[]) => {
    const key = checkpointKey(place.ns, place.checkpointId);
    const row = { ...NOTHING, rows: 1, bytes: bytesOf(texts) };
    beside.set(key, addAmounts(beside.get(key) ?? NOTHING, row));
  };
  for (const write of writes) add(write, [write.value]);
  for (const run of nodeRuns) add(run, [run.input, run.output, run.error]);
  return doomed.map(({ key, record }) => {
    const bytes = bytesOf([record.state, record.metadata, record.properties]);
    const own = { checkpoints: 1, items: 0, rows: 1, bytes };
    const checkpoint = { ns: record.ns, id: record.id };
    return { checkpoint, ...addAmounts(own, beside.get(key) ?? NOTHING) };
  });
}

type Text = string | null;

/** The same texts are counted as by the storage's `sizes`. */
const bytesOf = (texts: readonly Text[]) =>
  texts.reduce((sum, text) => sum + (text === null ? 0 : Buffer.byteLength(text)), 0);

/** @param free rising */
function itemUnits(free: readonly Range[], items: readonly ItemSize[]): Unit[] {
  const rising = [...items].sort((a, b) => a.seq - b.seq);
  const units: Unit[] = [];
  let at = 0;
  for (const { seq, bytes } of rising) {
    while (at < free.length && (free[at] as Range)[1] < seq) at += 1;
    const range = free[at];
    if (range === undefined) break;
    if (seq >= range[0]) units.push({ item: seq, checkpoints: 0, items: 1, rows: 1, bytes });
  }
  return units;
}

function batchesOf(units: readonly Unit[], size: number): Unit[][] {
  const batches: Unit[][] = [];
  let batch: Unit[] = [];
  let rows = 0;
  for (const unit of units) {
    if (batch.length === 0 || rows + unit.rows > size) {
      batch = [];
      batches.push(batch);
      rows = 0;
    }
    batch.push(unit);
    rows += unit.rows;
  }
  return batches;
}

function stepOf(batch: readonly Unit[], free: readonly Range[]): Step {
  const checkpoints = batch.flatMap(({ checkpoint }) => checkpoint ?? []);
  const items = joined(
    batch.flatMap(({ item }) => item ?? []),
    free,
  );
  return { ...batch.reduce<Amount>(addAmounts, NOTHING), removal: { checkpoints, items } };
}

/** The rising numbers as few ranges, which reach over numbers that no item has. */
function joined(seqs: readonly number[], free: readonly Range[]): Range[] {
  const ranges: [number, number][] = [];
  let at = 0;
  let last: Range | undefined;
  for (const seq of seqs) {
    while ((free[at] as Range)[1] < seq) at += 1;
    const range = free[at] as Range;
    if (range === last) (ranges.at(-1) as [number, number])[1] = seq;
    else ranges.push([seq, seq]);
    last = range;
  }
  return ranges;
}
