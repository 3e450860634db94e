import { backOff } from "exponential-backoff";
import { StorageError, type StorageErrorCode } from "../errors.js";

/** The engine undid everything and asks to try again. */
const AGAIN: readonly StorageErrorCode[] = ["CONFLICT"];
/** What only read may also be asked of the next connection. */
export const READ_AGAIN: readonly StorageErrorCode[] = [...AGAIN, "CONNECTION_LOST"];

/** Runs something that failed for a passing reason again, a little later each time. */
export async function retrying<T>(
  run: () => Promise<T>,
  codes: readonly StorageErrorCode[] = AGAIN,
): Promise<T> {
  const passes = (error: unknown) => error instanceof StorageError && codes.includes(error.code);
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
