import {
  collectAll,
  type Effort,
  interleave,
  median,
  type Samples,
  type Task,
} from "../measure.js";
import { SaverThread } from "../saver-thread.js";
import { type StateKind, type States, statesOf } from "../states.js";
import type { CacheState } from "../turns.js";
import type { Urls } from "./hosts.js";
import { type RawServerTable, rawMysql, rawPostgres } from "./raw.js";
import { openServerSaver, type ServerSaver, serverSavers } from "./savers.js";

export type ServerSubject = ServerSaver | "raw-postgres" | "raw-mysql";

/** Calls of `put` per second, where so many threads are written at once. */
export interface RateFigure {
  readonly subject: ServerSubject;
  readonly size: number;
  readonly concurrency: number;
  readonly perSecond: number;
  readonly samples: number;
}

export interface RatePlan {
  readonly size: number;
  readonly concurrency: readonly number[];
  /** In one sample, over all threads. */
  readonly calls: number;
  readonly effort: Effort;
}

interface Writer {
  readonly subject: ServerSubject;
  /** Makes what so many calls of each worker are to write; this is not timed. */
  readonly prepare: (workers: number, each: number) => void;
  /** Writes a checkpoint of the worker's thread, or a row. */
  readonly put: (worker: number) => Promise<unknown>;
  readonly close: () => Promise<void>;
}

/** `put` of small states, beside an insert of the same bytes. */
export async function timeRates(plan: RatePlan, urls: Urls): Promise<RateFigure[]> {
  const states = remembered(statesOf("messages", plan.size));
  const workers = Math.max(...plan.concurrency);
  const writers = [
    rawWriter("raw-postgres", await rawPostgres(urls), states),
    rawWriter("raw-mysql", await rawMysql(urls), states),
    ...(await Promise.all(serverSavers.map((name) => saverWriter(name, urls, states, workers)))),
  ];
  const figures: RateFigure[] = [];
  for (const concurrency of plan.concurrency) {
    const each = Math.ceil(plan.calls / concurrency);
    const tasks = writers.map(({ subject, prepare, put }) => ({
      name: subject,
      prepare: () => prepare(concurrency, each),
      run: () => atOnce(concurrency, each, put),
    }));
    collectAll();
    const samples = await interleave(tasks, plan.effort);
    for (const { subject } of writers) {
      const times = samples.get(subject)!;
      const perSecond = (1000 * concurrency * each) / median(times);
      figures.push({ subject, size: plan.size, concurrency, perSecond, samples: times.length });
    }
  }
  for (const { close } of writers) await close();
  return figures;
}

async function atOnce(workers: number, each: number, put: Writer["put"]): Promise<void> {
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      for (let call = 0; call < each; call++) await put(worker);
    }),
  );
}

/** States come round again, so that they need not be made again. */
function remembered(states: States): States {
  const made = Array.from({ length: 64 }, (_, step) => states(step));
  return (step) => made[step % made.length]!;
}

function rawWriter(subject: ServerSubject, table: RawServerTable, states: States): Writer {
  const bodies = Array.from({ length: 64 }, (_, step) => JSON.stringify(states(step).values));
  let step = 0;
  return {
    subject,
    prepare: () => {},
    put: () => table.insert(bodies[step++ % bodies.length]!),
    close: () => table.close(),
  };
}

async function saverWriter(
  subject: ServerSaver,
  urls: Urls,
  states: States,
  workers: number,
): Promise<Writer> {
  const opened = await openServerSaver(subject, urls);
  const threads = Array.from(
    { length: workers },
    (_, worker) => new SaverThread(opened, states, `thread ${worker}`),
  );
  return {
    subject,
    prepare: (count, each) => {
      for (const thread of threads.slice(0, count)) thread.prepare(each);
    },
    put: (worker) => {
      const thread = threads[worker]!;
      thread.advance();
      return thread.put();
    },
    close: () => opened.close(),
  };
}

export type ReadOperation = "getTuple" | `list(${number})`;

export interface ReadFigure {
  readonly kind: StateKind;
  readonly size: number;
  readonly saver: ServerSaver;
  readonly caches: CacheState;
  readonly operation: ReadOperation;
  readonly milliseconds: number;
  readonly samples: number;
}

export interface ReadPlan {
  readonly kind: StateKind;
  readonly size: number;
  /** How many checkpoints the thread has; all of them are listed. */
  readonly steps: number;
  readonly effort: Effort;
}

/** Reads of a thread whose states change a little at every superstep. */
export async function timeReads(plan: ReadPlan, urls: Urls): Promise<ReadFigure[]> {
  const states = statesOf(plan.kind, plan.size);
  const threads = await Promise.all(
    serverSavers.map(async (saver) => {
      const thread = new SaverThread(await openServerSaver(saver, urls), states);
      while (thread.steps < plan.steps) await thread.superstep();
      return { saver, thread };
    }),
  );
  collectAll();
  const figures: ReadFigure[] = [];
  for (const operation of ["getTuple", `list(${plan.steps})`] as const) {
    const tasks = threads.flatMap(({ saver, thread }): Task[] => {
      const run = () => (operation === "getTuple" ? thread.getTuple() : thread.list(plan.steps));
      const warm = { name: `${saver} warm`, run };
      if (!saver.startsWith("threadkeep")) return [warm];
      const cold = { name: `${saver} cold`, prepare: () => thread.opened.dropCaches(), run };
      return [warm, cold];
    });
    figures.push(...readFigures(plan, operation, await interleave(tasks, plan.effort)));
  }
  for (const { thread } of threads) await thread.opened.close();
  return figures;
}

const readFigures = (
  { kind, size }: ReadPlan,
  operation: ReadOperation,
  samples: Samples,
): ReadFigure[] =>
  [...samples].map(([name, times]) => {
    const [saver, caches] = name.split(" ") as [ServerSaver, CacheState];
    const milliseconds = median(times);
    return { kind, size, saver, caches, operation, milliseconds, samples: times.length };
  });
