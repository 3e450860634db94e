import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Driver, SqlStorage, type Step } from "@threadkeep/core/backend";
import type { Opened } from "../faults/served.js";

/**
 * Sets up, as often as it is told to. Argument: module. Orders: `{ url, killAfter? }`; with
 * `killAfter` the process kills itself after that statement of the migration.
 */
const [module] = process.argv.slice(2) as [string];
const { default: connect, halves } = (await import(module)) as Opened;

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/** A driver under which the process dies after the n-th statement of a migration. */
function mortal(driver: Driver, n: number): Driver {
  return {
    query: (...given) => driver.query(...given),
    batch: (statements) => driver.batch(statements),
    exclusive: (steps) => driver.exclusive(() => dying(steps(), n)),
    close: () => driver.close(),
  };
}

function* dying<T>(
  steps: Generator<Step, T, readonly (readonly unknown[])[]>,
  n: number,
): Generator<Step, T, readonly (readonly unknown[])[]> {
  let done = 0;
  let step = steps.next();
  while (!step.done) {
    const rows: readonly (readonly unknown[])[] = yield step.value;
    if (!step.value.reads) done += 1;
    if (done === n) process.kill(process.pid, "SIGKILL");
    step = steps.next(rows);
  }
  say({ statements: done });
  return step.value;
}

function storageOf(url: string, killAfter: number | undefined) {
  if (killAfter === undefined) return connect(url);
  const { driver, dialect } = halves(url);
  return new SqlStorage(mortal(driver, killAfter), dialect);
}

const now = () => performance.timeOrigin + performance.now();

say({ ready: process.pid });
for await (const line of createInterface({ input: process.stdin })) {
  const { url, killAfter } = JSON.parse(line) as { url: string; killAfter?: number };
  const storage = storageOf(url, killAfter);
  const from = now();
  const error = await storage.setup().then(
    () => undefined,
    (reason: unknown) => String(reason),
  );
  say({ url, from, to: now(), ...(error === undefined ? {} : { error }) });
  await storage.close();
}
