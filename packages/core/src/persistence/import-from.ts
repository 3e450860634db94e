import { randomUUID } from "node:crypto";
import type { CheckpointMetadata, PendingWrite } from "@langchain/langgraph-checkpoint";
import { operation, StorageError } from "../errors.js";
import type { CheckpointTables, TableCheckpoint } from "../saver/checkpoint-tables.js";
import type { StorageSaver } from "../saver/saver.js";
import { timeOf } from "../state/manifest.js";
import { checkId, checkObject, describe, invalid, newIncarnation } from "../storage/ids.js";

/** Options of `Persistence.importFrom`. */
export interface ImportFromOptions {
  /** Only these threads. Default: all. */
  readonly threads?: readonly string[];
  /** Called after every checkpoint, and after every thread. What it throws ends the import. */
  readonly onProgress?: (progress: ImportFromProgress) => void;
}

/** How far an import has come. */
export interface ImportFromProgress {
  /** The thread that is being imported, or was just imported or skipped. */
  readonly thread: string;
  /** Threads that are done, skipped ones included. */
  readonly threads: number;
  /** Checkpoints that were written, over all threads. */
  readonly checkpoints: number;
}

/** What was imported. */
export interface ImportFromReport {
  readonly threads: number;
  readonly checkpoints: number;
  /** Pending writes. */
  readonly writes: number;
  /** Threads that were here already, and were left as they are. */
  readonly skipped: readonly string[];
}

/**
 * Copies threads out of another saver's tables: every checkpoint in every namespace with its id,
 * parent, values, versions, metadata and pending writes. The tables are only read. Each thread comes
 * over whole or not at all, under its own id, and is seen here once it is complete; those that came
 * before an error stay, so the same call goes on where it stopped. A thread's last activity is the
 * time of its last checkpoint.
 * @returns how much was imported, and which threads were skipped because they are here already
 * @throws StorageError `NOT_FOUND` for a thread that the tables do not hold, or tables that are not
 * there; `CORRUPT` for a row that cannot be decoded, naming thread and checkpoint;
 * `NOT_SERIALIZABLE` for a value that cannot be stored exactly; `INVALID_ARGUMENT`
 */
export async function importFrom(
  saver: StorageSaver,
  tables: CheckpointTables,
  options: ImportFromOptions = {},
): Promise<ImportFromReport> {
  return operation("importFrom", async () => {
    checkTables(tables);
    const { threads, onProgress } = checkOptions(options);
    const done = { threads: 0, checkpoints: 0, writes: 0 };
    const skipped: string[] = [];
    for await (const thread of threads ?? tables.threads()) {
      checkId("importFrom", "thread_id", thread);
      const tell = () =>
        onProgress?.({
          thread,
          threads: done.threads + skipped.length,
          checkpoints: done.checkpoints,
        });
      const isNew = await importThread(saver, tables, thread, ({ pendingWrites = [] }) => {
        done.checkpoints += 1;
        done.writes += pendingWrites.length;
        tell();
      });
      if (isNew) done.threads += 1;
      else skipped.push(thread);
      tell();
    }
    return { ...done, skipped };
  });
}

function checkTables(tables: unknown): void {
  checkObject("importFrom", "tables", tables);
  const { threads, checkpoints } = tables as Partial<CheckpointTables>;
  if (typeof threads === "function" && typeof checkpoints === "function") return;
  throw invalid("importFrom", "tables must be tables to read, e.g. LangGraphSqliteTables");
}

function checkOptions(options: ImportFromOptions): ImportFromOptions {
  checkObject("importFrom", "options", options);
  const { threads, onProgress } = options;
  if (threads !== undefined && !Array.isArray(threads)) {
    throw invalid("importFrom", `threads must be a list, not ${describe(threads)}`);
  }
  for (const id of threads ?? []) checkId("importFrom", "threads", id);
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalid("importFrom", `onProgress must be a function, not ${describe(onProgress)}`);
  }
  return options;
}

/**
 * Under a name of its own, until it is complete: then it is copied to its id in one go.
 * @returns whether it was imported: not, where there is a thread of that id
 */
