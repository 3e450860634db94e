import { type Storage, StorageError } from "@threadkeep/core";
import type { Driver } from "@threadkeep/core/backend";

export type Wrap = (storage: Storage) => Storage;

/** The same storage, some of whose methods are other ones. */
export function overriding(storage: Storage, methods: Partial<Storage>): Storage {
  return new Proxy(storage, {
    get: (target, name: keyof Storage) => methods[name] ?? target[name].bind(target),
  });
}

export function isLost(error: unknown): boolean {
  return error instanceof StorageError && error.code === "CONNECTION_LOST";
}

/** Storages with one fault each, which the suites must find. */
export const brokenStorages = {
  "takes a lost commit for written": (storage) =>
    overriding(storage, {
      commit: (batch) =>
        storage.commit(batch).catch((error) => {
          if (isLost(error)) return true;
          throw error;
        }),
    }),
  "does not know its own commit again": (storage) => {
    const lost = new Set<string>();
    return overriding(storage, {
      commit: (batch) =>
        storage.commit(batch).catch((error) => {
          lost.add(batch.next.token);
          throw error;
        }),
      guard: async (id) => {
        const guard = await storage.guard(id);
        return guard && lost.has(guard.token) ? { ...guard, token: "" } : guard;
      },
    });
  },
  "appends lost messages again": (storage) =>
    overriding(storage, {
      appendMessages: (...given) =>
        storage.appendMessages(...given).catch((error) => {
          if (isLost(error)) return storage.appendMessages(...given);
          throw error;
        }),
    }),
} satisfies Record<string, Wrap>;

/** Takes two ids for one, as a collation that pads does. */
export function padding(storage: Storage): Storage {
  const bare = (id: string) => id.replace(/ +$/, "");
  return overriding(storage, {
    commit: (batch) => storage.commit({ ...batch, sessionId: bare(batch.sessionId) }),
    guard: (id) => storage.guard(bare(id)),
    checkpoint: (id, ...rest) => storage.checkpoint(bare(id), ...rest),
    deleteSession: (id) => storage.deleteSession(bare(id)),
  });
}

/** Lets a string into the text of a statement. */
export function inlining(driver: Driver): Driver {
  return {
    query: (text, params) => {
      const id = String(params[0]);
      const harmless = /^\w*$/.test(id) || id.includes("\0");
      return driver.query(harmless ? text : `${text} -- ${id.replaceAll(/\W/g, "_")}`, params);
    },
    batch: (statements) => driver.batch(statements),
    exclusive: (steps) => driver.exclusive(steps),
    close: () => driver.close(),
  };
}
