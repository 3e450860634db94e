import type { RunnableConfig } from "@langchain/core/runnables";
import { isOfAnotherTenant } from "../storage/owners.js";
import type { Storage } from "../storage/storage.js";
import { ownerOf, placeOf } from "./config.js";

/** Whether a config names a tenant, and a thread that is another one's. */
export async function isForeign(
  storage: Storage,
  operation: string,
  config: RunnableConfig,
): Promise<boolean> {
  const { threadId } = placeOf(operation, config);
  const owner = ownerOf(operation, config);
  if (owner.tenantId === undefined) return false;
  const guard = await storage.guard(threadId);
  return guard !== undefined && isOfAnotherTenant(guard.owner, owner);
}
