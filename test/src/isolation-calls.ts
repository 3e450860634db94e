import type { BaseMessage } from "@langchain/core/messages";
import type { CheckpointTuple } from "@langchain/langgraph-checkpoint";
import { type NodeRun, type Persistence, StorageError } from "@threadkeep/core";
import type { Random } from "../faults/random.js";
import { all, checkpoint, idOf, METADATA, place, put } from "./checkpoints.js";
import { threadConfig } from "./graphs.js";
import { human, line, said, type TrailGraph } from "./persistence.js";

/** The functions of an owner. */
export type Own = ReturnType<Persistence["forOwner"]>;

/** What stands in everything that a tenant stores. */
export const markOf = (tenant: number) => `«${String(tenant).padStart(2, "0")}»`;
export const marksIn = (text: string) => new Set(text.match(/«\d\d»/g) ?? []);

/** A call, as it is to be made. */
export interface Call {
  readonly kind: string;
  /** Unique, and growing in the order of the tenant's calls. */
  readonly n: number;
  /** Sessions, whose ids all tenants use. */
  readonly id: string;
  readonly other: string;
  readonly mark: string;
}

/** Some are written by hand, some by graphs. */
const MANUAL = ["p1", "p2"];
const RUN = ["g1", "g2"];
const FREE = ["x1", "x2"];
const ANY = [...MANUAL, ...RUN, ...FREE, "h1"];
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

const graphs = new WeakMap<Own, TrailGraph>();

/** Every fifth of its runs fails in the middle, and is gone on with by the next one. */
function graphOf(own: Own): TrailGraph {
  const known = graphs.get(own);
  if (known !== undefined) return known;
  const graph = line({
    one: ({ note }) => ({ trail: [`one ${note}`] }),
    two: ({ note }) => {
      if (/[05]$/.test(note)) throw new Error(`failed at ${note}`);
      return { trail: [`two ${note}`] };
    },
  }).compile({ checkpointer: own.checkpointer });
  graphs.set(own, graph);
  return graph;
}

const tellTuple = (tuple: CheckpointTuple | undefined) =>
  tuple && {
    thread: tuple.config.configurable?.thread_id,
    values: tellValues(tuple.checkpoint.channel_values),
    step: tuple.metadata?.step,
    note: (tuple.metadata as { note?: unknown } | undefined)?.note,
    writes: tuple.pendingWrites?.map(([, channel, value]) => [channel, value]),
  };

const tellValues = ({ messages, note, trail, value }: Record<string, unknown>) => ({
  messages: messages && said(messages as BaseMessage[]),
  ...{ note, trail, value },
});

const tellRun = ({ nodePath, status, input }: NodeRun) => ({
  nodePath,
  status,
  note: (input as { note?: unknown } | undefined)?.note,
});

const tellSession = (session: Awaited<ReturnType<Own["sessions"]["get"]>>) =>
  session && {
    ...{ id: session.id, tenant: session.tenantId, user: session.userId, title: session.title },
    ...{ metadata: session.metadata, status: session.status },
  };

const tellCheckpoint = (found: Awaited<ReturnType<Own["getLatestCheckpoint"]>>) =>
  found && {
    ...{ nodePath: found.nodePath, tombstone: found.tombstone, label: found.label },
    said: said(found.messageHistory),
  };

const rowsOf = ({ sessions, rows }: { sessions: number; rows: number }) => ({ sessions, rows });
const sorted = <T>(list: readonly T[]) => list.map((one) => JSON.stringify(one)).sort();

type Make = (own: Own, call: Call) => Promise<unknown>;
const at = (id: string) => threadConfig(id);

const saver: Record<string, Make> = {
  put: async ({ checkpointer }, { id, n, mark }) => {
    const parent = await checkpointer.getTuple(at(id));
    const values = { value: `${mark} ${n}`, messages: [human(`${mark} ${n}`)] };
    const saved = checkpoint(idOf(n), values, { value: n, messages: n });
    const metadata = { ...METADATA, note: `${mark} ${n}` };
    const config = await put(checkpointer, place(id, parent?.checkpoint.id), saved, metadata);
    return config.configurable;
  },
  getTuple: async ({ checkpointer }, { id }) => tellTuple(await checkpointer.getTuple(at(id))),
  putWrites: async ({ checkpointer }, { id, n, mark }) => {
    const tuple = await checkpointer.getTuple(at(id));
    const config = tuple?.config ?? place(id, "nothing yet");
    await checkpointer.putWrites(config, [["value", `${mark} ${n}`]], `task ${n}`);
  },
  list: async ({ checkpointer }, { id }) =>
    (await all(checkpointer, at(id), { limit: 5 })).map(tellTuple),
  listAll: async ({ checkpointer }) => sorted((await all(checkpointer, {})).map(tellTuple)),
  nodeRuns: async ({ checkpointer }, { id }) =>
    sorted((await checkpointer.listNodeRuns(at(id))).map(tellRun)),
  deleteThread: ({ checkpointer }, { id }) => checkpointer.deleteThread(id),
  copyThread: ({ checkpointer }, { id, other }) => checkpointer.copyThread(id, other),
  pruneThread: async ({ checkpointer }, { id }) =>
    (await checkpointer.prune([id], { keepLast: 2 })).checkpoints,
};

const history: Record<string, Make> = {
  add: (own, { id, n, mark }) => own.history(id).addMessages([human(`${mark} ${n}`)]),
  read: async (own, { id }) => said(await own.history(id).getMessages()),
  clear: (own, { id }) => own.history(id).clear(),
  messages: async (own, { id }) => {
    const { source, messages } = await own.messages(id, { last: 5 });
    return [source, messages.map(({ position, message }) => [position, said([message])])];
  },
};

