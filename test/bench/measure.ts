import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** One thing that is timed. What `prepare` does is not. */
export interface Task {
  readonly name: string;
  readonly prepare?: () => void | Promise<void>;
  readonly run: () => unknown;
}

export interface Effort {
  readonly warmup: number;
  readonly rounds: number;
  /** A task that has used up this many milliseconds, and was timed once, takes no further part. */
  readonly budget?: number;
  /** Whether to collect the young objects before each sample. By default, yes. */
  readonly collect?: boolean;
}

/** Milliseconds of every run, by the name of the task. */
export type Samples = ReadonlyMap<string, readonly number[]>;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as (options?: { type: "minor" }) => void;

export const collectAll = () => gc();

/**
 * Times the tasks in turn, round by round, so that whatever slows the machine down slows all of
 * them down. Every round begins with another task, and every sample with a collection of the
 * young objects: nobody waits for a neighbour's garbage. Where samples are so short that the cold
 * processor caches after a collection would show, and leave no garbage to speak of, there is none.
 */
export async function interleave(tasks: readonly Task[], effort: Effort): Promise<Samples> {
  const samples = new Map(tasks.map(({ name }) => [name, [] as number[]]));
  const spent = new Map<string, number>();

  for (let round = -effort.warmup; round < effort.rounds; round++) {
    for (const task of rotated(tasks, round + effort.warmup)) {
      if ((spent.get(task.name) ?? 0) > (effort.budget ?? Number.POSITIVE_INFINITY)) continue;
      const time = await timed(task, effort.collect ?? true);
      if (round < 0) continue;
      samples.get(task.name)!.push(time);
      spent.set(task.name, (spent.get(task.name) ?? 0) + time);
    }
  }
  return samples;
}

async function timed({ prepare, run }: Task, collect: boolean): Promise<number> {
  await prepare?.();
  if (collect) gc({ type: "minor" });
  const start = performance.now();
  await run();
  return performance.now() - start;
}

const rotated = <T>(list: readonly T[], by: number): T[] => {
  const first = by % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
};

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value that so large a share of the values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
}
