import { ERROR, INTERRUPT, type PendingWrite, RESUME } from "@langchain/langgraph-checkpoint";
import { goesOn } from "../nodes/paths.js";
import type { RunStatus } from "../storage/storage.js";

/** What a root graph does that has come to a state: whether any node is left to run. */
export function statusOfState(values: Readonly<Record<string, unknown>>): RunStatus {
  return goesOn(values) ? "running" : null;
}

/** What a task's writes say of its graph; `undefined`: nothing new. */
export function statusOfWrites(writes: readonly PendingWrite[]): RunStatus | undefined {
  const channels = new Set(writes.map(([channel]) => channel));
  if (channels.has(INTERRUPT)) return "interrupted";
  if (channels.has(ERROR)) return "failed";
  return channels.has(RESUME) ? "running" : undefined;
}
