import { StorageError } from "../errors.js";

const FRACTIONS = 1_000_000;

/**
 * The version after `current`: the next whole number and a random fraction, so that two branches
 * of a thread never announce different values under one version. It grows, whatever it follows:
 * nothing, LangGraph's own integers, or the strings of Python's savers.
 */
export function nextVersion<V extends number | string>(current: V | undefined): V {
  const fraction = String(Math.floor(Math.random() * FRACTIONS)).padStart(6, "0");
  if (current === undefined) return Number(`1.${fraction}`) as V;
  if (typeof current === "number") return Number(`${Math.floor(current) + 1}.${fraction}`) as V;
  const whole = Number.parseInt(current.split(".")[0] as string, 10);
  if (!Number.isSafeInteger(whole)) {
    throw new StorageError(
      "INVALID_ARGUMENT",
      "getNextVersion",
      `a version must begin with a whole number: ${JSON.stringify(current)}`,
    );
  }
  return `${String(whole + 1).padStart(32, "0")}.0.${fraction}` as V;
}
