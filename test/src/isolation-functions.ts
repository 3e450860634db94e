import type { BaseMessage } from "@langchain/core/messages";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { StorageError, type TableCheckpoint } from "@threadkeep/core";
import { all, checkpoint, METADATA, place, put } from "./checkpoints.js";
import { threadConfig } from "./graphs.js";
import type { Own } from "./isolation-calls.js";
import { human, line, said } from "./persistence.js";

/** A session, whoever's it is, and what somebody else may know of what is in it. */
export interface Target {
  readonly id: string;
  readonly checkpointId: string;
  /** An exported session of the caller's own. */
  readonly file: readonly string[];
}

/** The name of a checkpoint that was made by hand. */
export const NAMED = "cp";
export const RUN_ID = "0f8fad5b-d9cb-469f-a165-70867728950e";

const graph = ({ checkpointer }: Own) =>
  line({ one: () => ({ trail: ["one"] }), two: () => ({ trail: ["two"] }) }).compile({
    checkpointer,
  });

const point = { nodePath: "two", messageHistory: [] };

async function drained(lines: AsyncIterable<string>): Promise<number> {
  let count = 0;
  for await (const _ of lines) count += 1;
  return count;
}

const at = ({ id }: Target) => threadConfig(id);
const exactly = ({ id, checkpointId }: Target) => place(id, checkpointId);
type Call = (own: Own, target: Target) => unknown;

const ofPersistence: Record<string, Call> = {
  createCheckpoint: (own, { id }) => own.createCheckpoint(id),
  saveCheckpoint: (own, { id, checkpointId }) =>
    own.saveCheckpoint(id, { checkpointId, ...point }, { graph: graph(own) }),
  createTombstoneCheckpoint: (own, { id }) => own.createTombstoneCheckpoint(id),
  getCheckpointById: (own, { id, checkpointId }) =>
    Promise.all([NAMED, checkpointId].map((one) => own.getCheckpointById(id, one))),
  getLatestCheckpoint: (own, { id }) => own.getLatestCheckpoint(id),
  listCheckpoints: (own, { id }) => own.listCheckpoints(id),
  deleteCheckpoint: (own, { id }) => own.deleteCheckpoint(id, NAMED),
  rollbackToCheckpoint: (own, { id }) => own.rollbackToCheckpoint(id, NAMED),
  rollbackToLatestCheckpoint: (own, { id }) => own.rollbackToLatestCheckpoint(id),
  setExecutionPoint: (own, { id }) => own.setExecutionPoint(id, { ...point, graph: graph(own) }),
  run: async (own, target) => {
    const state = await own.run(graph(own), { messages: [human("hi")] }, at(target));
    return said(state.messages as BaseMessage[]);
  },
  toolCalls: (own, { id }) => own.toolCalls(id),
  messages: (own, { id }) => own.messages(id),
  modelCalls: (own, { id }) => own.modelCalls(id),
  repair: (own, { id }) => own.repair(id),
  prune: (own, { id }) => own.prune(id, { keepLast: 1 }),
  expire: (own) => own.expire({ all: true }, { ttl: "1d" }),
  erase: (own, { id }) => own.erase(id),
  copy: async (own, { id }) => (await own.copy(id, { as: "copied" })).id,
  exportSession: (own, { id }) => drained(own.exportSession(id)),
  importSession: async (own, { id, file }) => (await own.importSession(file, { as: id })).id,
  importFrom: (own, { id }) => own.importFrom(tableOf(id)),
  stats: (own, { id }) => own.stats(id),
  history: async (own, { id }) => said(await own.history(id).getMessages()),
};

const ofSessions: Record<string, Call> = {
  create: async (own, { id }) => (await own.sessions.create({ id })).title,
  get: (own, { id }) => own.sessions.get(id),
  list: (own) => own.sessions.list({ all: true }),
  update: (own, { id }) => own.sessions.update(id, { title: "mine now" }),
  switch: (own, { id }) => own.sessions.switch(id),
  delete: (own, { id }) => own.sessions.delete(id),
  erase: (own, { id }) => own.sessions.erase(id),
};

