import { StorageError } from "../errors.js";

/** Lets calls in until it is closed, and is closed once those that are in have ended. */
export class Gate {
  readonly #inside = new Set<Promise<unknown>>();
  #isClosed = false;

  /** @throws StorageError `CLOSED` */
  check(operation: string): void {
    if (!this.#isClosed) return;
    throw new StorageError("CLOSED", operation, "the storage was closed");
  }

  async pass<T>(operation: string, call: () => Promise<T>): Promise<T> {
    this.check(operation);
    const inside = call();
    this.#inside.add(inside);
    return inside.finally(() => this.#inside.delete(inside));
  }

  /** Those that are inside learn at their next `check` that they are to leave. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#inside);
  }
}
