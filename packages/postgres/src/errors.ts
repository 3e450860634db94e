import { StorageError, type StorageErrorCode } from "@threadkeep/core/backend";

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

/** Codes of Node's sockets, where a connection that was there broke. */
const BROKEN: readonly unknown[] = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "ECONNABORTED"];
/** What `pg` says without a code. */
const BROKEN_WORDS =
  /^(Connection terminated|Query read timeout|Client has encountered a connection error|Client was closed)/;

/** A named statement that is another connection's. */
const MIXED_UP: readonly unknown[] = ["42P05", "26000"];

interface PgError {
  readonly code?: unknown;
  readonly message?: unknown;
}

/** What `pg` threw, as ours. */
export function toStorageError(operation: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const { code, message } = (error ?? {}) as PgError;
  const text = typeof message === "string" && message !== "" ? message : String(error);
  const hint = MIXED_UP.includes(code)
    ? "; behind a pooler in transaction mode, set namedStatements: false"
    : "";
  return new StorageError(codeOf(code, text), operation, `${text}${hint}`, { cause: error });
}

function codeOf(code: unknown, text: string): StorageErrorCode {
  if (BROKEN.includes(code) || BROKEN_WORDS.test(text)) return "CONNECTION_LOST";
  if (/Cannot use a pool after calling end/.test(text)) return "CLOSED";
  if (typeof code !== "string" || !/^[0-9A-Z]{5}$/.test(code)) return "DATABASE";
  return STATES[code] ?? STATES[code.slice(0, 2)] ?? "DATABASE";
}

/** What was thrown before a connection stood, as ours; it names the place and no password. */
export function toConnectError(place: string, error: unknown): StorageError {
  const { code, message } = (error ?? {}) as PgError;
  const text = typeof message === "string" && message !== "" ? message : String(code ?? error);
  const known = codeOf(code, text);
  if (known === "CLOSED") return toStorageError("connect", error);
  const isMissing = code === "3D000";
  return new StorageError(
    known === "ACCESS_DENIED" ? known : "CONNECTION",
    "connect",
    `cannot connect to PostgreSQL at ${place}: ${text}`,
    { cause: error, retryable: known !== "ACCESS_DENIED" && !isMissing },
  );
}
