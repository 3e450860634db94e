import { ClassRegistry, type ValueClass } from "../state/classes.js";
import type { Storage } from "../storage/storage.js";
import { JSON_TEXTS, type Texts } from "./texts.js";
import { Thread } from "./thread.js";
import { ThreadCache } from "./thread-cache.js";
import type { ThreadTools } from "./thread-tools.js";

export interface ThreadsOptions {
  readonly texts?: Texts;
  readonly classes?: readonly ValueClass[];
  /** Characters of items kept in memory over all threads. */
  readonly cacheChars?: number;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
}

const DEFAULT_CACHE_CHARS = 64 * 1024 * 1024;

/** What all views of a storage have in common. */
interface Shared extends ThreadTools {
  readonly cache: ThreadCache;
}

/** The threads of a storage. */
export class Threads {
  readonly storage: Storage;
  readonly #shared: Shared;
  /** Tells the threads of one view of the storage from those of another. */
  readonly #view: string;

  private constructor(storage: Storage, shared: Shared, view: string) {
    this.storage = storage;
    this.#shared = shared;
    this.#view = view;
  }

  static of(storage: Storage, options: ThreadsOptions = {}): Threads {
    const shared = {
      texts: options.texts ?? JSON_TEXTS,
      clock: options.clock ?? Date.now,
      classes: new ClassRegistry(options.classes),
      cache: new ThreadCache(options.cacheChars ?? DEFAULT_CACHE_CHARS),
    };
    return new Threads(storage, shared, "");
  }

  /** Those of a view of the same storage, which share its memory. */
  viewed(storage: Storage, view: string): Threads {
    return new Threads(storage, this.#shared, view);
  }

  get texts(): Texts {
    return this.#shared.texts;
  }

  get clock(): () => number {
    return this.#shared.clock;
  }

  get classes(): ClassRegistry {
    return this.#shared.classes;
  }

  get(id: string): Thread {
    const shared = this.#shared;
    return shared.cache.get(this.#key(id), () => new Thread(id, this.storage, shared));
  }

  /** The thread, if this process works with it. */
  known(id: string): Thread | undefined {
    return this.#shared.cache.known(this.#key(id));
  }

  /** Makes a thread the most recent one, and lets go of what exceeds the bound. */
  used(thread: Thread): void {
    this.#shared.cache.used(this.#key(thread.id), thread);
  }

  /** Forgets every cached item, as a process that has just started. */
  dropCaches(): void {
    this.#shared.cache.drop();
  }

  #key(id: string): string {
    return JSON.stringify([this.#view, id]);
  }
}
