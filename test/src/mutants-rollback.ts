import { MemoryStorage } from "@threadkeep/core";
import type { Batch, ToolEventRecord } from "@threadkeep/core/backend";
import type { Backend } from "./harness.js";
import { onStorage } from "./mutant.js";

/** Backends with one fault each, which a rollback must not have. */

/** Some events of tool calls are not kept. */
class ForgetsEvents extends MemoryStorage {
  readonly #forgotten: RegExp;
  constructor(forgotten: RegExp) {
    super();
    this.#forgotten = forgotten;
  }
  override commit(batch: Batch): Promise<boolean> {
    const toolEvents = batch.toolEvents.filter(({ event }) => !this.#forgotten.test(event));
    return super.commit({ ...batch, toolEvents });
  }
}

/** The journal runs backwards, so that what was done first is undone first. */
class CountsDown extends MemoryStorage {
  override async toolEvents(...given: Parameters<MemoryStorage["toolEvents"]>) {
    const events = await super.toolEvents(...given);
    return events.map((event) => ({ ...event, position: -event.position }));
  }
}

/** Who was rolled back may write on. */
class DoesNotFence extends MemoryStorage {
  override commit(batch: Batch): Promise<boolean> {
    return super.commit({ ...batch, next: { ...batch.next, rollbacks: 0 } });
  }
}

/** A call's intent is stored with whatever is stored next; whoever looks at once believes it is there. */
class NotesLate extends MemoryStorage {
  #late: readonly ToolEventRecord[] = [];
  #shown: readonly ToolEventRecord[] = [];
  override commit(batch: Batch): Promise<boolean> {
    const started = batch.toolEvents.filter(({ event }) => event === "started");
    const others = batch.toolEvents.filter(({ event }) => event !== "started");
    const toolEvents = [...this.#late, ...others];
    this.#late = started;
    this.#shown = started;
    return super.commit({ ...batch, toolEvents });
  }
  override async toolEvents(...given: Parameters<MemoryStorage["toolEvents"]>) {
    const shown = this.#shown;
    this.#shown = [];
    return [...(await super.toolEvents(...given)), ...shown];
  }
}

/** Of events with one key the last one stays: whoever claims an undo has it. */
class GivesClaimsToAll extends MemoryStorage {
  readonly #claims = new Map<string, ToolEventRecord>();
  override commit(batch: Batch): Promise<boolean> {
    for (const event of batch.toolEvents) {
      if (!/^undo \d+$/.test(event.event)) continue;
      this.#claims.set(JSON.stringify([event.callId, event.attempt, event.event]), event);
    }
    return super.commit(batch);
  }
  override async toolEvents(...given: Parameters<MemoryStorage["toolEvents"]>) {
    const events = await super.toolEvents(...given);
    const keyOf = (one: ToolEventRecord) => JSON.stringify([one.callId, one.attempt, one.event]);
    return events.map((event) => this.#claims.get(keyOf(event)) ?? event);
  }
}

/** Two threads with one tool call id share its events. */
class MixesThreads extends MemoryStorage {
  readonly #sessions = new Set<string>();
  override commit(batch: Batch): Promise<boolean> {
    this.#sessions.add(batch.sessionId);
    return super.commit(batch);
  }
  override async toolEvents(_sessionId: string, callId?: string) {
    const all = await Promise.all([...this.#sessions].map((id) => super.toolEvents(id, callId)));
    return all.flat();
  }
}

/** Subgraphs that keep their state are not known. */
class KnowsOnlyTheRoot extends MemoryStorage {
  override async namespaces(): Promise<string[]> {
    return [""];
  }
}

export const rollbackMutants = {
  "forgets how calls ended": onStorage(() => new ForgetsEvents(/^done$/)),
  "forgets what was undone": onStorage(() => new ForgetsEvents(/^undone$/)),
  "forgets that an undo failed": onStorage(() => new ForgetsEvents(/^undo failed/)),
  "undoes in the order of the calls": onStorage(() => new CountsDown()),
  "does not fence": onStorage(() => new DoesNotFence()),
  "notes calls after they were made": onStorage(() => new NotesLate()),
  "gives an undo to all who claim it": onStorage(() => new GivesClaimsToAll()),
  "mixes the calls of threads": onStorage(() => new MixesThreads()),
  "leaves subgraphs as they are": onStorage(() => new KnowsOnlyTheRoot()),
} satisfies Record<string, Backend>;
