import type { Operation } from "./records.js";

/** A call in a thread's queue. */
export interface Waiting {
  readonly operation: Operation;
  resolve(): void;
  reject(error: unknown): void;
}

/** Takes what goes into one batch: a call that others must not precede, or follow, stands alone. */
export function takeBatch(queue: Waiting[]): Waiting[] {
  const alone = queue.findIndex(
    ({ operation }) => operation.fences || operation.atVersion !== undefined,
  );
  return queue.splice(0, alone < 0 ? queue.length : Math.max(alone, 1));
}

/** LangGraph sends a step's calls within one turn of the event loop: they then share a batch. */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
