import { MemoryStorage } from "@threadkeep/core";
import type { Batch, SessionQuery, SessionRecord } from "@threadkeep/core/backend";
import type { Backend } from "./harness.js";
import { onStorage } from "./mutant.js";

/** Backends with one fault each at the edges of sessions. */

/** One answer is enough, whatever else is asked. */
class ForgetsOpenQuestions extends MemoryStorage {
  readonly #answered = new Set<string>();

  override async commit(batch: Batch): Promise<boolean> {
    const { sessionId, status, writes } = batch;
    if (writes.some(({ channel }) => channel === "__resume__")) this.#answered.add(sessionId);
    const isHidden = status === "interrupted" && this.#answered.has(sessionId);
    return super.commit(isHidden ? { ...batch, status: "running" } : batch);
  }
}

/** A page that begins behind a session that is gone is an empty one. */
class LosesItsPlace extends MemoryStorage {
  override scoped(owner: object): never {
    const seen = super.scoped(owner);
    const sessions = async (query: SessionQuery): Promise<SessionRecord[]> => {
      const { after } = query;
      const isLost = after !== undefined && (await this.session(after.id)) === undefined;
      return isLost ? [] : seen.sessions(query);
    };
    return new Proxy(seen, {
      get(target, name) {
        if (name === "sessions") return sessions;
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    }) as never;
  }
}

export const edgeMutants = {
  "forgets open questions": onStorage(() => new ForgetsOpenQuestions()),
  "loses its place with a session": onStorage(() => new LosesItsPlace()),
} satisfies Record<string, Backend>;
