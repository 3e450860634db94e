import { StorageError, type StorageErrorCode } from "@threadkeep/core/backend";

/** By primary result code, as SQLite names or numbers it. */
const CODES: Readonly<Record<string, StorageErrorCode>> = {
  SQLITE_BUSY: "BUSY",
  SQLITE_LOCKED: "BUSY",
  SQLITE_FULL: "FULL",
  SQLITE_TOOBIG: "TOO_LARGE",
  SQLITE_READONLY: "READ_ONLY",
  SQLITE_PERM: "CONNECTION",
  SQLITE_CANTOPEN: "CONNECTION",
  SQLITE_IOERR: "CONNECTION",
  SQLITE_NOTADB: "CONNECTION",
  SQLITE_CORRUPT: "CORRUPT",
};

const NUMBERS: Readonly<Record<number, string>> = {
  3: "SQLITE_PERM",
  5: "SQLITE_BUSY",
  6: "SQLITE_LOCKED",
  8: "SQLITE_READONLY",
  10: "SQLITE_IOERR",
  11: "SQLITE_CORRUPT",
  13: "SQLITE_FULL",
  14: "SQLITE_CANTOPEN",
  18: "SQLITE_TOOBIG",
  26: "SQLITE_NOTADB",
};

/** What a driver (`better-sqlite3`, `libsql`, `node:sqlite`) threw, as ours. */
export function toStorageError(operation: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const { code, errcode, rawCode, message } = (error ?? {}) as {
    code?: unknown;
    errcode?: unknown;
    rawCode?: unknown;
    message?: unknown;
  };
  const text = typeof message === "string" ? message : String(error);
  if (/database (connection )?is not open/i.test(text)) {
    return new StorageError("CLOSED", operation, "the database was closed", { cause: error });
  }
  const known = codeOf(code, errcode ?? rawCode);
  return new StorageError(known ?? "DATABASE", operation, text, { cause: error });
}

function codeOf(code: unknown, number: unknown): StorageErrorCode | undefined {
  const name =
    typeof number === "number"
      ? NUMBERS[number & 0xff]
      : typeof code === "string"
        ? Object.keys(CODES).find((known) => code === known || code.startsWith(`${known}_`))
        : undefined;
  return name === undefined ? undefined : CODES[name];
}
