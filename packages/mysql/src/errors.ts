import {
  connectError,
  isBrokenSocket,
  StorageError,
  type StorageErrorCode,
  textOf,
} from "@threadkeep/core/backend";

/** By number: MySQL's and MariaDB's names for the same number differ. */
const NUMBERS: Readonly<Record<number, StorageErrorCode>> = {
  1020: "CONFLICT", // changed since it was read
  1021: "FULL",
  1040: "CONNECTION", // too many connections
  1044: "ACCESS_DENIED",
  1045: "ACCESS_DENIED",
  1053: "CONNECTION_LOST", // shutting down
  1114: "FULL",
  1142: "ACCESS_DENIED",
  1143: "ACCESS_DENIED",
  1153: "TOO_LARGE",
  1203: "CONNECTION",
  1205: "BUSY", // waited too long for a lock
  1213: "CONFLICT", // deadlock
  1226: "CONNECTION",
  1227: "ACCESS_DENIED",
  1290: "READ_ONLY",
  1317: "TIMEOUT", // interrupted
  1370: "ACCESS_DENIED",
  1698: "ACCESS_DENIED",
  1792: "READ_ONLY",
  1836: "READ_ONLY",
  1927: "CONNECTION_LOST", // killed
  1969: "TIMEOUT", // MariaDB's max_statement_time
  3024: "TIMEOUT", // MySQL's max_execution_time
  3572: "BUSY",
};

const BROKEN: readonly unknown[] = ["PROTOCOL_CONNECTION_LOST", "PROTOCOL_SEQUENCE_TIMEOUT"];
/** What `mysql2` says without a code. */
const BROKEN_WORDS = /connection is in closed state|Connection lost|socket has been ended/i;

interface MysqlError {
  readonly code?: unknown;
  readonly errno?: unknown;
}

/** What `mysql2` threw, as ours. */
export function toStorageError(operation: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const text = textOf(error);
  return new StorageError(codeOf(error, text), operation, text, { cause: error });
}

/** What was thrown before a connection stood, as ours; it names the place and no password. */
export function toConnectError(place: string, error: unknown): StorageError {
  const { errno } = (error ?? {}) as MysqlError;
  return connectError(`MySQL at ${place}`, toStorageError("connect", error), errno === 1049);
}

function codeOf(error: unknown, text: string): StorageErrorCode {
  const { code, errno } = (error ?? {}) as MysqlError;
  const isBroken = BROKEN.includes(code) || isBrokenSocket(code) || BROKEN_WORDS.test(text);
  if (isBroken) return "CONNECTION_LOST";
  if (/Pool is closed/.test(text)) return "CLOSED";
  return (typeof errno === "number" ? NUMBERS[errno] : undefined) ?? "DATABASE";
}
