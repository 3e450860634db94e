import type { Owner, SessionRecord, SessionRows } from "@threadkeep/core/backend";

/** A session's row, as `insertSession` takes it, with counters that fit to `ROWS`. */
export const recordOf = (id: string, owner: Owner): SessionRecord => ({
  ...{ id, alias: null, title: "mine", metadata: null, status: null },
  ...{ createdAt: 1, updatedAt: 1, endedAt: null, nextMessage: 2 },
  guard: {
    ...{ nextItem: 3, nextVersion: 2, incarnation: 1, epoch: 0, rollbacks: 0, token: "" },
    owner,
  },
});

const AT = { ns: "", checkpointId: "c" };
/** A row in each table. */
export const ROWS: SessionRows = {
  items: [{ seq: 1, type: "text", body: "mine" }],
  checkpoints: [
    {
      ...{ ns: "", id: "c", parentId: null, version: 1, step: 0, source: "loop", nodePath: null },
      ...{ tombstone: false, copyOf: null, name: "cp", label: null, properties: null },
      ...{ runId: "run", state: "{}", metadata: "{}", createdAt: 1 },
    },
  ],
  writes: [{ ...AT, taskId: "t", idx: 0, taskPath: "", channel: "c", value: "1" }],
  nodeRuns: [
    {
      ...{ ...AT, taskId: "t", attempt: 1, nodePath: "n", step: 0, kind: "pull", status: "ok" },
      ...{ learnt: "derived", input: "{}", output: null, error: null, startedAt: 1, endedAt: 1 },
    },
  ],
  toolEvents: [
    {
      ...{ callId: "c", attempt: 1, event: "started", position: 2, tool: "t", ns: null },
      ...{ checkpointId: null, version: 1, body: "{}", createdAt: 1 },
    },
  ],
  messages: [
    {
      ...{ position: 1, id: "m", key: null, role: "human", content: "{}", metadata: null },
      createdAt: 1,
    },
  ],
  modelCalls: [
    {
      ...{ id: "c", messageId: null, model: "m", status: "ok", inputTokens: 1, outputTokens: 1 },
      ...{ totalTokens: 2, usage: null, error: null, latencyMs: 1, startedAt: 1 },
    },
  ],
};
