import { checkId, checkObject, checkText, describe, invalid } from "../storage/ids.js";

/** @throws StorageError `INVALID_ARGUMENT` */
export function checkTime(operation: string, name: string, time: unknown): void {
  if (time === undefined) return;
  if (time instanceof Date && !Number.isNaN(time.getTime())) return;
  throw invalid(operation, `${name} must be a Date that says a time`);
}

/** @throws StorageError `INVALID_ARGUMENT` */
export function checkChoice(
  operation: string,
  name: string,
  given: unknown,
  choices: readonly string[],
): void {
  if (given === undefined || (typeof given === "string" && choices.includes(given))) return;
  throw invalid(operation, `${name} must be one of ${choices.join(", ")}`);
}

/** @throws StorageError `INVALID_ARGUMENT` */
export function checkWhole(operation: string, name: string, given: unknown): void {
  if (given === undefined) return;
  if (typeof given === "number" && Number.isSafeInteger(given) && given >= 0) return;
  const what = typeof given === "number" ? given : describe(given);
  throw invalid(operation, `${name} must be a whole number, 0 or more, not ${what}`);
}

/** The words that name or describe a checkpoint. */
export interface Words {
  readonly checkpointId?: unknown;
  readonly label?: unknown;
  readonly nodePath?: unknown;
  readonly properties?: unknown;
}

/** @throws StorageError `INVALID_ARGUMENT` */
export function checkWords(operation: string, words: Words): void {
  const { checkpointId, label, nodePath, properties } = words;
  if (checkpointId !== undefined) checkId(operation, "checkpointId", checkpointId);
  if (label !== undefined) checkText(operation, "label", label);
  if (nodePath !== undefined) checkText(operation, "nodePath", nodePath);
  if (properties !== undefined) checkObject(operation, "properties", properties);
}
