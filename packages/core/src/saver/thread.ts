import { randomUUID } from "node:crypto";
import { StorageError } from "../errors.js";
import { ItemLog } from "../state/item-log.js";
import { Reader } from "../state/manifest.js";
import type { Tree } from "../state/tree.js";
import { newIncarnation } from "../storage/ids.js";
import { checkpointKey } from "../storage/keys.js";
import { mergeOwners } from "../storage/owners.js";
import type { Range } from "../storage/ranges.js";
import type {
  CheckpointRecord,
  Era,
  Guard,
  ItemRecord,
  Owner,
  Storage,
} from "../storage/storage.js";
import { refusalOf } from "./admission.js";
import { Arrivals } from "./arrivals.js";
import { commit, storedAmong } from "./commit.js";
import { isBehind } from "./guards.js";
import { Announced, Lineage } from "./lineage.js";
import { ItemLoader } from "./loader.js";
import { BatchNumbering } from "./numbering.js";
import { type Operation, recordsOf } from "./records.js";
import type { RunThread } from "./run.js";
import { StatusLine } from "./status.js";
import type { Texts } from "./texts.js";
import type { ThreadTools } from "./thread-tools.js";
import { Touch } from "./touch.js";
import { endOfTurn, takeBatch, type Waiting } from "./waiting.js";

const MAX_TRIES = 200;

/**
 * What this process knows of one thread, and the one queue through which it writes to it.
 * Calls that wait are written as one batch.
 */
export class Thread implements RunThread {
  readonly id: string;
  readonly log: ItemLog;
  /** How often this process deleted the thread. */
  deletions = 0;
  readonly #storage: Storage;
  readonly #texts: Texts;
  readonly #clock: () => number;
  readonly #loader: ItemLoader;
  /** `undefined`: no session row, as far as is known. */
  #guard: Guard | undefined;
  readonly #waiting: Waiting[] = [];
  #tail: Promise<void> = Promise.resolve();
  #draining = false;
  readonly #touch = new Touch();
  readonly lineage = new Lineage();
  readonly arrivals = new Arrivals();
  readonly announced = new Announced();
  readonly #statusLine = new StatusLine();
  readonly #runs = new Set<WeakRef<object>>();

  constructor(id: string, storage: Storage, { texts, classes, clock }: ThreadTools) {
    this.id = id;
    this.#storage = storage;
    this.#texts = texts;
    this.#clock = clock;
    this.log = new ItemLog(classes);
    this.log.keeper = this;
    this.#loader = new ItemLoader(id, storage, texts, this.log);
  }

  /** The counters, as far as is known. */
  get guard(): Guard | undefined {
    return this.#guard;
  }

  /** The counters, asked anew: others may have made the session, or deleted it. */
  async currentGuard(): Promise<Guard | undefined> {
    const believed = this.#guard;
    const guard = await this.#storage.guard(this.id);
    if (guard !== undefined) this.sawGuard(guard);
    else if (this.#guard === believed) this.#isGone();
    return this.#guard;
  }

  get incarnation(): number | undefined {
    return this.#guard?.incarnation;
  }

  /** Whether its items may leave memory: no write waits, and no run that read them is alive. */
  get isIdle(): boolean {
    for (const run of this.#runs) if (run.deref() === undefined) this.#runs.delete(run);
    return !this.#draining && this.#waiting.length === 0 && this.#runs.size === 0;
  }

  keepFor(run: object): void {
    this.#runs.add(new WeakRef(run));
  }

  /** Takes over the counters that a reading returned. */
  sawGuard(guard: Guard): void {
    const known = this.#guard;
    if (known === undefined) {
      this.#guard = guard;
    } else if (known.incarnation !== guard.incarnation || known.epoch !== guard.epoch) {
      this.#forget();
      if (known.incarnation === guard.incarnation) this.lineage.clear();
      this.#guard = guard;
    } else if (guard.nextItem >= known.nextItem && guard.nextVersion >= known.nextVersion) {
      this.#guard = guard;
    }
  }

  #forget(): void {
    this.log.forget();
    this.announced.clear();
  }

  #isGone(): void {
    this.#guard = undefined;
    this.#forget();
  }