async function importThread(
  saver: StorageSaver,
  tables: CheckpointTables,
  threadId: string,
  onCheckpoint: (checkpoint: TableCheckpoint) => void,
): Promise<boolean> {
  const { storage } = saver;
  if ((await storage.guard(threadId)) !== undefined) return false;
  const draft = `import-${randomUUID()}`;
  let failure: unknown;
  try {
    let createdAt: number | undefined;
    let lastActivity: number | undefined;
    for await (const checkpoint of tables.checkpoints(threadId)) {
      await putCheckpoint(saver, draft, threadId, checkpoint);
      lastActivity = timeOf(checkpoint.checkpoint.ts) ?? lastActivity;
      createdAt ??= lastActivity;
      onCheckpoint(checkpoint);
    }
    const now = lastActivity ?? Date.now();
    const fresh = { incarnation: newIncarnation(), now, createdAt: createdAt ?? now };
    const isCopied = await storage.copySession(draft, threadId, fresh);
    if (isCopied !== undefined) return isCopied;
    const name = JSON.stringify(threadId);
    throw new StorageError("NOT_FOUND", "importFrom", `the tables hold no thread ${name}`);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    // The first error is the one to be told.
    await saver.deleteThread(draft).catch((error: unknown) => {
      throw failure ?? error;
    });
  }
}

async function putCheckpoint(
  saver: StorageSaver,
  draft: string,
  threadId: string,
  { config, parentConfig, checkpoint, metadata, ...tuple }: TableCheckpoint,
): Promise<void> {
  const at = (id: unknown) => ({
    configurable: {
      thread_id: draft,
      checkpoint_ns: config.configurable?.checkpoint_ns ?? "",
      ...(id === undefined ? {} : { checkpoint_id: id }),
    },
  });
  try {
    await saver.put(
      at(parentConfig?.configurable?.checkpoint_id),
      checkpoint,
      metadata ?? ({} as CheckpointMetadata),
      checkpoint.channel_versions,
    );
    // After it: the last write tells what the thread does. Together, so that they are one batch.
    const tasks = tasksOf(tuple);
    await settled(tasks.map(([id, writes]) => saver.putWrites(at(checkpoint.id), writes, id)));
  } catch (error) {
    throw placed(error, threadId, checkpoint.id);
  }
}

/** Waits for all, so that nothing is still written when the first error is thrown. */
async function settled(calls: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(calls);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

interface Numbered {
  readonly idx: number;
  readonly write: PendingWrite;
}

/** The pending writes of each task, as a list in which each stands where its number will be given. */
function tasksOf({
  pendingWrites = [],
  writeNumbers,
}: Pick<TableCheckpoint, "pendingWrites" | "writeNumbers">): [string, PendingWrite[]][] {
  const tasks = new Map<string, Numbered[]>();
  pendingWrites.forEach(([taskId, channel, value], i) => {
    const writes = tasks.get(taskId) ?? [];
    tasks.set(taskId, writes);
    writes.push({ idx: writeNumbers?.[i] ?? writes.length, write: [channel, value] });
  });
  return [...tasks].map(([taskId, writes]) => [taskId, inPlace(writes)]);
}

/**
 * Writes of special channels bear negative numbers wherever they stand, but took a place in the call that
 * stored them: they stand where a number is missing.
 */
function inPlace(writes: readonly Numbered[]): PendingWrite[] {
  const special = writes.filter(({ idx }) => idx < 0).map(({ write }) => write);
  const list: PendingWrite[] = [];
  for (const { idx, write } of writes) {
    if (idx < 0) continue;
    while (list.length < idx && special.length > 0) {
      list.push(special[list.length % special.length] as PendingWrite);
    }
    list.push(write);
  }
  return [...list, ...special];
}

/** The same error, said of the thread and the checkpoint that it came up in. */
function placed(error: unknown, threadId: string, id: string): unknown {
  if (!(error instanceof StorageError)) return error;
  const { code, detail, retryable } = error;
  const place = `checkpoint ${JSON.stringify(id)} of thread ${JSON.stringify(threadId)}`;
  return new StorageError(code, "importFrom", `${place}: ${detail}`, { cause: error, retryable });
}
