import { join } from "node:path";
import { openDatabase, type Synchronous } from "./database.js";
import { collectAll, type Effort, interleave, median, type Samples, type Task } from "./measure.js";
import { RawTable } from "./raw.js";
import { SaverThread } from "./saver-thread.js";
import { openSaver, type SaverName } from "./savers.js";
import { jsonBytes, type StateKind, type States, statesOf } from "./states.js";
import type { CacheState } from "./turns.js";

export type Operation = "put" | "putWrites" | "getTuple" | `list(${number})`;

/** A saver, or the bare insert of what a step changed, or of its whole state. */
export type Subject = SaverName | "raw-change" | "raw-state";

export interface CallFigure {
  readonly kind: StateKind;
  readonly size: number;
  readonly subject: Subject;
  readonly caches: CacheState;
  readonly operation: Operation;
  readonly synchronous: Synchronous;
  readonly milliseconds: number;
  readonly samples: number;
}

/** What a thread of such states takes on disk. */
export interface StoredFigure {
  readonly kind: StateKind;
  readonly size: number;
  readonly saver: SaverName;
  readonly steps: number;
  readonly bytes: number;
  /** JSON of the first state and of what each further step wrote. */
  readonly newBytes: number;
}

export interface CallPlan {
  readonly kind: StateKind;
  readonly size: number;
  readonly synchronous: Synchronous;
  /** Supersteps of the thread that is listed. */
  readonly steps: number;
  /** Supersteps of threadkeep's own thread, where the others would take too long. */
  readonly ownSteps?: number;
  readonly lists: readonly number[];
  readonly write: Effort;
  readonly read: Effort;
}

export interface Calls {
  readonly times: readonly CallFigure[];
  readonly stored: readonly StoredFigure[];
}

const savers = [
  "langgraph-memory",
  "langgraph-sqlite",
  "threadkeep-memory",
  "threadkeep-sqlite",
] as const satisfies readonly SaverName[];

type Threads = ReadonlyMap<SaverName, SaverThread>;

/** Calls every saver by itself, without a graph, on one kind and size of state. */
export async function timeCalls(plan: CallPlan, folder: string): Promise<Calls> {
  const { kind, size, synchronous } = plan;
  const file = (name: string) => join(folder, `${kind}-${size}-${name}.db`);
  const rawTable = (name: string) => new RawTable(openDatabase(file(name), synchronous));
  const states = statesOf(kind, size);
  const threads = new Map<SaverName, SaverThread>();
  for (const name of savers) {
    threads.set(name, new SaverThread(await openSaver(name, file(name), synchronous), states));
  }
  const raw = {
    change: rawTable("change"),
    state: rawTable("state"),
  };
  collectAll();

  const times: CallFigure[] = [];
  const note = (operation: Operation, samples: Samples) =>
    times.push(...figures(plan, operation, samples));

  for (const thread of threads.values()) await thread.superstep();
  note("put", await interleave([...puts(threads), ...inserts(raw, states)], plan.write));
  note("putWrites", await interleave(putWrites(threads), plan.write));
  await fill(threads.values(), plan.steps);
  const stored = await storedSizes(plan, threads, states);
  note("getTuple", await interleave(reads(threads, "getTuple"), { ...plan.read, warmup: 1 }));
  for (const limit of plan.lists) {
    const able = await listable(threads, limit, plan);
    note(`list(${limit})`, await interleave(reads(able, limit), plan.read));
  }
  for (const thread of threads.values()) await thread.opened.close();
  raw.change.close();
  raw.state.close();
  return { times, stored };
}

const puts = (threads: Threads): Task[] =>
  [...threads].map(([name, thread]) => ({
    name,
    prepare: () => thread.advance(),
    run: () => thread.put(),
  }));

const putWrites = (threads: Threads): Task[] =>
  [...threads].map(([name, thread]) => ({
    name,
    prepare: async () => {
      thread.advance();
      await thread.put();
    },
    run: () => thread.putWrites(),
  }));

/** The same bytes as one text, ready-made: making it is not timed. */
function inserts(raw: { change: RawTable; state: RawTable }, states: States): Task[] {
  let step = 0;
  let change = "";
  let state = "";
  return [
    {
      name: "raw-change",
      prepare: () => {
        change = JSON.stringify(states(++step).changed[1]);
      },
      run: () => raw.change.insert(change),
    },
    {
      name: "raw-state",
      prepare: () => {
        state = JSON.stringify(states(++step).values);
      },
      run: () => raw.state.insert(state),
    },
  ];
}

/** Reads of every saver, and of threadkeep's once more with its caches dropped. */
function reads(threads: Threads, what: "getTuple" | number): Task[] {
  const read = (thread: SaverThread) => () =>
    what === "getTuple" ? thread.getTuple() : thread.list(what);
  const tasks: Task[] = [...threads].map(([name, thread]) => ({ name, run: read(thread) }));
  const own = threads.get("threadkeep-sqlite")!;
  tasks.push({
    name: "threadkeep-sqlite cold",
    prepare: () => own.opened.dropCaches(),
    run: read(own),
  });
  return tasks;
}

async function fill(threads: Iterable<SaverThread>, steps: number): Promise<void> {
  for (const thread of threads) {
    while (thread.steps < steps) await thread.superstep();
  }
}

/** The threads that have so many checkpoints; threadkeep's own get them if the plan says so. */
async function listable(threads: Threads, limit: number, plan: CallPlan): Promise<Threads> {
  if (limit <= plan.steps) return threads;
  const own = [...threads].filter(([name]) => name.startsWith("threadkeep"));
  await fill(new Map(own).values(), plan.ownSteps ?? plan.steps);
  return new Map(own);
}

async function storedSizes(
  { kind, size }: CallPlan,
  threads: Threads,
  states: States,
): Promise<StoredFigure[]> {
  const stored: StoredFigure[] = [];
  for (const saver of savers.filter((name) => name.endsWith("sqlite"))) {
    const { opened, steps } = threads.get(saver)!;
    let newBytes = jsonBytes(states(0).values);
    for (let step = 1; step < steps; step++) newBytes += jsonBytes(states(step).changed[1]);
    stored.push({ kind, size, saver, steps, bytes: await opened.bytes(), newBytes });
  }
  return stored;
}

function figures(
  { kind, size, synchronous }: CallPlan,
  operation: Operation,
  samples: Samples,
): CallFigure[] {
  return [...samples].map(([name, times]) => {
    const [subject, caches = "warm"] = name.split(" ") as [Subject, CacheState?];
    return {
      kind,
      size,
      subject,
      caches,
      operation,
      synchronous,
      milliseconds: median(times),
      samples: times.length,
    };
  });
}
