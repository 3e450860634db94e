import { backOff } from "exponential-backoff";
import { StorageError, type StorageErrorCode } from "../errors.js";

/** The engine undid everything and asks to try again. */
const AGAIN: readonly StorageErrorCode[] = ["CONFLICT"];
/** What only read may also be asked of the next connection. */
export const READ_AGAIN: readonly StorageErrorCode[] = [...AGAIN, "CONNECTION_LOST"];

/** Connections that broke without a word answer after their time-out only: not one after the other. */
const BUDGET_MS = 5000;

/** Runs something that failed for a passing reason again, a little later each time. */
export async function retrying<T>(
  run: () => Promise<T>,
  codes: readonly StorageErrorCode[] = AGAIN,
): Promise<T> {
  const began = Date.now();
  const passes = (error: unknown) =>
    error instanceof StorageError && codes.includes(error.code) && Date.now() - began < BUDGET_MS;
  try {
    return await run();
  } catch (error) {
    if (!passes(error)) throw error;
  }
  return backOff(run, {
    numOfAttempts: 10,
    startingDelay: 5,
    maxDelay: 200,
    jitter: "full",
    delayFirstAttempt: true,
    retry: passes,
  });
}