const sessions: Record<string, Make> = {
  create: async (own, { id, n, mark }) =>
    tellSession(await own.sessions.create({ id, title: `${mark} ${n}`, metadata: { mark } })),
  get: async (own, { id }) => tellSession(await own.sessions.get(id)),
  listSessions: async (own) =>
    sorted((await own.sessions.list({ all: true })).sessions.map(tellSession)),
  listFailed: async (own) =>
    sorted((await own.sessions.list({ all: true, status: "failed" })).sessions.map(tellSession)),
  search: async (own, { n }) => {
    const page = await own.sessions.list({ all: true, query: `» ${n % 10}` });
    return sorted(page.sessions.map(tellSession));
  },
  update: async (own, { id, n, mark }) =>
    tellSession(await own.sessions.update(id, { title: `${mark} ${n}`, archived: n % 2 === 0 })),
  switch: async (own, { id }) => tellSession(await own.sessions.switch(id)),
  delete: (own, { id }) => own.sessions.delete(id),
  erase: async (own, { id }) => rowsOf(await own.erase(id)),
};

const upkeep: Record<string, Make> = {
  copy: async (own, { id, other }) => tellSession(await own.copy(id, { as: other })),
  prune: async (own, { id }) => {
    const { sessions: count, checkpoints } = await own.prune(id, { keepLast: 2 });
    return { count, checkpoints };
  },
  pruneAll: async (own) => (await own.prune({ all: true }, { keepLast: 4 })).checkpoints,
  expire: async (own) => rowsOf(await own.expire({ all: true }, { ttl: "1d" })),
  move: async (own, { id, other }) => {
    const lines: string[] = [];
    for await (const text of own.exportSession(id)) lines.push(text);
    return tellSession(await own.importSession(lines, { as: other }));
  },
  stats: async (own, { id }) => {
    const { tables } = await own.stats(id);
    return tables.map(({ table, rows }) => [table, rows]);
  },
  modelCalls: (own, { id }) => own.modelCalls(id),
  toolCalls: (own, { id }) => own.toolCalls(id),
  repair: (own, { id }) => own.repair(id),
};

const persistence: Record<string, Make> = {
  run: async (own, { id, n, mark }) => {
    const input = { note: `${mark} ${n}`, messages: [human(`${mark} ${n}`)] };
    const state = await own.run(graphOf(own), input, at(id));
    return tellValues(state as unknown as Record<string, unknown>);
  },
  invoke: async (own, { id, n, mark }) => {
    const state = await graphOf(own).invoke({ note: `${mark} ${n}` }, at(id));
    return tellValues(state as unknown as Record<string, unknown>);
  },
  createCheckpoint: async (own, { id, n, mark }) =>
    tellCheckpoint(await own.createCheckpoint(id, { checkpointId: `cp ${n % 2}`, label: mark })),
  listCheckpoints: async (own, { id }) =>
    (await own.listCheckpoints(id, { limit: 5 })).map(tellCheckpoint),
  getCheckpoint: async (own, { id, n }) =>
    tellCheckpoint(await own.getCheckpointById(id, `cp ${n % 2}`)),
  latest: async (own, { id }) => tellCheckpoint(await own.getLatestCheckpoint(id)),
  deleteCheckpoint: (own, { id, n }) => own.deleteCheckpoint(id, `cp ${n % 2}`),
  rollback: async (own, { id, n }) => {
    const made = await own.getCheckpointById(id, `cp ${n % 2}`);
    const found = made ?? (await own.getLatestCheckpoint(id));
    await own.rollbackToCheckpoint(id, found?.checkpointId ?? "nothing yet");
    return tellTuple(await own.checkpointer.getTuple(at(id)));
  },
  end: async (own, { id }) => tellCheckpoint(await own.createTombstoneCheckpoint(id)),
};

const CALLS = { ...saver, ...history, ...sessions, ...upkeep, ...persistence };
export const KINDS: readonly string[] = Object.keys(CALLS);

/** Called more often than the others, so that there is something to be seen. */
const WRITING = ["put", "putWrites", "add", "create", "run", "run", "invoke", "createCheckpoint"];

const BY_HAND = ["put", "putWrites"];
const BY_GRAPH = ["run", "invoke", "rollback", "end", "createCheckpoint"];

/** A call of a tenant, by chance. */
export function callOf(random: Random, n: number, mark: string): Call {
  const pick = <T>(list: readonly T[]) => list[random.below(list.length)] as T;
  const kind = n < KINDS.length ? (KINDS[n] as string) : pick([...KINDS, ...WRITING, ...WRITING]);
  const ids = BY_HAND.includes(kind) ? MANUAL : BY_GRAPH.includes(kind) ? RUN : ANY;
  const id = pick(ids);
  // What was made by hand is no state of the graph.
  const alike = MANUAL.includes(id) ? MANUAL : RUN.includes(id) ? RUN : [];
  return { kind, n, id, other: pick([...alike, ...FREE]), mark };
}

/** What a call came to, as text that is the same whenever the same was there before. */
export async function outcomeOf(own: Own, call: Call): Promise<{ ok: boolean; text: string }> {
  try {
    const result = await (CALLS[call.kind] as Make)(own, call);
    return { ok: true, text: plain(JSON.stringify(result) ?? "nothing") };
  } catch (error) {
    const { code, operation } = error instanceof StorageError ? error : {};
    if (code === undefined && !/^failed at /.test((error as Error).message)) throw error;
    return { ok: false, text: plain(`${code} ${operation}: ${(error as Error).message}`) };
  }
}

const plain = (text: string) => text.replaceAll(UUID, "<uuid>");
