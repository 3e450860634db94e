import { MemoryStorage } from "@threadkeep/core";
import { onStorage } from "./mutant.js";

/** Backends that make the plugin break one promise each. */

type Given = Parameters<MemoryStorage["appendMessages"]>;
type Messages = Given[2]["messages"];

/** Changes what is appended. */
abstract class Altered extends MemoryStorage {
  protected abstract altered(sessionId: string, messages: Messages): Messages;

  override appendMessages(...[id, owner, append, fresh]: Given): Promise<boolean> {
    const messages = this.altered(id, append.messages);
    return super.appendMessages(id, owner, { ...append, messages }, fresh);
  }
}

/** What the user says is recorded with the answer. */
class RecordsLate extends Altered {
  readonly #held = new Map<string, Messages>();
  protected altered(id: string, messages: Messages): Messages {
    const held = this.#held.get(id) ?? [];
    const isAnswered = messages.some(({ role }) => role === "ai");
    this.#held.set(id, isAnswered ? [] : [...held, ...messages]);
    return isAnswered ? [...held, ...messages] : [];
  }
}

class RecordsTwice extends Altered {
  #count = 0;
  protected altered(_id: string, messages: Messages): Messages {
    return messages.map((message) => {
      this.#count += 1;
      return { ...message, key: `${this.#count}` };
    });
  }
}

class ForgetsWhatBrokeOff extends Altered {
  protected altered(_id: string, messages: Messages): Messages {
    return messages.filter(({ metadata }) => !/"status":"(aborted|error)"/.test(metadata ?? ""));
  }
}

class ForgetsResults extends Altered {
  protected altered(_id: string, messages: Messages): Messages {
    return messages.filter(({ role }) => role !== "tool");
  }
}

class ForgetsCalls extends MemoryStorage {
  override appendMessages(...[id, owner, { messages }, fresh]: Given): Promise<boolean> {
    return super.appendMessages(id, owner, { messages }, fresh);
  }
}

/** Everything is recorded in the session that was there first. */
class IgnoresSwitches extends MemoryStorage {
  #first: string | undefined;
  override appendMessages(...[id, owner, append, { only: _, ...fresh }]: Given): Promise<boolean> {
    this.#first ??= id;
    return super.appendMessages(this.#first, owner, append, fresh);
  }
}

/** A session that was erased comes back with the next message. */
class RaisesTheDead extends MemoryStorage {
  override appendMessages(...[id, owner, append, { only: _, ...fresh }]: Given): Promise<boolean> {
    return super.appendMessages(id, owner, append, fresh);
  }
}

/** The stored conversation is not found. */
class ForgetsHistory extends MemoryStorage {
  override async messages(...[id, page]: Parameters<MemoryStorage["messages"]>) {
    const found = await super.messages(id, page);
    return page.limit === undefined ? found.slice(-2) : found;
  }
}

export const pluginMutants = {
  "records what the user said with the answer": onStorage(() => new RecordsLate()),
  "records messages twice": onStorage(() => new RecordsTwice()),
  "forgets what broke off": onStorage(() => new ForgetsWhatBrokeOff()),
  "forgets the results of tools": onStorage(() => new ForgetsResults()),
  "forgets the calls of models": onStorage(() => new ForgetsCalls()),
  "ignores a switch": onStorage(() => new IgnoresSwitches()),
  "brings erased sessions back": onStorage(() => new RaisesTheDead()),
  "forgets older turns": onStorage(() => new ForgetsHistory()),
};
