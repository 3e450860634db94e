import type { RunnableConfig } from "@langchain/core/runnables";
import { getCheckpointId } from "@langchain/langgraph-checkpoint";
import { checkId, checkObject, checkText, describe, invalid } from "../storage/ids.js";
import type { Owner } from "../storage/storage.js";

/** What a config says about the place of a checkpoint. */
export interface Place {
  readonly threadId: string;
  readonly ns: string;
  /** In `put` the parent's id. */
  readonly checkpointId: string | undefined;
}

/** Whether a config is one at all; what it says is checked where it is read. */
export function checkConfig(operation: string, name: string, config: unknown): void {
  checkObject(operation, name, config);
  const { configurable } = config as { configurable?: unknown };
  if (configurable !== undefined) checkObject(operation, `${name}.configurable`, configurable);
}

export function namespaceOf(operation: string, config: RunnableConfig): string {
  const ns: unknown = config.configurable?.checkpoint_ns;
  return ns === undefined ? "" : checkText(operation, "checkpoint_ns", ns);
}

export function checkpointIdOf(operation: string, config: RunnableConfig): string | undefined {
  const given: unknown = config.configurable?.checkpoint_id;
  if (given !== undefined && given !== null && typeof given !== "string") {
    throw invalid(operation, `checkpoint_id must be a string, not ${describe(given)}`);
  }
  const id = getCheckpointId(config);
  return id ? checkId(operation, "checkpoint_id", id) : undefined;
}

export function placeOf(operation: string, config: RunnableConfig): Place {
  checkConfig(operation, "config", config);
  if (config.configurable?.thread_id === undefined) {
    throw invalid(
      operation,
      'thread_id is missing; pass it as config.configurable, e.g. graph.invoke(input, { configurable: { thread_id: "1" } })',
    );
  }
  return {
    threadId: checkId(operation, "thread_id", config.configurable.thread_id),
    ns: namespaceOf(operation, config),
    checkpointId: checkpointIdOf(operation, config),
  };
}

/** `limit` as a number of tuples, `undefined` for all. */
export function checkLimit(operation: string, limit: unknown): number | undefined {
  if (limit === undefined) return undefined;
  if (typeof limit !== "number" || !Number.isSafeInteger(limit) || limit < 0) {
    throw invalid(operation, "limit must be a whole number, 0 or more");
  }
  return limit;
}

export function checkFilter(operation: string, filter: unknown): Record<string, unknown> {
  if (filter === undefined) return {};
  checkObject(operation, "filter", filter);
  return filter as Record<string, unknown>;
}

const OWNER_KEYS = [
  ["userId", "user_id"],
  ["tenantId", "tenant_id"],
  ["agentId", "agent_id"],
] as const;

/** The owner that a run's `configurable` or `context` names as string or number, in either spelling. */
export function ownerOf(operation: string, config: RunnableConfig): Owner {
  const { context } = config as { context?: unknown };
  const places = [config.configurable, context].filter(
    (place): place is Record<string, unknown> => typeof place === "object" && place !== null,
  );
  const owner: { userId?: string; tenantId?: string; agentId?: string } = {};
  for (const [name, column] of OWNER_KEYS) {
    for (const place of places) {
      const value = place[column] ?? place[name];
      if (typeof value !== "string" && typeof value !== "number") continue;
      owner[name] = checkId(operation, column, String(value));
      break;
    }
  }
  return owner;
}

/** The run that a checkpoint belongs to, where the caller said it. */
export function runIdOf(config: RunnableConfig, metadata: object): string | null {
  const candidates: unknown[] = [
    (metadata as { run_id?: unknown }).run_id,
    config.configurable?.run_id,
    config.metadata?.run_id,
  ];
  const id = candidates.find((value) => typeof value === "string" && value !== "");
  return id === undefined ? null : checkId("put", "run_id", id);
}
