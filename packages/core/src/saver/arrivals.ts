/** Those who wait for a checkpoint that LangGraph has not sent yet. */
export class Arrivals {
  readonly #waiting = new Map<string, (() => void)[]>();

  came(key: string): void {
    for (const resolve of this.#waiting.get(key) ?? []) resolve();
    this.#waiting.delete(key);
  }

  /** @param signal rejects with its reason */
  of(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), resolve]);
    });
  }
}