const ofSaver: Record<string, Call> = {
  getTuple: ({ checkpointer }, target) =>
    Promise.all([at(target), exactly(target)].map((config) => checkpointer.getTuple(config))),
  get: ({ checkpointer }, target) => checkpointer.get(at(target)),
  list: async ({ checkpointer }, target) => [
    await all(checkpointer, at(target)),
    await all(checkpointer, exactly(target)),
    await all(checkpointer, at(target), { before: exactly(target) }),
    await all(checkpointer, { configurable: { checkpoint_id: target.checkpointId } }),
    await all(checkpointer, {}),
  ],
  put: async ({ checkpointer }, target) => {
    await put(checkpointer, exactly(target), checkpoint("mine", { value: "mine" }));
    const tuples = await all(checkpointer, at(target));
    return tuples.map((tuple) => tuple.checkpoint.channel_values);
  },
  putWrites: async ({ checkpointer }, target) => {
    await checkpointer.putWrites(exactly(target), [["value", "mine"]], "task");
    return (await checkpointer.getTuple(exactly(target)))?.pendingWrites;
  },
  listNodeRuns: ({ checkpointer }, target) => checkpointer.listNodeRuns(at(target)),
  getDeltaChannelHistory: ({ checkpointer }, target) =>
    checkpointer.getDeltaChannelHistory({ config: exactly(target), channels: ["messages"] }),
  deleteThread: ({ checkpointer }, { id }) => checkpointer.deleteThread(id),
  copyThread: ({ checkpointer }, { id }) => checkpointer.copyThread(id, "copied"),
  prune: ({ checkpointer }, { id }) => checkpointer.prune([id], { strategy: "delete" }),
  deleteForRuns: ({ checkpointer }) => checkpointer.deleteForRuns([RUN_ID]),
};

const ofHistory: Record<string, Call> = {
  getMessages: async (own, { id }) => said(await own.history(id).getMessages()),
  getPage: async (own, { id }) => said((await own.history(id).getPage({ last: 5 })).messages),
  addMessages: async (own, { id }) => {
    await own.history(id).addMessages([human("mine"), new AIMessage("answer")]);
    return said(await own.history(id).getMessages());
  },
  clear: (own, { id }) => own.history(id).clear(),
};

/** Of a plugin, the parts that read and record. */
const ofPlugin: Record<string, Call> = {
  switch: async (own, { id }) => {
    const plugin = own.plugin();
    await plugin.switch(id);
    return plugin.sessionId;
  },
  wrapModelCall: async (own, { id }) => {
    const plugin = own.plugin({ sessionId: id, history: "always" });
    const asked: string[][] = [];
    const request = { messages: [human("hi")], model: undefined, runtime: {} };
    await plugin.wrapModelCall(request as never, async ({ messages }: typeof request) => {
      asked.push(said(messages));
      return new AIMessage("hello");
    });
    return [asked, said(await own.history(id).getMessages())];
  },
  wrapToolCall: async (own, { id }) => {
    const plugin = own.plugin({ sessionId: id });
    const toolCall = { id: "call", name: "t", args: {} };
    const state = { messages: [new AIMessage({ content: "", tool_calls: [toolCall] })] };
    const answer = new ToolMessage({ content: "done", tool_call_id: "call" });
    await plugin.wrapToolCall({ toolCall, state, runtime: {} } as never, async () => answer);
    return said(await own.history(id).getMessages());
  },
};

function tableOf(id: string) {
  const saved: TableCheckpoint = {
    config: place(id, "imported"),
    checkpoint: checkpoint("imported", { value: "mine" }),
    metadata: METADATA,
  };
  return {
    async *threads() {
      yield id;
    },
    async *checkpoints() {
      yield saved;
    },
    end: async () => {},
  };
}

/** Every function that takes or finds sessions, by what it is called on. */
export const FUNCTIONS: Readonly<Record<string, Readonly<Record<string, Call>>>> = {
  persistence: ofPersistence,
  sessions: ofSessions,
  checkpointer: ofSaver,
  history: ofHistory,
  plugin: ofPlugin,
};

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

/** What a function comes to, without the session's name and what is never twice the same. */
export async function answerOf(call: Call, own: Own, target: Target): Promise<string> {
  const text = await textOf(async () => call(own, target));
  const names = [target.id, target.checkpointId];
  return names
    .reduce((left, name) => left.replaceAll(name, "…"), text)
    .replaceAll(UUID, "<uuid>")
    .replaceAll(TIME, "<time>");
}

async function textOf(call: () => Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify(await call()) ?? "nothing";
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    return `${error.code} ${error.operation}: ${error.message}`;
  }
}

/** The names of an object's own and inherited functions. */
export function functionsOf(object: object): string[] {
  const names = new Set<string>();
  for (let at = object; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value === "function" && name !== "constructor" && !name.startsWith("_"))
        names.add(name);
    }
  }
  return [...names].sort();
}
