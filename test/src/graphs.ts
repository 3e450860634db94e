export const DURABILITIES = ["async", "sync", "exit"] as const;

export function threadConfig(thread_id: string) {
  return { configurable: { thread_id } };
}

export function idOfConfig(config: unknown): string {
  const id = (config as { configurable?: { checkpoint_id?: unknown } } | undefined)?.configurable
    ?.checkpoint_id;
  if (typeof id !== "string") throw new TypeError("the config names no checkpoint");
  return id;
}
