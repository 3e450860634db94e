import { checkId, checkObject, describe, invalid } from "../storage/ids.js";
import { OWNER_FIELDS } from "../storage/owners.js";
import type { Owner } from "../storage/storage.js";

/** The sessions of an owner, who has a field at least; or, asked for by name, all of them. */
export interface OwnerQuery extends Owner {
  readonly all?: true;
}

/**
 * Whose sessions are meant; no field: everybody's. What is left out never widens a query by itself.
 * @param others fields that the target may have besides
 * @throws StorageError `INVALID_ARGUMENT` where no field is there, or one that is unknown or undefined;
 * and for `all` beside an owner
 */
export function ownerQueryOf(
  operation: string,
  target: unknown,
  others: readonly string[] = [],
): Owner {
  const { all, ...fields } = targetOf(operation, target);
  const isAll = Object.hasOwn(target as object, "all");
  if (isAll && all !== true) {
    throw invalid(operation, `all must be true, or absent, not ${describe(all)}`);
  }
  const owner = fieldsOf(operation, fields, others);
  const isNamed = Object.keys(owner).length > 0;
  if (isAll && isNamed) throw invalid(operation, "all stands beside no owner");
  if (!isAll && !isNamed) {
    throw invalid(
      operation,
      `needs one of ${OWNER_FIELDS.join(", ")}; for all sessions, { all: true }`,
    );
  }
  return owner;
}

/**
 * An owner with a field at least.
 * @throws StorageError `INVALID_ARGUMENT`
 */
export function ownerFieldsOf(operation: string, target: unknown): Owner {
  const owner = fieldsOf(operation, targetOf(operation, target), []);
  if (Object.keys(owner).length > 0) return owner;
  throw invalid(operation, `needs one of ${OWNER_FIELDS.join(", ")}`);
}

/**
 * An owner, who may have no field.
 * @throws StorageError `INVALID_ARGUMENT` for a field that is unknown or undefined
 */
export function optionalOwnerOf(operation: string, owner: unknown): Owner {
  return fieldsOf(operation, targetOf(operation, owner), []);
}

function targetOf(operation: string, target: unknown): Readonly<Record<string, unknown>> {
  checkObject(operation, "the owner", target);
  return target as Record<string, unknown>;
}

function fieldsOf(
  operation: string,
  given: Readonly<Record<string, unknown>>,
  others: readonly string[],
): Owner {
  const known: readonly string[] = [...OWNER_FIELDS, ...others];
  const stranger = Object.keys(given).find((name) => !known.includes(name));
  if (stranger !== undefined) {
    throw invalid(operation, `there is no field ${JSON.stringify(stranger)} of an owner`);
  }
  const named = OWNER_FIELDS.filter((name) => Object.hasOwn(given, name));
  return Object.fromEntries(named.map((name) => [name, checkId(operation, name, given[name])]));
}
