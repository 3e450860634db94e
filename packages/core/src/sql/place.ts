import { StorageError } from "../errors.js";
import type { Dialect } from "./dialect.js";

/** @throws StorageError `INVALID_ARGUMENT` for a schema that is no plain identifier */
export function checkSchema(schema: unknown): string {
  return checkIdentifier("schema", schema);
}

/** @throws StorageError `INVALID_ARGUMENT` for a prefix that no plain identifier can begin with */
export function checkPrefix(prefix: unknown): string {
  return prefix === "" ? prefix : checkIdentifier("tablePrefix", prefix);
}

function checkIdentifier(option: Dialect["placeOption"], name: unknown): string {
  if (typeof name === "string" && /^[a-z_][a-z0-9_]{0,39}$/.test(name)) return name;
  throw new StorageError(
    "INVALID_ARGUMENT",
    option,
    `${option} must be at most 40 of a-z, 0-9 and _, and not begin with a digit`,
  );
}
