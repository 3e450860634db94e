import type { Storage } from "@threadkeep/core";

/** Rows that were read through a storage. */
export interface Reads {
  /** Types of the items, such as a message's class, or `page`. */
  readonly items: string[];
  /** Positions of the messages of a chat history. */
  readonly messages: number[];
}

/** The storage, and all rows that it returned since it was asked last. */
export function counting(storage: Storage): { storage: Storage; take(): Reads } {
  let reads: Reads = { items: [], messages: [] };
  const counted = new Proxy(storage, {
    get: (target, method: keyof Storage) => {
      const own = target[method] as (...args: unknown[]) => unknown;
      if (method !== "items" && method !== "messages") return own.bind(target);
      return async (...args: unknown[]) => {
        const found = (await own.apply(target, args)) as { type: string; position: number }[];
        if (method === "items") reads.items.push(...found.map(({ type }) => type));
        else reads.messages.push(...found.map(({ position }) => position));
        return found;
      };
    },
  });
  const take = () => {
    const taken = reads;
    reads = { items: [], messages: [] };
    return taken;
  };
  return { storage: counted, take };
}
