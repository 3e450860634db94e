/** Longer runs, for releases. */
export const LONG = process.env.THREADKEEP_LONG === "1";

/** Parameters of a property test. A failure prints its seed; `THREADKEEP_SEED` replays it. */
export function runs(numRuns: number) {
  const seed = process.env.THREADKEEP_SEED;
  return {
    numRuns: LONG ? numRuns * 10 : numRuns,
    // A failure is reported, however long it would take to find its smallest form.
    interruptAfterTimeLimit: LONG ? 1_000_000 : 60_000,
    markInterruptAsFailure: true,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  };
}
