/**
 * What went wrong, as a stable word that programs can branch on.
 *
 * | code | meaning | retryable |
 * | --- | --- | --- |
 * | `INVALID_ARGUMENT` | an id, option or config was refused before anything was sent | no |
 * | `NOT_SERIALIZABLE` | a value cannot be stored exactly; the message names its path | no |
 * | `THREAD_DELETED` | the thread was deleted after this run began | no |
 * | `NOT_FOUND` | the thing that was named does not exist | no |
 * | `ALREADY_EXISTS` | the thing that was to be made exists already | no |
 * | `CORRUPT` | stored data does not fit together; the message names the row | no |
 * | `SCHEMA_FOREIGN` | a table of one of our names was not made by threadkeep | no |
 * | `SCHEMA_NEWER` | the schema was made by a newer threadkeep | no |
 * | `BUSY` | the database was locked, or other writers won every try | yes |
 * | `FULL` | no space left | yes |
 * | `READ_ONLY` | the database cannot be written | no |
 * | `CONNECTION` | the database cannot be reached or opened | yes |
 * | `CLOSED` | the saver or storage was closed | no |
 * | `DATABASE` | any other error that the database reported | no |
 */
export type StorageErrorCode =
  | "INVALID_ARGUMENT"
  | "NOT_SERIALIZABLE"
  | "THREAD_DELETED"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "CORRUPT"
  | "SCHEMA_FOREIGN"
  | "SCHEMA_NEWER"
  | "BUSY"
  | "FULL"
  | "READ_ONLY"
  | "CONNECTION"
  | "CLOSED"
  | "DATABASE";

const RETRYABLE: ReadonlySet<StorageErrorCode> = new Set(["BUSY", "FULL", "CONNECTION"]);

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
