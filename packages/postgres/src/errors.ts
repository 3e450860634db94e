import {
  connectError,
  isBrokenSocket,
  StorageError,
  type StorageErrorCode,
  textOf,
} from "@threadkeep/core/backend";

/** By SQLSTATE, or by its first two characters, its class. */
const STATES: Readonly<Record<string, StorageErrorCode>> = {
  "08": "CONNECTION_LOST",
  "28": "ACCESS_DENIED",
  "40": "CONFLICT",
  "53": "BUSY",
  "57": "CONNECTION_LOST",
  "25006": "READ_ONLY",
  "40003": "CONNECTION_LOST",
  "42501": "ACCESS_DENIED",
  "53100": "FULL",
  "54000": "TOO_LARGE",
  "55P03": "BUSY",
  "57014": "TIMEOUT",
  "57P03": "CONNECTION",
  XX001: "CORRUPT",
  XX002: "CORRUPT",
};

/** What `pg` says without a code. */
const BROKEN_WORDS =
  /^(Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed)/;

/** A named statement that is another connection's. */
const MIXED_UP: readonly unknown[] = ["42P05", "26000"];

/** What `pg` threw, as ours. */
export function toStorageError(operation: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const state = stateOf(error);
  const text = textOf(error);
  const hint = MIXED_UP.includes(state)
    ? "; behind a pooler in transaction mode, set namedStatements: false"
    : "";
  return new StorageError(codeOf(state, text), operation, `${text}${hint}`, { cause: error });
}

/** What was thrown before a connection stood, as ours; it names the place and no password. */
export function toConnectError(place: string, error: unknown): StorageError {
  const ours = toStorageError("connect", error);
  return connectError(`PostgreSQL at ${place}`, ours, stateOf(error) === "3D000");
}

function stateOf(error: unknown): unknown {
  return ((error ?? {}) as { code?: unknown }).code;
}

function codeOf(code: unknown, text: string): StorageErrorCode {
  if (isBrokenSocket(code) || BROKEN_WORDS.test(text)) return "CONNECTION_LOST";
  if (/Cannot use a pool after calling end/.test(text)) return "CLOSED";
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return "DATABASE";
  return STATES[code] ?? STATES[code.slice(0, 2)] ?? "DATABASE";
}
