import { ERROR, INTERRUPT, RESUME } from "@langchain/langgraph-checkpoint";
import { goesOn } from "../nodes/paths.js";
import { type TreeObject, unescapeKey } from "../state/tree.js";
import type { RunStatus } from "../storage/storage.js";
import type { Records } from "./records.js";

/** What a root graph does that has come to a state: whether any node is left to run. */
export function statusOfState(values: Readonly<Record<string, unknown>>): RunStatus {
  return goesOn(values) ? "running" : null;
}

/** What a task's writes say of its graph; `undefined`: nothing new. */
export function statusOfWrites(channels: readonly string[]): RunStatus | undefined {
  if (channels.includes(INTERRUPT)) return "interrupted";
  if (channels.includes(ERROR)) return "failed";
  // A task that got one of several answers is told so, too.
  return channels.every((channel) => channel === RESUME) ? "running" : undefined;
}

/** What a thread does whose newest checkpoint is among these; `undefined`: what it did. */
export function statusOfRecords({ checkpoints, writes = [] }: Records): RunStatus | undefined {
  const head = checkpoints?.findLast(({ ns, copyOf }) => ns === "" && copyOf === null);
  if (head === undefined) return undefined;
  if (head.tombstone) return null;
  const { values } = head.state as { readonly values: TreeObject };
  const channels = Object.entries(values).map(([key, tree]) => [unescapeKey(key), tree]);
  const own = writes.filter(({ ns, checkpointId }) => ns === "" && checkpointId === head.id);
  const waiting = statusOfWrites(own.map(({ channel }) => channel));
  return waiting ?? statusOfState(Object.fromEntries(channels));
}

/** Follows what a thread does: LangGraph may send a task's writes before the checkpoint that it read. */
export class StatusLine {
  #told: { readonly checkpointId: string; readonly status: RunStatus } | undefined;

  /** What the thread does after these, in their order; `undefined`: what it did. */
  after(all: readonly Records[]): RunStatus | undefined {
    let last: RunStatus | undefined;
    for (const records of all) {
      const next = this.#next(records);
      if (next !== undefined) last = next;
    }
    return last;
  }

  #next({ status, checkpoints = [], writes = [] }: Records): RunStatus | undefined {
    if (status === undefined) return undefined;
    const read = checkpoints.length === 0 ? writes[0]?.checkpointId : undefined;
    if (read !== undefined) this.#told = { checkpointId: read, status };
    const isLate = checkpoints.some(({ ns, id }) => ns === "" && id === this.#told?.checkpointId);
    return isLate && status === "running" ? this.#told?.status : status;
  }
}
