const MAX_CHECKPOINTS = 1000;
const MAX_ANNOUNCED = 50_000;

/** Which incarnation of a thread recent checkpoints belong to. */
export class Lineage {
  readonly #incarnations = new Map<string, number>();

  saw(key: string, incarnation: number): void {
    this.#incarnations.delete(key);
    this.#incarnations.set(key, incarnation);
    if (this.#incarnations.size <= MAX_CHECKPOINTS) return;
    const [oldest] = this.#incarnations.keys();
    this.#incarnations.delete(oldest as string);
  }

  isOf(key: string, incarnation: number | undefined): boolean {
    return incarnation !== undefined && this.#incarnations.get(key) === incarnation;
  }

  clear(): void {
    this.#incarnations.clear();
  }

  /** Whether the checkpoint is known to belong to another incarnation. */
  isOfAnother(key: string, incarnation: number | undefined): boolean {
    const known = this.#incarnations.get(key);
    return known !== undefined && known !== incarnation;
  }
}

/** Channel versions that a `put` announced: their values belong to the thread. */
export class Announced {
  readonly #versions = new Set<string>();

  add(ns: string, channel: string, version: unknown): void {
    // What is forgotten here is asked of the storage.
    if (this.#versions.size >= MAX_ANNOUNCED) this.#versions.clear();
    this.#versions.add(JSON.stringify([ns, channel, version]));
  }

  has(ns: string, channel: string, version: unknown): boolean {
    return this.#versions.has(JSON.stringify([ns, channel, version]));
  }

  clear(): void {
    this.#versions.clear();
  }
}
