import { StorageError } from "../errors.js";
import { nodePathOf } from "../nodes/paths.js";
import { Moved } from "../saver/admission.js";
import {
  addCheckpoints,
  copyCheckpoint,
  newCheckpointId,
  type Original,
  readOriginal,
} from "../saver/checkpoints.js";
import { placeOf } from "../saver/config.js";
import { ItemsGone } from "../saver/loader.js";
import { removeCheckpoint } from "../saver/maintenance.js";
import type { CheckpointTrees } from "../saver/records.js";
import { checkpointKey } from "../storage/keys.js";
import type { StoredCheckpoint } from "../storage/storage.js";
import { type AgentCheckpoint, readCheckpoints } from "./agent-checkpoint.js";
import { checkWhole, checkWords } from "./check.js";
import {
  type Core,
  type RunningNode,
  runningNodeOf,
  runOf,
  type SessionRef,
  sessionIdOf,
} from "./core.js";
import { encodeNotes, type Notes, readNotes } from "./notes.js";
import { versionOfState } from "./plan.js";

/** What to note beside a new checkpoint. */
export interface CreateOptions {
  /** A name of your own, unique in the session. Default: LangGraph's checkpoint id. */
  readonly checkpointId?: string;
  /** A word that any number of checkpoints may bear. */
  readonly label?: string;
  /** Default: the node that calls, else the one that ran last. */
  readonly nodePath?: string;
  /** Default: what that node was given. */
  readonly lastInput?: unknown;
  readonly lastOutput?: unknown;
  /** The version that the checkpoint must get: if another writer was first, `CONFLICT`. */
  readonly version?: number;
  readonly properties?: Readonly<Record<string, unknown>>;
}

const MAX_TRIES = 200;
const ARRIVAL_MS = 60_000;

export async function createCheckpoint(
  core: Core,
  session: SessionRef,
  options: CreateOptions,
): Promise<AgentCheckpoint> {
  const operation = "createCheckpoint";
  const sessionId = sessionIdOf(operation, session);
  const { checkpointId: name, label } = options;
  checkWords(operation, options);
  checkWhole(operation, "version", options.version);
  const notes = notesOf(core, session, sessionId, options);
  encodeNotes(core, sessionId, notes);
  const stored = await lookAgain(operation, sessionId, async () => {
    const original = await originalOf(core, session, sessionId);
    const { guard } = original.stored;
    const copy = copyCheckpoint(original, {
      id: newCheckpointId(),
      copyOf: versionOfState(original.stored),
      name: name ?? null,
      label: label ?? null,
      properties: encodeNotes(core, sessionId, notes),
      createdAt: core.clock(),
    });
    const known = name === undefined ? undefined : await findCheckpoint(core, sessionId, name);
    if (known !== undefined) return sameAs(core, known, copy, notes);
    if (options.version !== undefined && options.version !== guard.nextVersion) {
      const why = `the next version is ${guard.nextVersion}, not ${options.version}`;
      throw new StorageError("CONFLICT", operation, why, { retryable: false });
    }
    await addCheckpoints(core.thread(sessionId), {
      name: operation,
      run: runOf(core, session, sessionId),
      era: guard,
      atVersion: guard.nextVersion,
      checkpoints: () => [copy],
    });
    return core.storage.checkpoint(sessionId, copy.ns, copy.id);
  });
  return (await readCheckpoints(core, stored === undefined ? [] : [stored]))[0] as AgentCheckpoint;
}

/** What a node got that stands in no checkpoint is noted beside this one. */
function notesOf(
  core: Core,
  session: SessionRef,
  sessionId: string,
  options: CreateOptions,
): Notes {
  const node = runningNodeOf(session);
  const given = node && runOf(core, session, sessionId)?.recorder?.givenTo(node.taskId);
  return {
    ...(node === undefined ? {} : { nodePath: node.nodePath }),
    ...(given === undefined ? {} : { lastInput: given.input }),
    ...pick(options, "nodePath"),
    ...pick(options, "lastInput"),
    ...pick(options, "lastOutput"),
    ...pick(options, "properties"),
  };
}

function pick<K extends keyof CreateOptions>(
  options: CreateOptions,
  key: K,
): Pick<CreateOptions, K> | object {
  return options[key] === undefined ? {} : { [key]: options[key] };
}

