import type { Thread } from "./thread.js";

const MAX_THREADS = 10_000;

/**
 * The threads that this process works with. The most recent ones keep their items in memory, up
 * to a bound; those of runs that are under way stay whatever the bound is, so that a run never
 * stores again what it has read. A thread that was let go is found again for as long as a live
 * object remembers it.
 */
export class ThreadCache {
  readonly #limit: number;
  readonly #recent = new Map<string, { thread: Thread; size: number }>();
  readonly #alive = new Map<string, WeakRef<Thread>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#alive.get(key)?.deref() === undefined) this.#alive.delete(key);
  });
  #size = 0;

  /** @param limit characters of items kept in memory over all threads */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The thread, if this process works with it. */
  known(key: string): Thread | undefined {
    return this.#recent.get(key)?.thread ?? this.#alive.get(key)?.deref();
  }

  get(key: string, make: () => Thread): Thread {
    const entry = this.#recent.get(key);
    if (entry !== undefined) return entry.thread;
    const alive = this.#alive.get(key)?.deref();
    const thread = alive ?? make();
    if (alive === undefined) {
      this.#alive.set(key, new WeakRef(thread));
      this.#gone.register(thread, key);
    }
    this.#recent.set(key, { thread, size: 0 });
    return thread;
  }

  /** Makes a thread the most recent one, and lets go of what exceeds the bound. */
  used(key: string, thread: Thread): void {
    const before = this.#recent.get(key);
    this.#recent.delete(key);
    this.#size += thread.log.size - (before?.size ?? 0);
    this.#recent.set(key, { thread, size: thread.log.size });
    for (const [id, entry] of this.#recent) {
      if (this.#size <= this.#limit && this.#recent.size <= MAX_THREADS) return;
      if (entry.thread === thread) break;
      if (!entry.thread.isIdle) continue;
      entry.thread.log.shrink(0);
      this.#size -= entry.size;
      this.#recent.delete(id);
    }
    if (this.#size > this.#limit && thread.isIdle) {
      thread.log.shrink(this.#limit / 2);
      this.#size += thread.log.size - (this.#recent.get(key)?.size ?? 0);
      this.#recent.set(key, { thread, size: thread.log.size });
    }
  }

  /** Forgets every cached item, as a process that has just started. */
  drop(): void {
    for (const { thread } of this.#recent.values()) thread.log.shrink(0);
    this.#recent.clear();
    this.#alive.clear();
    this.#size = 0;
  }
}
