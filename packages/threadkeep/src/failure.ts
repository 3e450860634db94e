import { StorageError } from "@threadkeep/core";
import { CommanderError } from "commander";

/** What the program ends with. */
export const Exit = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** The command line does not say what to do, or must not be done like this. Nothing was done. */
export class UsageError extends Error {}

/** Somebody was asked, and said no. */
export class Declined extends Error {}

/** The program is to stop, without a word. */
export class Stopped extends Error {
  constructor(readonly exitCode: number) {
    super();
  }
}

/** The exit code of an error. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Stopped) return error.exitCode;
  if (error instanceof UsageError) return Exit.usage;
  if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
  const isBadInput = error instanceof StorageError && error.code === "INVALID_ARGUMENT";
  return isBadInput ? Exit.usage : Exit.failed;
}

/** What is said of an error, without a stack; `""` where it has been said. */
export function wordsOf(error: unknown): string {
  // The parser of the command line has said it.
  if (error instanceof Stopped || error instanceof CommanderError) return "";
  if (error instanceof StorageError) return `${error.code}: ${error.message}`;
  return error instanceof Error ? error.message : String(error);
}

/** A text in which URLs have no user, no password and no parameters that hold them. */
export function withoutCredentials(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s"'`]*@/gi, "$1")
    .replace(/([?&](?:user|pass|password|pwd|sslpassword)=)[^&\s"'`]*/gi, "$1***");
}
