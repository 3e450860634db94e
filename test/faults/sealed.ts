import { createHash } from "node:crypto";

/** Values, and the proof that a reader has all of them. */
export function seal(values: Record<string, unknown>): Record<string, unknown> & { proof: string } {
  return { ...values, proof: proofOf(values) };
}

export function proofOf({ proof: _, ...values }: Record<string, unknown>): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex");
}

/** Whether values are exactly those that somebody sealed. */
export function isWhole(values: Record<string, unknown> | undefined): boolean {
  return values !== undefined && values.proof === proofOf(values);
}
