import type { Owner } from "./records.js";

/** In the order in which the other ids of sessions are made of them: it never changes. */
export const OWNER_FIELDS = ["userId", "tenantId", "agentId"] as const;

/** What is known of a session's owner, and what it did not know yet. */
export function mergeOwners(known: Owner, more: Owner): Owner {
  const merged: { -readonly [F in keyof Owner]: Owner[F] } = {};
  for (const field of OWNER_FIELDS) {
    const value = known[field] ?? more[field];
    if (value !== undefined) merged[field] = value;
  }
  return merged;
}

/** Whether a session is one of an owner's: it bears all the fields that the owner has. */
export function isOf(session: Owner, owner: Owner): boolean {
  return OWNER_FIELDS.every(
    (field) => owner[field] === undefined || owner[field] === session[field],
  );
}

/** Whether a session belongs to another tenant than the one who asks. */
export function isOfAnotherTenant(session: Owner, { tenantId }: Owner): boolean {
  return tenantId !== undefined && session.tenantId !== undefined && session.tenantId !== tenantId;
}

/** Whether two owners cannot be one: they differ in a field that both have. */
export function contradicts(a: Owner, b: Owner): boolean {
  return OWNER_FIELDS.some((field) => {
    const [one, other] = [a[field], b[field]];
    return one !== undefined && other !== undefined && one !== other;
  });
}
