import { type BaseMessage, ToolMessage } from "@langchain/core/messages";
import {
  ChatMessageHistory,
  MemoryStorage,
  Persistence,
  type RepairReport,
  type TranscriptQuery,
} from "@threadkeep/core";
import type { Batch, StoredCheckpoint } from "@threadkeep/core/backend";
import { danglingCalls } from "../../packages/core/src/history/tool-calls.js";
import { METADATA } from "./checkpoints.js";
import type { Backend } from "./harness.js";

/** One fault: in the storage, or in a function while a check runs. */
export interface Mutant {
  readonly backend?: Backend;
  /** Puts the fault in. @returns what takes it out again */
  readonly break?: () => () => void;
}

const inStorage = (make: () => MemoryStorage): Mutant => ({
  backend: {
    name: "mutant",
    create: async () => {
      const storage = make();
      return { connect: async () => storage, remove: async () => {} };
    },
  },
});

function inFunction<T extends object>(target: T, method: keyof T, broken: T[keyof T]): Mutant {
  return {
    break: () => {
      const own = Object.getOwnPropertyDescriptor(target, method);
      Object.defineProperty(target, method, { value: broken, configurable: true, writable: true });
      return () => {
        if (own === undefined) delete target[method];
        else Object.defineProperty(target, method, own);
      };
    },
  };
}

/** Nobody sees that a thread waits for a human. */
class HidesQuestions extends MemoryStorage {
  #without<T extends StoredCheckpoint | undefined>(stored: T): T {
    const isNone = ({ channel }: { channel: string }) => channel !== "__interrupt__";
    return stored && { ...stored, writes: stored.writes.filter(isNone) };
  }
  override async checkpoint(...given: Parameters<MemoryStorage["checkpoint"]>) {
    return this.#without(await super.checkpoint(...given));
  }
  override async list(...given: Parameters<MemoryStorage["list"]>) {
    return (await super.list(...given)).map((stored) => this.#without(stored));
  }
  override async nodeRuns() {
    return [];
  }
}

/** Only what the root itself was asked is seen. */
class SeesOnlyTheRoot extends MemoryStorage {
  override async list(...given: Parameters<MemoryStorage["list"]>) {
    return (await super.list(...given)).filter(({ checkpoint }) => checkpoint.ns === "");
  }
  override async nodeRuns() {
    return [];
  }
}

class DoesNotFence extends MemoryStorage {
  override commit(batch: Batch): Promise<boolean> {
    return super.commit({ ...batch, next: { ...batch.next, rollbacks: 0 } });
  }
}

/** Answers the calls behind everything that was said since, and leaves the step open. */
async function appendsAtTheEnd(this: Persistence, id: string): Promise<RepairReport> {
  const config = { configurable: { thread_id: id } };
  const tuple = await this.checkpointer.getTuple(config);
  const messages = (tuple?.checkpoint.channel_values.messages ?? []) as BaseMessage[];
  const toolCalls = danglingCalls(messages).map(({ call }) => call);
  if (tuple === undefined || toolCalls.length === 0)
    return { repaired: false, reason: "healthy", toolCalls };
  const results = toolCalls.map(
    (call) =>
      new ToolMessage({
        id: `error ${call.id}`,
        content: "",
        tool_call_id: call.id,
        status: "error",
      }),
  );
  const channel_values = {
    ...tuple.checkpoint.channel_values,
    messages: [...messages, ...results],
  };
  const { channel_versions } = tuple.checkpoint;
  const versions = { ...channel_versions, messages: Number(channel_versions.messages) + 1 };
  const next = { ...tuple.checkpoint, id: `${tuple.checkpoint.id}0`, channel_values };
  await this.checkpointer.put(
    tuple.config,
    { ...next, channel_versions: versions },
    METADATA,
    versions,
  );
  return { repaired: true, toolCalls };
}

/** A page of the state as it is read for a run. */
async function readsTheState(this: Persistence, id: string, query: TranscriptQuery = {}) {
  const tuple = await this.checkpointer.getTuple({ configurable: { thread_id: id } });
  const all = (tuple?.checkpoint.channel_values.messages ?? []) as BaseMessage[];
  const placed = all.map((message, i) => ({ position: i + 1, message, role: message.getType() }));
  const { before = all.length + 1, last = 20 } = query;
  const messages = placed.slice(0, before - 1).slice(-last);
  const first = messages[0]?.position ?? 1;
  return { source: "checkpoint" as const, messages, before: first > 1 ? first : undefined };
}

/** Counts messages and turns, and looks no further. */
async function splitsPairs(
  this: ChatMessageHistory,
  { last, lastTurns, maxTokens }: { last?: number; lastTurns?: number; maxTokens?: number },
) {
  const records = await this.storage.messages(this.sessionId, {});
  const all = await getPage.call(this, {});
  const humans = records.flatMap(({ role }, i) => (role === "human" ? [i] : []));
  const start = lastTurns === undefined ? 0 : (humans.at(-lastTurns) ?? 0);
  const messages = all.messages.slice(start).slice(-(last ?? maxTokens ?? records.length));
  return { messages, before: (records.at(-messages.length)?.position ?? 1) || undefined };
}
const { getPage } = ChatMessageHistory.prototype;

export const transcriptMutants = {
  "overlooks questions to humans": inStorage(() => new HidesQuestions()),
  "overlooks questions in subgraphs": inStorage(() => new SeesOnlyTheRoot()),
  "does not fence": inStorage(() => new DoesNotFence()),
  "answers at the end": inFunction(Persistence.prototype, "repair", appendsAtTheEnd),
  "reads the whole conversation": inFunction(Persistence.prototype, "messages", readsTheState),
  "parts results from their calls": inFunction(
    ChatMessageHistory.prototype,
    "getPage",
    splitsPairs as ChatMessageHistory["getPage"],
  ),
} satisfies Record<string, Mutant>;
