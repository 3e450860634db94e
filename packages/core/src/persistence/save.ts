import type { BaseMessage } from "@langchain/core/messages";
import { StorageError } from "../errors.js";
import { encodePlain } from "../saver/plain.js";
import { checkId, checkText, invalid } from "../storage/ids.js";
import { type AgentCheckpoint, readCheckpoints } from "./agent-checkpoint.js";
import { findCheckpoint } from "./checkpoints.js";
import type { Core } from "./core.js";
import { storePoint } from "./execution-point.js";
import { type AnyGraph, compiledOf } from "./graph.js";
import { checkPoint, type ExecutionPoint, levelsOf, withIds } from "./levels.js";
import { encodeNotes } from "./notes.js";
import { createTombstone } from "./tombstone.js";

/** A checkpoint to store, such as one of another session (Koog: `AgentCheckpointData`). */
export interface CheckpointData {
  readonly checkpointId: string;
  readonly createdAt?: Date;
  readonly nodePath: string;
  /** What the node is to get: it runs next. */
  readonly lastInput?: unknown;
  /** What the node returned: its successors run next. */
  readonly lastOutput?: unknown;
  readonly messageHistory: readonly BaseMessage[];
  readonly version?: number;
  readonly label?: string | undefined;
  readonly tombstone?: boolean;
  readonly properties?: Readonly<Record<string, unknown>>;
}

const OPERATION = "saveCheckpoint";

export async function saveCheckpoint(
  core: Core,
  sessionId: string,
  data: CheckpointData,
  given: AnyGraph | undefined,
): Promise<AgentCheckpoint> {
  checkId(OPERATION, "checkpointId", data.checkpointId);
  if (data.label !== undefined) checkText(OPERATION, "label", data.label);
  const known = await findCheckpoint(core, sessionId, data.checkpointId);
  if (known !== undefined) {
    const [saved] = await readCheckpoints(core, [known]);
    return sameAs(core, saved as AgentCheckpoint, data);
  }
  const { nodePath, lastInput, lastOutput, properties, version } = data;
  const notes = { nodePath, lastInput, lastOutput, ...(properties ? { properties } : {}) };
  const columns = {
    name: data.checkpointId,
    label: data.label ?? null,
    properties: encodeNotes(core, sessionId, notes),
  };
  const check = (next: number) => checkVersion(version, next);
  if (data.tombstone) {
    return createTombstone(core, sessionId, { time: data.createdAt, columns, check });
  }
  const graph = given && compiledOf(given);
  if (graph === undefined) {
    throw invalid(OPERATION, "a checkpoint that is not stored yet needs the graph, { graph }");
  }
  const point = pointOf(data);
  const levels = await levelsOf(OPERATION, graph, data.nodePath);
  checkPoint(OPERATION, point, levels.at(-1) as (typeof levels)[0]);
  const stored = await storePoint(core, sessionId, levels, withIds(point), {
    operation: OPERATION,
    fences: false,
    columns: { ...columns, createdAt: data.createdAt?.getTime() ?? core.clock() },
    check: async () => check((await core.storage.guard(sessionId))?.nextVersion ?? 1),
  });
  return (await readCheckpoints(core, [stored]))[0] as AgentCheckpoint;
}

function pointOf({
  nodePath,
  lastInput,
  lastOutput,
  messageHistory,
}: CheckpointData): ExecutionPoint {
  return lastOutput === undefined
    ? { nodePath, messageHistory, ...(lastInput === undefined ? {} : { input: lastInput }) }
    : { nodePath, messageHistory, position: "after", output: lastOutput };
}

function checkVersion(wanted: number | undefined, next: number): void {
  if (wanted === undefined || wanted === next) return;
  const why = `the next version is ${next}, not ${wanted}`;
  throw new StorageError("CONFLICT", OPERATION, why, { retryable: false });
}

/** Saved again with the same content, it is the checkpoint that is there. */
function sameAs(core: Core, saved: AgentCheckpoint, data: CheckpointData): AgentCheckpoint {
  const { classes } = core.thread(saved.sessionId).log;
  const text = (checkpoint: CheckpointData) =>
    JSON.stringify(
      encodePlain(classes, "checkpoint", [
        ...[checkpoint.nodePath, checkpoint.lastInput, checkpoint.lastOutput],
        ...[checkpoint.messageHistory, checkpoint.label, checkpoint.properties ?? {}],
        checkpoint.tombstone ?? false,
      ]),
    );
  if (text(saved) === text(data)) return saved;
  const why = `checkpoint ${JSON.stringify(data.checkpointId)} has other content`;
  throw new StorageError("ALREADY_EXISTS", OPERATION, why);
}
