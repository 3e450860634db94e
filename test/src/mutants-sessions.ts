import { MemoryStorage } from "@threadkeep/core";
import type {
  Append,
  Batch,
  CopyFresh,
  Fresh,
  Owner,
  SessionQuery,
  SessionRecord,
} from "@threadkeep/core/backend";
import type { Backend } from "./harness.js";
import { onStorage } from "./mutant.js";

/** Backends with one fault each in what they keep of sessions. */

/** Sessions that were active in the same millisecond are lost between two pages. */
class SkipsTies extends MemoryStorage {
  override async sessions(query: SessionQuery): Promise<SessionRecord[]> {
    const { after } = query;
    return super.sessions(after === undefined ? query : { ...query, after: { ...after, id: "" } });
  }
}

class TakesTitlesForPatterns extends MemoryStorage {
  override async sessions({ query, ...others }: SessionQuery): Promise<SessionRecord[]> {
    if (query === undefined || query === "" || !/[%_]/.test(query)) {
      return super.sessions(query === undefined ? others : { ...others, query });
    }
    return super.sessions(others);
  }
}

class ForgetsTheOwner extends MemoryStorage {
  override async sessions(query: SessionQuery): Promise<SessionRecord[]> {
    return super.sessions({ ...query, owner: {} });
  }
}

class NeverTellsStatus extends MemoryStorage {
  override async commit({ status: _status, ...batch }: Batch): Promise<boolean> {
    return super.commit(batch);
  }
}

class ShowsArchived extends MemoryStorage {
  override async sessions(query: SessionQuery): Promise<SessionRecord[]> {
    const found = await super.sessions(query);
    if (query.statuses?.includes("interrupted") !== true) return found;
    const archived = await super.sessions({ ...query, statuses: ["archived"] });
    return [...found, ...archived];
  }
}

/** Deletes the states, and keeps what was said. */
class KeepsTheChat extends MemoryStorage {
  override async deleteSession(id: string, since?: number): Promise<boolean> {
    const messages = await super.messages(id, {});
    const deleted = await super.deleteSession(id, since);
    if (deleted && messages.length > 0) {
      await super.appendMessages(id, {}, { messages }, { incarnation: 1, now: 1, token: "t" });
    }
    return deleted;
  }
}

/** A write that comes too late makes the session again. */
class LetsTheDeadWrite extends MemoryStorage {
  override async commit(batch: Batch): Promise<boolean> {
    if (batch.expected !== undefined && (await this.guard(batch.sessionId)) === undefined) {
      return super.commit({ ...batch, expected: undefined });
    }
    return super.commit(batch);
  }
}

/** What was to be applied behind the last state is copied with it. */
class CopiesTooMuch extends MemoryStorage {
  override async copySession(source: string, target: string, fresh: CopyFresh) {
    const { upTo: _upTo, ...whole } = fresh;
    return super.copySession(source, target, whole);
  }
}

class ReplacesSessions extends MemoryStorage {
  override async insertSession(record: SessionRecord): Promise<boolean> {
    await super.deleteSession(record.id);
    return super.insertSession(record);
  }
}

class CountsActivityNever extends MemoryStorage {
  override async appendMessages(id: string, owner: Owner, append: Append, fresh: Fresh) {
    const now = (await this.session(id))?.updatedAt ?? fresh.now;
    return super.appendMessages(id, owner, append, { ...fresh, now });
  }
}

export const sessionMutants = {
  "skips ties between pages": onStorage(() => new SkipsTies()),
  "takes a title's part for a pattern": onStorage(() => new TakesTitlesForPatterns()),
  "lists everybody's sessions": onStorage(() => new ForgetsTheOwner()),
  "never tells a status": onStorage(() => new NeverTellsStatus()),
  "shows archived sessions": onStorage(() => new ShowsArchived()),
  "keeps the chat of an erased session": onStorage(() => new KeepsTheChat()),
  "lets late writers bring a session back": onStorage(() => new LetsTheDeadWrite()),
  "copies what came later": onStorage(() => new CopiesTooMuch()),
  "replaces a session by another of its id": onStorage(() => new ReplacesSessions()),
  "does not note activity": onStorage(() => new CountsActivityNever()),
} satisfies Record<string, Backend>;
