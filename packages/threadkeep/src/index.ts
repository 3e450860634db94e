import type { Terminal } from "./terminal.js";

export type { Screen, Terminal } from "./terminal.js";

/**
 * Runs the `threadkeep` program.
 * @param args what stands behind its name on the command line
 * @param terminal Default: the process's own streams and environment
 * @returns the exit code: 0, 1 for a failure, 2 for a wrong command line, 130 where it was stopped; it
 * never rejects, and what went wrong is written to `stderr`
 *
 * @example
 * ```ts
 * process.exitCode = await run(["sessions", "--url", "app.db", "--all"]);
 * ```
 */
export async function run(args: readonly string[], terminal: Terminal = process): Promise<number> {
  const { main } = await import("./main.js");
  return main(args, terminal);
}
