import type { Guard } from "../storage/storage.js";

export function sameGuard(a: Guard | undefined, b: Guard): boolean {
  return a !== undefined && a.token === b.token && a.nextItem === b.nextItem;
}

/** What was acknowledged is gone: a backup was restored, or a replica took over without the end. */
export function isBehind(now: Guard, then: Guard | undefined): boolean {
  if (then === undefined || now.incarnation !== then.incarnation) return false;
  return now.nextItem < then.nextItem || now.nextVersion < then.nextVersion;
}
