import { randomInt } from "node:crypto";
import { StorageError } from "../errors.js";
import type { Guard, Owner } from "./storage.js";

const MAX_ID_BYTES = 255;

export function invalid(operation: string, message: string): StorageError {
  return new StorageError("INVALID_ARGUMENT", operation, message);
}

/** What a value is, without showing what is in it. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}

export function checkObject(operation: string, name: string, value: unknown): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw invalid(operation, `${name} must be an object, not ${describe(value)}`);
}

/** A string that every engine returns exactly as it got it. */
export function checkText(operation: string, name: string, value: unknown): string {
  if (typeof value !== "string") {
    throw invalid(operation, `${name} must be a string, not ${describe(value)}`);
  }
  if (value.includes("\0")) throw invalid(operation, `${name} must not contain NUL`);
  if (!value.isWellFormed()) throw invalid(operation, `${name} must not contain lone surrogates`);
  return value;
}

/**
 * An id that is distinct and exact on every engine: a non-empty, well-formed string of at most
 * 255 UTF-8 bytes without NUL.
 * @throws StorageError `INVALID_ARGUMENT`
 */
export function checkId(operation: string, name: string, value: unknown): string {
  const id = checkText(operation, name, value);
  if (id === "") throw invalid(operation, `${name} must not be empty`);
  if (id.length > MAX_ID_BYTES || Buffer.byteLength(id) > MAX_ID_BYTES) {
    throw invalid(operation, `${name} must be at most ${MAX_ID_BYTES} UTF-8 bytes long`);
  }
  return id;
}

/** The counters of a session that has nothing yet. */
export function firstGuard(incarnation: number, owner: Owner = {}): Guard {
  return { nextItem: 1, nextVersion: 1, incarnation, epoch: 0, rollbacks: 0, token: "", owner };
}

/** A number that no other incarnation of any session has. */
export function newIncarnation(): number {
  return randomInt(1, 2 ** 47);
}
