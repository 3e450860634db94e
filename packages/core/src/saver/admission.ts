import { StorageError } from "../errors.js";
import { isOfAnotherTenant } from "../storage/owners.js";
import type { Guard } from "../storage/storage.js";
import type { Lineage } from "./lineage.js";
import { ItemsGone } from "./loader.js";
import type { Operation } from "./records.js";

/** A thread as it stands when a call's turn comes. */
export interface Standing {
  readonly id: string;
  readonly guard: Guard | undefined;
  readonly deletions: number;
  readonly lineage: Lineage;
}

/** Somebody added a checkpoint since the call looked: it has to look again. */
export class Moved extends StorageError {
  constructor(operation: string, threadId: string) {
    super("CONFLICT", operation, `thread ${JSON.stringify(threadId)} has moved on`);
  }
}

/** Why a call comes too late: the thread was deleted, rolled back or pruned since it was meant. */
export function refusalOf(operation: Operation, thread: Standing): StorageError | undefined {
  const { run, basis, name, era, atVersion, owner } = operation;
  const { id, guard, deletions, lineage } = thread;
  if (isOfAnotherTenant(guard?.owner ?? {}, owner)) {
    return new StorageError("NOT_FOUND", name, `this tenant has no thread ${JSON.stringify(id)}`);
  }
  const now = guard?.incarnation;
  if (era !== undefined && (era.incarnation !== now || era.epoch !== guard?.epoch)) {
    return new ItemsGone(`items of thread ${JSON.stringify(id)} were removed meanwhile`);
  }
  if (atVersion !== undefined && atVersion !== (guard?.nextVersion ?? 1))
    return new Moved(name, id);
  const wasDeleted =
    run === undefined
      ? basis.some((key) => lineage.isOfAnother(key, now))
      : run.deletions !== deletions || (run.incarnation !== undefined && run.incarnation !== now);
  if (wasDeleted) return tooLate("THREAD_DELETED", "deleted", operation.name, id);
  if (run?.rollbacks === undefined || run.rollbacks === guard?.rollbacks) return undefined;
  return tooLate("ROLLED_BACK", "rolled back", name, id);
}

function tooLate(
  code: "THREAD_DELETED" | "ROLLED_BACK",
  what: string,
  operation: string,
  threadId: string,
): StorageError {
  const thread = `thread ${JSON.stringify(threadId)}`;
  return new StorageError(code, operation, `${thread} was ${what} after this run began`);
}
