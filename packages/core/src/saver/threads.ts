import { ClassRegistry, type ValueClass } from "../state/classes.js";
import type { Storage } from "../storage/storage.js";
import { JSON_TEXTS, type Texts } from "./texts.js";
import { Thread } from "./thread.js";

export interface ThreadsOptions {
  readonly texts?: Texts;
  readonly classes?: readonly ValueClass[];
  /** Characters of items kept in memory over all threads. */
  readonly cacheChars?: number;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

const DEFAULT_CACHE_CHARS = 64 * 1024 * 1024;

/**
 * The threads that this process works with. The most recent ones keep their items in memory, up
 * to a bound; those of runs that are under way stay whatever the bound is, so that a run never
 * stores again what it has read. A thread that was let go is found again for as long as a live
 * object remembers it.
 */
export class Threads {
  readonly storage: Storage;
  readonly texts: Texts;
  readonly clock: () => number;
  readonly #classes: ClassRegistry;
  readonly #limit: number;
  readonly #recent = new Map<string, { thread: Thread; size: number }>();
  readonly #alive = new Map<string, WeakRef<Thread>>();
  readonly #gone = new FinalizationRegistry<string>((id) => {
    if (this.#alive.get(id)?.deref() === undefined) this.#alive.delete(id);
  });
  #size = 0;

  constructor(storage: Storage, options: ThreadsOptions = {}) {
    this.storage = storage;
    this.texts = options.texts ?? JSON_TEXTS;
    this.clock = options.clock ?? Date.now;
    this.#classes = new ClassRegistry(options.classes);
    this.#limit = options.cacheChars ?? DEFAULT_CACHE_CHARS;
  }

  get(id: string): Thread {
    const entry = this.#recent.get(id);
    if (entry !== undefined) return entry.thread;
    const alive = this.#alive.get(id)?.deref();
    const thread = alive ?? new Thread(id, this.storage, this.texts, this.#classes);
    if (alive === undefined) {
      this.#alive.set(id, new WeakRef(thread));
      this.#gone.register(thread, id);
    }
    this.#recent.set(id, { thread, size: 0 });
    return thread;
  }

  /** Makes a thread the most recent one, and lets go of what exceeds the bound. */
  used(thread: Thread): void {
    const before = this.#recent.get(thread.id);
    this.#recent.delete(thread.id);
    this.#size += thread.log.size - (before?.size ?? 0);
    this.#recent.set(thread.id, { thread, size: thread.log.size });
    for (const [id, entry] of this.#recent) {
      if (this.#size <= this.#limit && this.#recent.size <= 10_000) return;
      if (entry.thread === thread) break;
      if (!entry.thread.isIdle) continue;
      entry.thread.log.shrink(0);
      this.#size -= entry.size;
      this.#recent.delete(id);
    }
    if (this.#size > this.#limit && thread.isIdle) {
      thread.log.shrink(this.#limit / 2);
      this.#size += thread.log.size - (this.#recent.get(thread.id)?.size ?? 0);
      this.#recent.set(thread.id, { thread, size: thread.log.size });
    }
  }

  /** Forgets every cached item, as a process that has just started. */
  dropCaches(): void {
    for (const { thread } of this.#recent.values()) thread.log.shrink(0);
    this.#recent.clear();
    this.#alive.clear();
    this.#size = 0;
  }
}
