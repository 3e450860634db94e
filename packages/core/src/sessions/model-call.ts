import type { ModelCallRecord, Storage } from "../storage/storage.js";

/** One call of a model, as it was recorded. */
export interface ModelCall {
  readonly id: string;
  /** The message that it answered with, or what arrived of it. */
  readonly messageId?: string;
  readonly model?: string;
  /** `aborted`: somebody stopped it, or stopped listening, before the answer was whole. */
  readonly status: "ok" | "error" | "aborted";
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  /** What else the model said of its usage, such as cached or reasoning tokens. */
  readonly usage?: Record<string, unknown>;
  /** Milliseconds from the call to its end. */
  readonly latencyMs: number;
  readonly error?: string;
  readonly startedAt: Date;
}

/** Tokens as a model counted them. */
export type Usage = Pick<ModelCallRecord, "inputTokens" | "outputTokens" | "totalTokens" | "usage">;

const NAMES = {
  inputTokens: ["input_tokens", "promptTokens", "prompt_tokens"],
  outputTokens: ["output_tokens", "completionTokens", "completion_tokens"],
  totalTokens: ["total_tokens", "totalTokens"],
} as const;

/** @param counted a message's `usage_metadata`, or what a provider calls `tokenUsage` */
export function usageOf(counted: unknown): Usage {
  const given = { ...(counted as Record<string, unknown> | null | undefined) };
  const take = (names: readonly string[]): number | null => {
    const [name] = names.filter((key) => Number.isSafeInteger(given[key]));
    if (name === undefined) return null;
    const tokens = given[name] as number;
    delete given[name];
    return tokens;
  };
  const [inputTokens, outputTokens, totalTokens] = [
    take(NAMES.inputTokens),
    take(NAMES.outputTokens),
    take(NAMES.totalTokens),
  ];
  const usage = Object.keys(given).length > 0 ? JSON.stringify(given) : null;
  return { inputTokens, outputTokens, totalTokens, usage };
}

/** A session's calls in the order in which they began. */
export async function readModelCalls(storage: Storage, sessionId: string): Promise<ModelCall[]> {
  const records = await storage.modelCalls(sessionId);
  return records
    .sort((a, b) => a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1))
    .map(modelCallOf);
}

function modelCallOf({ usage, startedAt, ...record }: ModelCallRecord): ModelCall {
  const known = Object.entries(record).filter(([, value]) => value !== null);
  return {
    ...(Object.fromEntries(known) as Omit<ModelCall, "usage" | "startedAt">),
    ...(usage === null ? {} : { usage: JSON.parse(usage) as Record<string, unknown> }),
    startedAt: new Date(startedAt),
  };
}
