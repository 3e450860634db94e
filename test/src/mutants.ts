import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import { CallbackManager } from "@langchain/core/callbacks/manager";
import type { RunnableConfig } from "@langchain/core/runnables";
import type { Checkpoint, CheckpointTuple, PendingWrite } from "@langchain/langgraph-checkpoint";
import { MemoryStorage, type Storage, StorageSaver } from "@threadkeep/core";
import type { Batch, NodeRunRecord } from "@threadkeep/core/backend";
import { deepCopy } from "./equal.js";
import type { Backend } from "./harness.js";
import { onStorage } from "./mutant.js";

/** Backends with one fault each. A suite that passes one of them proves nothing. */

function onSaver(Saver: typeof StorageSaver): Backend {
  return {
    ...onStorage(() => new MemoryStorage()),
    saver: (storage, serde, options) => new Saver(storage, serde, options),
  };
}

class SwallowsCommits extends MemoryStorage {
  #count = 0;
  readonly #every: number;
  constructor(every: number) {
    super();
    this.#every = every;
  }
  override async commit(batch: Batch): Promise<boolean> {
    if (batch.checkpoints.length > 0) this.#count += 1;
    if (this.#count % this.#every === this.#every - 1) return true;
    return super.commit(batch);
  }
}

class LosesAMessage extends MemoryStorage {
  #count = 0;
  override async appendMessages(
    ...[session, owner, append, fresh]: Parameters<MemoryStorage["appendMessages"]>
  ): Promise<boolean> {
    this.#count += 1;
    const kept = this.#count % 500 === 0 ? { messages: [] } : append;
    return super.appendMessages(session, owner, kept, fresh);
  }
}

/** As a database with a case-insensitive collation. */
function ignoresCase(): Storage {
  const storage = new MemoryStorage();
  return new Proxy(storage, {
    get: (_, method: keyof Storage) => {
      // biome-ignore lint/suspicious/noExplicitAny: every method's arguments alike
      return (first: any, ...rest: never[]) => {
        const given = typeof first === "string" ? first.toLowerCase() : first;
        const id = given?.sessionId;
        const lower = typeof id === "string" ? { ...given, sessionId: id.toLowerCase() } : given;
        return (storage[method] as (...args: unknown[]) => unknown)(lower, ...rest);
      };
    },
  });
}

/** Integer versions, and of the values of one version the first is kept. */
class MixesForks extends StorageSaver {
  static readonly #kept = new WeakMap<Storage, Map<string, unknown>>();
  override getNextVersion(current: number | undefined): number {
    return current === undefined ? 1 : current + 1;
  }
  override put(...[config, saved, ...rest]: Parameters<StorageSaver["put"]>) {
    const kept = MixesForks.#kept.get(this.storage) ?? new Map<string, unknown>();
    MixesForks.#kept.set(this.storage, kept);
    const { thread_id, checkpoint_ns } = config.configurable ?? {};
    const channel_values = Object.fromEntries(
      Object.entries(saved.channel_values).map(([channel, value]) => {
        const key = JSON.stringify([
          thread_id,
          checkpoint_ns,
          channel,
          saved.channel_versions[channel],
        ]);
        if (!kept.has(key)) kept.set(key, deepCopy(value));
        return [channel, kept.get(key)];
      }),
    );
    return super.put(config, { ...saved, channel_values }, ...rest);
  }
}

class IgnoresTaskPath extends StorageSaver {
  override putWrites(
    config: RunnableConfig,
    writes: PendingWrite[],
    taskId: string,
  ): Promise<void> {
    return super.putWrites(config, writes, taskId, "");
  }
}

class SharesObjects extends StorageSaver {
  readonly #tuples = new Map<string, CheckpointTuple>();
  override async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const tuple = await super.getTuple(config);
    if (tuple === undefined) return undefined;
    const key = JSON.stringify(tuple.config);
    if (!this.#tuples.has(key)) this.#tuples.set(key, tuple);
    return this.#tuples.get(key);
  }
}

/** What was stored once is taken to be what it was. */
class TrustsIdentity extends StorageSaver {
  readonly #copies = new WeakMap<object, unknown>();
  override put(...[config, saved, ...rest]: Parameters<StorageSaver["put"]>) {
    const trusted = (value: unknown): unknown => {
      if (typeof value !== "object" || value === null) return value;
      if (!this.#copies.has(value)) this.#copies.set(value, deepCopy(value));
      return this.#copies.get(value);
    };
    const channel_values = Object.fromEntries(
      Object.entries(saved.channel_values).map(([channel, value]) => [channel, trusted(value)]),
    ) as Checkpoint["channel_values"];
    return super.put(config, { ...saved, channel_values }, ...rest);
  }
}

class ReadsLate extends StorageSaver {
  override async put(...given: Parameters<StorageSaver["put"]>) {
    await new Promise((resolve) => setImmediate(resolve));
    return super.put(...given);
  }
}

class TakesZeroForAll extends StorageSaver {
  override list(
    config: RunnableConfig,
    { limit, ...options }: Parameters<StorageSaver["list"]>[1] = {},
  ) {
    return super.list(config, limit ? { ...options, limit } : options);
  }
}

class CoercesIds extends StorageSaver {
  override getTuple(config: RunnableConfig) {
    const { thread_id } = config.configurable ?? {};
    if (thread_id === undefined) return super.getTuple(config);
    return super.getTuple({
      configurable: { ...config.configurable, thread_id: String(thread_id) },
    });
  }
}

/** Keeps the newest checkpoint and forgets what it is rebuilt from. */
class CutsTooMuch extends StorageSaver {
  override async prune(threadIds: readonly string[]) {
    for (const sessionId of threadIds) {
      const expected = await this.storage.guard(sessionId);
      if (expected === undefined) continue;
      const [, ...old] = await this.storage.list({ sessionId, limit: 10_000 });
      await this.storage.commit({
        ...{
          sessionId,
          owner: {},
          expected,
          now: 0,
          touch: false,
          items: [],
          checkpoints: [],
          writes: [],
          nodeRuns: [],
          toolEvents: [],
        },
        next: { ...expected, epoch: expected.epoch + 1, token: "cut" },
        remove: { checkpoints: old.map(({ checkpoint }) => checkpoint), items: [] },
      });
    }
    return { checkpoints: 1, items: 0 };
  }
}

class DropsNodeRuns extends MemoryStorage {
  #count = 0;
  override commit(batch: Batch): Promise<boolean> {
    const nodeRuns = batch.nodeRuns.filter(() => {
      this.#count += 1;
      return this.#count % 7 !== 0;
    });
    return super.commit({ ...batch, nodeRuns });
  }
}

/** What a thread recorded while another one wrote goes to the other one. */
class MixesThreads extends MemoryStorage {
  #last: { sessionId: string; nodeRuns: readonly NodeRunRecord[] } | undefined;
  override commit(batch: Batch): Promise<boolean> {
    const { sessionId, nodeRuns } = batch;
    const strays = this.#last;
    this.#last = { sessionId, nodeRuns };
    if (strays === undefined || strays.sessionId === sessionId) return super.commit(batch);
    return super.commit({ ...batch, nodeRuns: strays.nodeRuns });
  }
}

const handlersHere = () => CallbackManager.configure()?.handlers ?? [];

/** Its recorder hears of a node's start when the node has ended. */
class RecordsAtTheEnd extends StorageSaver {
  override getTuple(config: RunnableConfig) {
    const before = new Set(handlersHere());
    const tuple = super.getTuple(config);
    for (const handler of handlersHere()) if (!before.has(handler)) postpone(handler);
    return tuple;
  }
}

function postpone(handler: BaseCallbackHandler): void {
  const begin = handler.handleChainStart?.bind(handler);
  const begins = new Map<string, () => unknown>();
  handler.handleChainStart = (...given) => {
    begins.set(given[2], () => begin?.(...given));
  };
  for (const method of ["handleChainEnd", "handleChainError"] as const) {
    const end = handler[method]?.bind(handler);
    handler[method] = (...given) => {
      begins.get(given[1])?.();
      begins.delete(given[1]);
      return end?.(...given);
    };
  }
}

/** Takes every reading for a run's own. */
class LeavesContextOpen extends StorageSaver {
  override getTuple(config: RunnableConfig) {
    return super.getTuple({ control: {}, interrupt: undefined, ...config } as RunnableConfig);
  }
}

/** What ran in another process is not asked for. */
class CountsAnew extends MemoryStorage {
  override async nodeRuns(sessionId: string, checkpointIds?: readonly string[]) {
    return checkpointIds?.length === 1 ? [] : super.nodeRuns(sessionId, checkpointIds);
  }
}

export const mutants = {
  "drops every 100th put": onStorage(() => new SwallowsCommits(100)),
  "swallows a commit": onStorage(() => new SwallowsCommits(5)),
  "loses a message": onStorage(() => new LosesAMessage()),
  "takes ids without their case": onStorage(ignoresCase),
  "mixes the values of forks": onSaver(MixesForks),
  "ignores the task path": onSaver(IgnoresTaskPath),
  "returns shared objects": onSaver(SharesObjects),
  "forgets edits in place": onSaver(TrustsIdentity),
  "reads values after its first await": onSaver(ReadsLate),
  "takes limit 0 for all": onSaver(TakesZeroForAll),
  "turns ids into strings": onSaver(CoercesIds),
  "prunes what a DeltaChannel needs": onSaver(CutsTooMuch),
  "drops every 7th node run": onStorage(() => new DropsNodeRuns()),
  "gives node runs to other threads": onStorage(() => new MixesThreads()),
  "records inputs when nodes have ended": onSaver(RecordsAtTheEnd),
  "leaves its caller's context open": onSaver(LeavesContextOpen),
  "counts attempts anew in every process": onStorage(() => new CountsAnew()),
} satisfies Record<string, Backend>;