/** Repeats what somebody got in the way of. */
export async function lookAgain<T>(
  operation: string,
  sessionId: string,
  attempt: () => Promise<T>,
): Promise<T> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Moved || error instanceof ItemsGone)) throw error;
    }
  }
  throw new StorageError(
    "BUSY",
    operation,
    `session ${JSON.stringify(sessionId)} never came to rest`,
  );
}

/** What is to be copied: the checkpoint that the node reads, that of the config, or the newest one. */
async function originalOf(core: Core, session: SessionRef, sessionId: string): Promise<Original> {
  const node = runningNodeOf(session);
  const stored =
    node === undefined
      ? await core.storage.checkpoint(sessionId, ...placeIn(session))
      : await arrived(core, sessionId, node);
  if (stored === undefined || stored.checkpoint.tombstone) {
    const why = `session ${JSON.stringify(sessionId)} has no state to keep`;
    throw new StorageError("NOT_FOUND", "createCheckpoint", why);
  }
  return readOriginal(core.threads, stored);
}

function placeIn(session: SessionRef): [ns: string, id: string | undefined] {
  if (typeof session === "string") return ["", undefined];
  const { ns, checkpointId } = placeOf("createCheckpoint", session);
  return [ns, checkpointId];
}

/** LangGraph may send a checkpoint when its nodes are running already. */
async function arrived(
  core: Core,
  sessionId: string,
  { ns, checkpointId, durability }: RunningNode,
): Promise<StoredCheckpoint | undefined> {
  if (checkpointId === undefined) return undefined;
  const find = () => core.storage.checkpoint(sessionId, ns, checkpointId);
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), ARRIVAL_MS).unref();
  const arrival = core
    .thread(sessionId)
    .arrivals.of(checkpointKey(ns, checkpointId), giveUp.signal);
  try {
    const stored = await find();
    if (stored !== undefined) return stored;
    if (durability === "exit") {
      const why = 'a running node has no checkpoint under durability "exit"';
      throw new StorageError("INVALID_ARGUMENT", "createCheckpoint", why);
    }
    await arrival;
    return await find();
  } finally {
    clearTimeout(timer);
    giveUp.abort();
  }
}

/** Made again with the same content, a named checkpoint is the one that is there. */
async function sameAs(
  core: Core,
  known: StoredCheckpoint,
  copy: CheckpointTrees,
  notes: Notes,
): Promise<StoredCheckpoint> {
  const { checkpoint, sessionId } = known;
  const noted = await readNotes(core, sessionId, checkpoint);
  const text = (one: Notes) => JSON.stringify(encodeNotes(core, sessionId, one) ?? {});
  const isSame =
    nodePathOf(checkpoint.ns) === nodePathOf(copy.ns) &&
    checkpoint.label === copy.label &&
    checkpoint.nodePath === copy.nodePath &&
    checkpoint.state === (await core.threads.texts.write(copy.state)) &&
    text(noted) === text(notes);
  if (isSame) return known;
  const why = `checkpoint ${JSON.stringify(checkpoint.name)} has other content`;
  throw new StorageError("ALREADY_EXISTS", "createCheckpoint", why);
}

/** By the name that it was given, else by LangGraph's id, in whatever namespace. */
export async function findCheckpoint(
  core: Core,
  sessionId: string,
  checkpointId: string,
): Promise<StoredCheckpoint | undefined> {
  const [named] = await core.storage.list({ sessionId, name: checkpointId, limit: 1 });
  return named ?? (await core.storage.list({ sessionId, id: checkpointId, limit: 1 }))[0];
}

/** @returns whether there was one */
export async function deleteCheckpoint(
  core: Core,
  sessionId: string,
  checkpointId: string,
): Promise<boolean> {
  const found = await findCheckpoint(core, sessionId, checkpointId);
  if (found === undefined) return false;
  const { ns, id } = found.checkpoint;
  await removeCheckpoint(core.threads, core.thread(sessionId), checkpointKey(ns, id));
  if ((await core.storage.checkpoint(sessionId, ns, id)) === undefined) return true;
  const why = `later checkpoints are rebuilt from ${JSON.stringify(checkpointId)}`;
  throw new StorageError("IN_USE", "deleteCheckpoint", why);
}
