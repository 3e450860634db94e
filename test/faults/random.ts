import { randomInt } from "node:crypto";

/** Numbers that a failure's seed brings back. */
export class Random {
  readonly seed: number;
  #state: number;

  constructor(seed = Number(process.env.THREADKEEP_SEED ?? randomInt(2 ** 31))) {
    this.seed = seed;
    this.#state = seed >>> 0;
  }

  /** From 0 up to, but not, `n`. */
  below(n: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) % n;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const all = [...list];
    for (let i = all.length - 1; i > 0; i -= 1) {
      const j = this.below(i + 1);
      [all[i], all[j]] = [all[j] as T, all[i] as T];
    }
    return all;
  }
}

/** Names the seed in whatever the check throws. */
export async function seeded<T>(check: (random: Random) => Promise<T>): Promise<T> {
  const random = new Random();
  try {
    return await check(random);
  } catch (error) {
    throw new Error(`${String(error)} (THREADKEEP_SEED=${random.seed})`, { cause: error });
  }
}
