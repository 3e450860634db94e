import { MemoryStorage, type Storage } from "@threadkeep/core";
import type { Batch, ListQuery, Owner } from "@threadkeep/core/backend";
import type { Backend } from "./harness.js";
import { onStorage } from "./mutant.js";

/** Backends that let one thing through from one owner to another. */

type Method = Exclude<keyof Storage, "setup" | "close" | "scoped">;

/** One method does not ask whose session it is, for some of its arguments. */
class Lets extends MemoryStorage {
  readonly #method: Method;
  readonly #when: (first: never) => boolean;

  constructor(method: Method, when: (first: never) => boolean = () => true) {
    super();
    this.#method = method;
    this.#when = when;
  }

  override scoped(owner: Owner): Storage {
    const view = super.scoped(owner);
    return new Proxy(view, {
      get: (_, name: Method) => {
        const value: unknown = view[name];
        if (typeof value !== "function") return value;
        return (...given: never[]) => {
          const isLet = name === this.#method && this.#when(given[0] as never);
          return value.apply(isLet ? this : view, given);
        };
      },
    });
  }
}

const lets = (...given: ConstructorParameters<typeof Lets>) => onStorage(() => new Lets(...given));

/** What an owner writes does not bear their name. */
class ForgetsOwners extends MemoryStorage {
  override scoped(owner: Owner): Storage {
    const view = super.scoped(owner);
    return new Proxy(view, {
      get: (_, name: Method) => {
        const value: unknown = view[name];
        if (name !== "commit") return typeof value === "function" ? value.bind(view) : value;
        return (batch: Batch) =>
          this.commit({ ...batch, owner: {}, next: { ...batch.next, owner: {} } });
      },
    });
  }
}

export const isolationMutants = {
  "lists all sessions' checkpoints": lets(
    "list",
    (query: ListQuery) => query.sessionId === undefined,
  ),
  "lists a foreign session's checkpoints": lets(
    "list",
    (query: ListQuery) => query.sessionId !== undefined,
  ),
  "lists foreign sessions": lets("sessions"),
  "shows a foreign session": lets("session"),
  "shows foreign messages": lets("messages"),
  "shows a foreign checkpoint": lets("checkpoint"),
  "shows foreign writes": lets("sessionWrites"),
  "shows foreign node runs": lets("nodeRuns"),
  "shows foreign tool calls": lets("toolEvents"),
  "shows foreign model calls": lets("modelCalls"),
  "shows foreign sizes": lets("sizes"),
  "tells that a session is there": lets("guard"),
  "writes into foreign sessions": lets("commit"),
  "appends to foreign sessions": lets("appendMessages"),
  "changes foreign sessions": lets("updateSession"),
  "clears foreign histories": lets("clearMessages"),
  "deletes foreign sessions": lets("deleteSession"),
  "copies foreign sessions": lets("copySession"),
  "finds foreign runs": lets("runCheckpoints"),
  "forgets whose sessions it writes": onStorage(() => new ForgetsOwners()),
} satisfies Record<string, Backend>;
