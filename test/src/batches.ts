import { randomUUID } from "node:crypto";
import type { Storage } from "@threadkeep/core";
import type {
  Batch,
  CheckpointRecord,
  Guard,
  NodeRunRecord,
  ToolEventRecord,
} from "@threadkeep/core/backend";

/** Of a session that has nothing yet. */
export const FIRST: Guard = {
  nextItem: 1,
  nextVersion: 1,
  incarnation: 7,
  epoch: 0,
  rollbacks: 0,
  token: "",
  owner: {},
};

/** A batch for those who found these counters; its items and checkpoints have the next numbers. */
export function batchOf(expected: Guard | undefined, given: Partial<Batch> = {}): Batch {
  const guard = expected ?? FIRST;
  return {
    sessionId: "t",
    owner: {},
    expected,
    next: {
      ...guard,
      nextItem: guard.nextItem + (given.items?.length ?? 0),
      nextVersion: guard.nextVersion + (given.checkpoints?.length ?? 0),
      token: randomUUID(),
    },
    now: 1,
    touch: false,
    items: [],
    checkpoints: [],
    writes: [],
    nodeRuns: [],
    toolEvents: [],
    ...given,
  };
}

/** Writes records behind whatever the session holds. */
export async function write(storage: Storage, given: Partial<Batch>): Promise<void> {
  const expected = await storage.guard(given.sessionId ?? "t");
  if (!(await storage.commit(batchOf(expected, given)))) throw new Error("somebody else wrote");
}

export function checkpointRecord(given: Partial<CheckpointRecord> = {}): CheckpointRecord {
  return {
    ns: "",
    id: "1",
    parentId: null,
    version: 1,
    step: null,
    source: null,
    nodePath: null,
    tombstone: false,
    copyOf: null,
    name: null,
    label: null,
    properties: null,
    runId: null,
    state: "{}",
    metadata: "{}",
    createdAt: 1,
    ...given,
  };
}

export function nodeRun(given: Partial<NodeRunRecord> = {}): NodeRunRecord {
  return {
    ns: "",
    checkpointId: "1",
    taskId: "task",
    attempt: 1,
    nodePath: "agent",
    step: 0,
    kind: "pull",
    status: "ok",
    learnt: "observed",
    input: "{}",
    output: "{}",
    error: null,
    startedAt: 1,
    endedAt: 2,
    ...given,
  };
}

export function toolEvent(given: Partial<ToolEventRecord> = {}): ToolEventRecord {
  return {
    callId: "call",
    attempt: 1,
    event: "started",
    tool: "search",
    ns: "",
    checkpointId: "1",
    position: 1,
    version: 1,
    body: "{}",
    createdAt: 1,
    ...given,
  };
}
