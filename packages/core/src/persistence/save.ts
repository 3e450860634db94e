import type { BaseMessage } from "@langchain/core/messages";
import { StorageError } from "../errors.js";
import { encodePlain } from "../state/plain.js";
import { checkId, checkText, invalid } from "../storage/ids.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import { type AgentCheckpoint, readCheckpoints } from "./agent-checkpoint.js";
import { checkTime, checkWhole, checkWords } from "./check.js";
import { findCheckpoint } from "./checkpoints.js";
import type { Core } from "./core.js";
import { storePoint } from "./execution-point.js";
import { type AnyGraph, compiledOf } from "./graph.js";
import { checkPoint, type ExecutionPoint, levelsOf, withIds } from "./levels.js";
import { encodeNotes, type Notes, readNotes } from "./notes.js";
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
  checkText(OPERATION, "nodePath", data.nodePath);
  checkWords(OPERATION, data);
  checkTime(OPERATION, "createdAt", data.createdAt);
  checkWhole(OPERATION, "version", data.version);
  const known = await findCheckpoint(core, sessionId, data.checkpointId);
  if (known !== undefined) return same(core, known, data);
  const { nodePath, lastInput, lastOutput, properties, version } = data;
  const notes = { nodePath, lastInput, lastOutput, ...(properties ? { properties } : {}) };
  const columns = {
    name: data.checkpointId,
    label: data.label ?? null,
    properties: encodeNotes(core, sessionId, notes),
  };
  const check = async (next: number) => {
    // Somebody else may store it at the same time.
    const stored = await findCheckpoint(core, sessionId, data.checkpointId);
    if (stored !== undefined) await same(core, stored, data);
    else checkVersion(version, next);
    return stored;
  };
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

async function same(
  core: Core,
  known: StoredCheckpoint,
  data: CheckpointData,
): Promise<AgentCheckpoint> {
  const [saved] = await readCheckpoints(core, [known]);
  const notes = await readNotes(core, known.sessionId, known.checkpoint);
  return sameAs(core, saved as AgentCheckpoint, notes, data);
}

/** Saved again with the same content, it is the checkpoint that is there. */
function sameAs(
  core: Core,
  saved: AgentCheckpoint,
  notes: Notes,
  data: CheckpointData,
): AgentCheckpoint {
  const { classes } = core.thread(saved.sessionId).log;
  const text = (one: CheckpointData, { lastInput, lastOutput }: Notes) =>
    JSON.stringify(
      encodePlain(classes, "checkpoint", [
        ...[one.nodePath, lastInput, lastOutput, one.label, one.properties ?? {}],
        ...[one.tombstone ?? false, one.messageHistory.length],
      ]),
    );
  const isSame =
    // One that a step made has no notes, but its node's own input and output.
    [notes, saved].some((own) => text(saved, own) === text(data, data)) &&
    data.messageHistory.every((message, i) => isLike(message, saved.messageHistory[i]));
  if (isSame) return saved;
  const why = `checkpoint ${JSON.stringify(data.checkpointId)} has other content`;
  throw new StorageError("ALREADY_EXISTS", OPERATION, why);
}

/** A message without an id got one when it was stored. */
function isLike(message: BaseMessage, stored: BaseMessage | undefined): boolean {
  const text = (one: BaseMessage | undefined) => {
    const { type, data } = one?.toDict() ?? {};
    return JSON.stringify([type, message.id === undefined ? { ...data, id: undefined } : data]);
  };
  return text(message) === text(stored);
}
