import type { RunnableConfig } from "@langchain/core/runnables";
import { StorageError } from "../errors.js";
import { taskPlaceOf } from "../nodes/paths.js";
import { placeOf } from "../saver/config.js";
import { isForeign } from "../saver/foreign.js";
import { type RunState, runStateOf } from "../saver/run.js";
import { type StorageSaver, threadsOf } from "../saver/saver.js";
import type { Thread } from "../saver/thread.js";
import type { Threads } from "../saver/threads.js";
import { checkId } from "../storage/ids.js";
import type { Storage } from "../storage/storage.js";

/** What every function of the persistence API works with. */
export class Core {
  readonly saver: StorageSaver;
  /** The channel that holds the conversation. */
  readonly messagesKey: string;
  /** Whether the checkpoints of steps are listed, or only those made through the API. */
  readonly listsSteps: boolean;

  constructor(saver: StorageSaver, messagesKey: string, listsSteps: boolean) {
    this.saver = saver;
    this.messagesKey = messagesKey;
    this.listsSteps = listsSteps;
  }

  get storage(): Storage {
    return this.saver.storage;
  }

  get threads(): Threads {
    return threadsOf(this.saver);
  }

  get clock(): () => number {
    return this.threads.clock;
  }

  thread(sessionId: string): Thread {
    return this.threads.get(sessionId);
  }
}

/** A session's id, or a config that names it, such as the one that a node or a tool gets. */
export type SessionRef = string | RunnableConfig;

export function sessionIdOf(operation: string, session: SessionRef): string {
  return typeof session === "string"
    ? checkId(operation, "sessionId", session)
    : placeOf(operation, session).threadId;
}

/** A node that runs just now. */
export interface RunningNode {
  readonly ns: string;
  readonly nodePath: string;
  readonly taskId: string;
  /** The checkpoint that it reads; `undefined` where LangGraph does not say. */
  readonly checkpointId: string | undefined;
  readonly durability: unknown;
  readonly control: { requestDrain?(reason: string): void } | undefined;
}

/** The node whose config it is; `undefined` outside a run. */
export function runningNodeOf(session: SessionRef): RunningNode | undefined {
  if (typeof session === "string") return undefined;
  const { configurable = {}, executionInfo, durability, control } = session as NodeConfig;
  if (!("__pregel_read" in configurable)) return undefined;
  const place = taskPlaceOf(String(configurable.checkpoint_ns ?? ""));
  if (place === undefined) return undefined;
  const map = (configurable.checkpoint_map ?? {}) as Record<string, string>;
  const checkpointId = executionInfo?.checkpointId ?? map[place.ns];
  return { ...place, checkpointId, durability, control };
}

type NodeConfig = RunnableConfig & {
  executionInfo?: { checkpointId?: string };
  durability?: unknown;
  control?: RunningNode["control"];
};

export function runOf(core: Core, session: SessionRef, sessionId: string): RunState | undefined {
  return typeof session === "string" ? undefined : runStateOf(session, core.thread(sessionId));
}

/** @throws StorageError `NOT_FOUND` where the config names a tenant whose session it is not */
export async function checkTenant(core: Core, operation: string, session: SessionRef) {
  if (typeof session === "string" || !(await isForeign(core.storage, operation, session))) return;
  const why = `there is no session ${JSON.stringify(placeOf(operation, session).threadId)}`;
  throw new StorageError("NOT_FOUND", operation, why);
}
