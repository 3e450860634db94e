import { StorageError } from "../errors.js";

const BROKEN: readonly unknown[] = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "ECONNABORTED"];

/**
 * @param form what a URL looks like
 * @throws StorageError `INVALID_ARGUMENT`, without the URL: it may hold a password
 */
export function parseUrl(url: string, protocol: RegExp, form: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !protocol.test(parsed.protocol)) {
    throw new StorageError("INVALID_ARGUMENT", "connect", `the URL must be like ${form}`);
  }
  const { username, password, pathname } = parsed;
  if (![username, password, pathname].every(isDecodable)) {
    throw new StorageError("INVALID_ARGUMENT", "connect", "the URL has a % that encodes nothing");
  }
  return parsed;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Where a URL leads, for error messages: without its password. */
export function placeOf(url: URL, usualPort: number, host = url.hostname): string {
  const database = JSON.stringify(url.pathname.slice(1));
  const user = JSON.stringify(url.username);
  return `${host}:${url.port || usualPort}, database ${database}, user ${user}`;
}

/** Whether Node's code says that a connection broke that was there. */
export function isBrokenSocket(code: unknown): boolean {
  return BROKEN.includes(code);
}

/** What an error says. One for several addresses has no message, only a code. */
export function textOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return typeof message === "string" && message !== "" ? message : String(code ?? error);
}

/**
 * What was thrown before a connection stood.
 * @param server names it, without a password
 * @param isMissing whether the database is not there, and so will not be the next time
 */
export function connectError(
  server: string,
  { code, detail, cause }: StorageError,
  isMissing: boolean,
): StorageError {
  if (code === "CLOSED") return new StorageError(code, "connect", detail, { cause });
  const isDenied = code === "ACCESS_DENIED";
  const message = `cannot connect to ${server}: ${detail}`;
  return new StorageError(isDenied ? code : "CONNECTION", "connect", message, {
    cause,
    retryable: !isDenied && !isMissing,
  });
}
