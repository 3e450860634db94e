/**
 * What went wrong, as a stable word that programs can branch on.
 *
 * | code | meaning | retryable |
 * | --- | --- | --- |
 * | `INVALID_ARGUMENT` | an id, option or config was refused before anything was sent | no |
 * | `NOT_SERIALIZABLE` | a value cannot be stored exactly; the message names its path | no |
 * | `THREAD_DELETED` | the thread was deleted after this run began | no |
 * | `ROLLED_BACK` | the thread was rolled back, or its execution point set, after this run began | no |
 * | `NOT_FOUND` | the thing that was named does not exist | no |
 * | `GRAPH_MISMATCH` | the checkpoint goes on in a node that the graph does not have | no |
 * | `FINISHED` | the thread has nothing left to run | no |
 * | `IN_USE` | something that stays is rebuilt from what was to be removed | no |
 * | `UNDO_FAILED` | a tool's undo failed, or nobody knows whether it ran; see the error's report | no |
 * | `ALREADY_EXISTS` | the thing that was to be made exists already | no |
 * | `CORRUPT` | stored data, or an exported file, does not fit together; the message names the row | no |
 * | `SCHEMA_FOREIGN` | a table of one of our names was not made by threadkeep | no |
 * | `SCHEMA_NEWER` | the schema, or an exported file, was made by a newer threadkeep | no |
 * | `SCHEMA_OUTDATED` | there are no tables, or older ones, and `setup` is `"verify"` | no |
 * | `BUSY` | the database was locked, or other writers won every try | yes |
 * | `CONFLICT` | a deadlock or serialization failure, again and again, or another version than expected; nothing was written | yes |
 * | `TIMEOUT` | the database cancelled the statement; nothing was written | yes |
 * | `FULL` | no space left | yes |
 * | `TOO_LARGE` | a value is larger than the database takes; nothing was sent or written | no |
 * | `READ_ONLY` | the database cannot be written | no |
 * | `ACCESS_DENIED` | the login was refused, or its rights do not suffice | no |
 * | `CONNECTION` | the database cannot be reached or opened | yes |
 * | `CONNECTION_LOST` | the connection broke in mid-work; a write may or may not have been done | yes |
 * | `CLOSED` | the saver or storage was closed | no |
 * | `DATABASE` | any other error that the database reported | no |
 */
export type StorageErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_SERIALIZABLE"
  | "THREAD_DELETED"
  | "ROLLED_BACK"
  | "NOT_FOUND"
  | "GRAPH_MISMATCH"
  | "FINISHED"
  | "IN_USE"
  | "UNDO_FAILED"
  | "ALREADY_EXISTS"
  | "CORRUPT"
  | "SCHEMA_FOREIGN"
  | "SCHEMA_NEWER"
  | "SCHEMA_OUTDATED"
  | "BUSY"
  | "CONFLICT"
  | "TIMEOUT"
  | "FULL"
  | "TOO_LARGE"
  | "READ_ONLY"
  | "ACCESS_DENIED"
  | "CONNECTION"
  | "CONNECTION_LOST"
  | "CLOSED"
  | "DATABASE";

const RETRYABLE: ReadonlySet<StorageErrorCode> = new Set([
  "BUSY",
  "CONFLICT",
  "TIMEOUT",
  "FULL",
  "CONNECTION",
  "CONNECTION_LOST",
]);

/**
 * The one error that threadkeep rejects with.
 *
 * @example
 * ```ts
 * try {
 *   await saver.deleteThread("");
 * } catch (error) {
 *   if (error instanceof StorageError && error.code === "INVALID_ARGUMENT") console.log(error.operation);
 * }
 * ```
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
  /** What went wrong, see {@link StorageErrorCode}. */
  readonly code: StorageErrorCode;
  /** The public operation that failed, e.g. `put`. */
  readonly operation: string;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** The message without the operation. */
  readonly detail: string;

  constructor(
    code: StorageErrorCode,
    operation: string,
    message: string,
    options: { cause?: unknown; retryable?: boolean } = {},
  ) {
    super(`${operation}: ${message}`, "cause" in options ? { cause: options.cause } : {});
    this.code = code;
    this.operation = operation;
    this.retryable = options.retryable ?? RETRYABLE.has(code);
    this.detail = message;
  }

  /** The same error, said of the public operation that it came up in. */
  of(operation: string): StorageError {
    if (operation === this.operation) return this;
    const { cause, retryable } = this;
    return new StorageError(this.code, operation, this.detail, {
      retryable,
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** Runs a public operation: a `StorageError` from inside it then names that operation. */
export async function operation<T>(name: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw error instanceof StorageError ? error.of(name) : error;
  }
}