  #forgetAll(): void {
    this.#forget();
    this.lineage.clear();
  }

  /** Fetches the items that the trees need and this process does not hold, then reads. */
  async reader(trees: readonly Tree[], at: Era): Promise<Reader> {
    const { items } = await this.#loader.load(trees, at);
    return new Reader(this.log, items, trees);
  }

  /** All items that the trees need, those of pages included. */
  async neededItems(trees: readonly Tree[], at: Era): Promise<readonly Range[]> {
    return (await this.#loader.load(trees, at)).ranges;
  }

  // --- writing ---------------------------------------------------------------------------------

  /** Resolves once the call's records are durable. */
  write(operation: Operation): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, resolve, reject });
      if (this.#draining) return;
      this.#draining = true;
      this.#tail = this.#tail.then(endOfTurn).then(() => this.#drain());
    });
  }

  /** Runs something that no write of this process to the thread overlaps with. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task);
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#writeAll(takeBatch(this.#waiting));
    }
    this.#draining = false;
  }

  async #writeAll(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#writeBatch(batch);
    } catch (error) {
      if (batch.length === 1) batch[0]?.reject(error);
      // One call's fault must not reject the others that were sent along.
      else for (const waiting of batch) await this.#writeAll([waiting]);
    }
  }

  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
      const admitted = batch.filter((waiting) => this.#admit(waiting));
      if (admitted.length === 0) return;
      if (await this.#try(admitted.map((waiting) => waiting.operation))) {
        for (const { operation, resolve } of admitted) {
          operation.run?.wrote(this.#guard);
          resolve();
        }
        return;
      }
    }
    throw new StorageError("BUSY", "put", `others won ${MAX_TRIES} times in a row`);
  }

  /** Rejects a call that comes too late: the thread was deleted, rolled back or pruned. */
  #admit({ operation, reject }: Waiting): boolean {
    const refused = refusalOf(operation, this);
    if (refused !== undefined) {
      if (refused.code === "ROLLED_BACK") operation.run?.stop(refused.message);
      reject(refused);
    }
    return refused === undefined;
  }

  /** `false`: another process moved the counters, which are now known anew. */
  async #try(operations: readonly Operation[]): Promise<boolean> {
    const expected = this.#guard;
    const { generation } = this.log;
    const numbering = new BatchNumbering(this.log, expected?.nextItem ?? 1);
    const given = operations.map((operation) => operation.records(numbering));
    const status = this.#statusLine.after(given);
    const { nextVersion, ...records } = await recordsOf(
      this.#texts,
      given,
      numbering,
      expected?.nextVersion ?? 1,
      (ns, id) => this.lineage.isOf(checkpointKey(ns, id), expected?.incarnation),
    );
    const { checkpoints, items } = records;
    const now = this.#clock();
    const owner: Owner = Object.assign({}, ...operations.map((operation) => operation.owner));
    const touch = this.#touch.isDue(now, owner);
    const next: Guard = {
      nextItem: numbering.next,
      nextVersion,
      incarnation: expected?.incarnation ?? newIncarnation(),
      epoch: expected?.epoch ?? 0,
      rollbacks: (expected?.rollbacks ?? 0) + (operations[0]?.fences ? 1 : 0),
      token: randomUUID(),
      owner: touch ? mergeOwners(expected?.owner ?? {}, owner) : (expected?.owner ?? {}),
    };
    const done = await commit(this.#storage, {
      sessionId: this.id,
      owner,
      ...(status === undefined ? {} : { status }),
      expected,
      next,
      now,
      touch,
      ...(operations.some(({ exact }) => exact) ? { exact: true } : {}),
      ...records,
    });
    if (!done.written) {
      if (done.guard === undefined) this.#forget();
      else if (isBehind(done.guard, expected)) this.#forgetAll();
      else this.sawGuard(done.guard);
      this.#guard = done.guard;
      // What was written after all keeps its version when it is written again.
      const { incarnation } = this;
      if (done.isDoubtful && incarnation !== undefined) {
        const found = await storedAmong(this.#storage, this.id, checkpoints);
        for (const { ns, id } of found) this.lineage.saw(checkpointKey(ns, id), incarnation);
      }
      return false;
    }
    if (touch) this.#touch.done(now, owner);
    // Where a reading showed meanwhile that items were removed, these may be among them.
    if (this.log.generation !== generation) return true;
    this.#guard = next;
    this.#wrote(checkpoints, items, numbering, next.incarnation);
    return true;
  }

  #wrote(
    checkpoints: readonly CheckpointRecord[],
    items: readonly ItemRecord[],
    numbering: BatchNumbering,
    incarnation: number,
  ): void {
    for (const { ns, id } of checkpoints) {
      this.lineage.saw(checkpointKey(ns, id), incarnation);
      this.arrivals.came(checkpointKey(ns, id));
    }
    let i = 0;
    for (const [item, seq] of numbering.fresh) {
      this.log.remember(seq, item, (items[i] as ItemRecord).body.length);
      i += 1;
    }
  }

  /**
   * Removes the whole thread. Runs that began before cannot write to it any more.
   * @param unlessTouchedSince only where its last activity is older
   * @returns whether there was one
   */
  async delete(unlessTouchedSince?: number): Promise<boolean> {
    return this.exclusive(async () => {
      const deleted = await this.#storage.deleteSession(this.id, unlessTouchedSince);
      if (!deleted && unlessTouchedSince !== undefined) return false;
      this.deletions += 1;
      this.#isGone();
      return deleted;
    });
  }
}
