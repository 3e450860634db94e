/** Those who wait for a checkpoint that LangGraph has not sent yet. */
export class Arrivals {
  readonly #waiting = new Map<string, Set<() => void>>();

  came(key: string): void {
    for (const resolve of this.#waiting.get(key) ?? []) resolve();
    this.#waiting.delete(key);
  }

  /** Resolves when the checkpoint is stored, or when nobody wants to wait any more. */
  of(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting.add(resolve));
      signal.addEventListener("abort", () => {
        waiting.delete(resolve);
        resolve();
      });
    });
  }
}
