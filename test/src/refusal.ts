import assert from "node:assert/strict";
import { StorageError, type StorageErrorCode } from "@threadkeep/core";

/** The typed error that a call rejects with. */
export async function refusal(call: () => Promise<unknown>): Promise<StorageError> {
  try {
    await call();
  } catch (error) {
    assert.ok(error instanceof StorageError, `not a StorageError: ${String(error)}`);
    return error;
  }
  throw new assert.AssertionError({ message: "the call did not reject" });
}

export async function assertRefused(
  call: () => Promise<unknown>,
  code: StorageErrorCode,
  operation: string,
  pattern = /./,
): Promise<void> {
  const error = await refusal(call);
  assert.equal(error.code, code, error.message);
  assert.equal(error.operation, operation, error.message);
  assert.match(error.message, pattern);
}
