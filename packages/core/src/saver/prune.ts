import { randomUUID } from "node:crypto";
import { StorageError } from "../errors.js";
import type { Guard } from "../storage/storage.js";
import { type Amount, addAmounts, NOTHING } from "./amount.js";
import { commit } from "./commit.js";
import { sameGuard } from "./guards.js";
import type { IsKept } from "./keep-set.js";
import { ItemsGone } from "./loader.js";
import { type Plan, planOf, type Step } from "./plan-prune.js";
import { readSnapshot } from "./snapshot.js";
import type { Thread } from "./thread.js";
import type { Threads } from "./threads.js";

export interface CutOptions {
  /**
   * At most so many rows go in one transaction; but a checkpoint goes with its writes and node runs.
   * Default: all at once.
   */
  readonly batchSize?: number;
  /** Nothing is removed, but all is counted. */
  readonly dryRun?: boolean;
  /** Items that nothing names go even where no checkpoint does. */
  readonly sweeps?: boolean;
  /** Subgraphs' checkpoints of a step go with the root's one that the step read. */
  readonly withRoots?: boolean;
  /** Called after every batch with what was in it. */
  readonly onBatch?: (batch: Amount) => void | Promise<void>;
}

/** So often others may win before this process's own calls have to wait. */
const POLITE_TRIES = 3;
const MAX_TRIES = 200;

/**
 * Removes what is not kept, in batches each of which goes through only if nobody wrote since the thread
 * was looked at; else it is looked at again. After every batch each checkpoint that is left can be read.
 * @throws StorageError `BUSY` where other processes write all the time
 */
export async function cut(
  threads: Threads,
  sessionId: string,
  isKept: IsKept,
  options: CutOptions = {},
): Promise<Amount> {
  const work = new Cut(threads, sessionId, isKept, options);
  return options.dryRun ? work.count() : work.run();
}

class Cut {
  readonly #threads: Threads;
  readonly #sessionId: string;
  readonly #isKept: IsKept;
  readonly #options: CutOptions;
  #gone: Amount = NOTHING;

  constructor(threads: Threads, sessionId: string, isKept: IsKept, options: CutOptions) {
    this.#threads = threads;
    this.#sessionId = sessionId;
    this.#isKept = isKept;
    this.#options = options;
  }

  /** Only a thread that this process works with has anything to be told. */
  get #thread(): Thread | undefined {
    return this.#threads.known(this.#sessionId);
  }

  async count(): Promise<Amount> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const plan = await this.#look();
      if (plan === "moved") continue;
      for (const step of plan?.steps ?? []) await this.#went(step);
      return this.#gone;
    }
    throw this.#busy();
  }

  async run(): Promise<Amount> {
    let isPolite = true;
    let before = this.#gone;
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      isPolite &&= tries < POLITE_TRIES;
      if (await this.#pass(isPolite)) return this.#gone;
      if (this.#gone !== before) tries = 0;
      before = this.#gone;
    }
    throw this.#busy();
  }

  /** @returns whether nothing is left; not, where somebody wrote meanwhile */
  async #pass(isPolite: boolean): Promise<boolean> {
    const alone = <T>(task: () => Promise<T>) => this.#thread?.exclusive(task) ?? task();
    const begun = isPolite
      ? await this.#begin(alone)
      : await alone(() => this.#begin((task) => task()));
    if (begun === "moved") return false;
    if (begun === undefined) return true;
    const [first, ...rest] = begun.steps as [Step, ...Step[]];
    await this.#went(first);
    let { guard } = begun;
    for (const step of rest) {
      const next = await alone(() => this.#remove(guard, step));
      if (next === undefined) return false;
      guard = next;
      await this.#went(step);
    }
    return true;
  }

  /**
   * Takes the first batch away.
   * @returns the plan and the counters after that; `undefined`: there is nothing to do
   */
  async #begin(
    during: (task: () => Promise<Guard | undefined>) => Promise<Guard | undefined>,
  ): Promise<Plan | "moved" | undefined> {
    const plan = await this.#look();
    if (plan === "moved") return plan;
    const first = plan?.steps[0];
    if (plan === undefined || first === undefined) return undefined;
    const guard = await during(() => this.#remove(plan.guard, first));
    return guard === undefined ? "moved" : { guard, steps: plan.steps };
  }

  async #look(): Promise<Plan | "moved" | undefined> {
    const id = this.#sessionId;
    const { batchSize = Number.POSITIVE_INFINITY } = this.#options;
    const { sweeps = false, withRoots = false } = this.#options;
    const found = await readSnapshot(this.#threads, id);
    if (found === undefined) return undefined;
    try {
      return await planOf(this.#threads, id, found, this.#isKept, {
        ...{ batchSize, sweeps, withRoots },
      });
    } catch (error) {
      if (!(error instanceof ItemsGone)) throw error;
      const now = await this.#threads.storage.guard(id);
      if (sameGuard(now, found.guard)) throw error;
      return "moved";
    }
  }

  /** @returns the counters after it; `undefined`: somebody wrote since, and nothing was removed */
  async #remove(seen: Guard, { removal }: Step): Promise<Guard | undefined> {
    const next = { ...seen, epoch: seen.epoch + 1, token: randomUUID() };
    const done = await commit(this.#threads.storage, {
      sessionId: this.#sessionId,
      owner: {},
      expected: seen,
      next,
      now: this.#threads.clock(),
      touch: false,
      items: [],
      checkpoints: [],
      writes: [],
      nodeRuns: [],
      toolEvents: [],
      remove: removal,
    });
    if (!done.written) return undefined;
    // Whatever it believed to be stored is forgotten with this.
    this.#thread?.sawGuard(next);
    return next;
  }

  async #went(step: Step): Promise<void> {
    this.#gone = addAmounts(this.#gone, step);
    const { checkpoints, items, rows, bytes } = step;
    await this.#options.onBatch?.({ checkpoints, items, rows, bytes });
  }

  #busy(): StorageError {
    const why = `thread ${JSON.stringify(this.#sessionId)} never came to rest`;
    return new StorageError("BUSY", "prune", why);
  }
}
