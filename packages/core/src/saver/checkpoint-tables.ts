import type { CheckpointMetadata, CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { StorageError } from "../errors.js";

/** A checkpoint as another saver's tables hold it. */
export interface TableCheckpoint extends CheckpointTuple {
  /**
   * Of each of `pendingWrites`, its number among the writes of its task: its position in the call that
   * stored it, negative for errors, interrupts and resumes. Without it, the order tells.
   */
  readonly writeNumbers?: readonly number[];
}

/**
 * The tables of another checkpoint saver, to be read a thread at a time; see
 * `Persistence.importFrom`. `LangGraphSqliteTables` and `LangGraphPostgresTables` of the backend
 * packages read those of LangGraph's own savers.
 */
export interface CheckpointTables {
  /** The ids of all threads, each once. */
  threads(): AsyncIterable<string>;
  /** All checkpoints of a thread, parents before children, in the order in which they were made. */
  checkpoints(threadId: string): AsyncIterable<TableCheckpoint>;
  /** Closes what was opened to read them. */
  end(): Promise<void>;
}

/** Where a checkpoint stands in a thread. */
export interface TableHeader {
  readonly ns: string;
  readonly id: string;
  readonly parentId: string | null;
}

/** A row of LangGraph's tables whose texts have been decoded. */
export interface DecodedRow {
  readonly checkpoint: unknown;
  readonly metadata: unknown;
  /** Beside those that stand in the checkpoint itself. */
  readonly values?: readonly (readonly [channel: string, value: unknown])[];
  /** In the order of task and number. */
  readonly writes: readonly TableWrite[];
}

export interface TableWrite {
  readonly taskId: string;
  readonly idx: number;
  readonly channel: string;
  readonly value: unknown;
}

/**
 * The order in which checkpoints were made: that of their ids, which begin with the time; but where
 * the clocks of two processes differed, a parent still comes before its children.
 */
export function inOrderMade<T extends TableHeader>(headers: readonly T[]): T[] {
  const sorted = [...headers].sort((a, b) => compare(a.id, b.id) || compare(a.ns, b.ns));
  const byKey = new Map(sorted.map((header) => [keyOf(header.ns, header.id), header]));
  const placed = new Set<T>();
  return sorted.flatMap((header) => {
    const chain: T[] = [];
    for (let at: T | undefined = header; at !== undefined && !placed.has(at); at = parentOf(at)) {
      placed.add(at);
      chain.push(at);
    }
    return chain.reverse();
  });

  function parentOf({ ns, parentId }: T): T | undefined {
    return parentId === null ? undefined : byKey.get(keyOf(ns, parentId));
  }
}

function keyOf(ns: string, id: string): string {
  return JSON.stringify([ns, id]);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Decodes a row.
 * @throws StorageError `CORRUPT` naming thread and checkpoint, where that fails or gives no checkpoint
 */
export async function readTableRow(
  threadId: string,
  header: TableHeader,
  decode: () => Promise<DecodedRow>,
): Promise<TableCheckpoint> {
  try {
    return tableCheckpoint(threadId, header, await decode());
  } catch (error) {
    const place = `checkpoint ${JSON.stringify(header.id)} of thread ${JSON.stringify(threadId)}`;
    const namespace = header.ns === "" ? "" : `, namespace ${JSON.stringify(header.ns)},`;
    const why = error instanceof Error ? error.message : String(error);
    const message = `${place}${namespace} cannot be decoded: ${why}`;
    throw new StorageError("CORRUPT", "checkpoints", message, { cause: error });
  }
}

function tableCheckpoint(
  threadId: string,
  { ns, id, parentId }: TableHeader,
  { checkpoint: stored, metadata, values = [], writes }: DecodedRow,
): TableCheckpoint {
  const checkpoint = fieldsOf("the checkpoint", stored);
  if (checkpoint.id !== id) throw new TypeError("the checkpoint has another id than its row");
  const config = (checkpointId: string) => ({
    configurable: { thread_id: threadId, checkpoint_ns: ns, checkpoint_id: checkpointId },
  });
  return {
    config: config(id),
    checkpoint: {
      v: checkpoint.v as number,
      id,
      ts: checkpoint.ts as string,
      channel_values: {
        ...optionalFields("channel_values", checkpoint.channel_values),
        ...Object.fromEntries(values),
      },
      channel_versions: optionalFields("channel_versions", checkpoint.channel_versions) as Record<
        string,
        number
      >,
      versions_seen: optionalFields("versions_seen", checkpoint.versions_seen) as Record<
        string,
        Record<string, number>
      >,
    },
    metadata: fieldsOf("the metadata", metadata) as CheckpointMetadata,
    ...(parentId === null ? {} : { parentConfig: config(parentId) }),
    pendingWrites: writes.map(({ taskId, channel, value }) => [taskId, channel, value]),
    writeNumbers: writes.map(({ idx }) => idx),
  };
}

function optionalFields(what: string, value: unknown): Record<string, unknown> {
  return value === undefined || value === null ? {} : fieldsOf(what, value);
}

function fieldsOf(what: string, value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new TypeError(`${what} is no object`);
}
