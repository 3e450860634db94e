#!/usr/bin/env node
import { run } from "./index.js";

const stop = new AbortController();
// The first signal lets the database be closed; another one does not wait for that.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    process.once(signal, () => process.exit(130));
    stop.abort();
  });
}
const { stdin, stdout, stderr, env } = process;
process.exitCode = await run(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  signal: stop.signal,
});
