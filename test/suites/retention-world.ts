import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  DeltaValue,
  END,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
  StateSchema,
} from "@langchain/langgraph";
import type { Storage, StorageSaver } from "@threadkeep/core";
import { z } from "zod";
import { all, place } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Database } from "../src/harness.js";

export const LONG = "x".repeat(400);

const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  doc: Annotation<string>(),
  parts: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});

const Inner = Annotation.Root({
  doc: Annotation<string>(),
  drafts: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});

/** A message, a long document, a subgraph with a state of its own, and two sends at once. */
export function chat(checkpointer: StorageSaver) {
  const inner = new StateGraph(Inner)
    .addNode("draft", ({ doc }) => ({ drafts: [`draft of ${doc.length} ${LONG}`] }))
    .addNode("review", ({ drafts }) => ({ drafts: [`review of ${drafts.length}`] }))
    .addEdge(START, "draft")
    .addEdge("draft", "review")
    .addEdge("review", END)
    .compile({ checkpointer: true });
  return new StateGraph(State)
    .addNode("write", ({ messages }) => ({
      doc: `${LONG} of ${messages.length}`,
      messages: [new HumanMessage({ id: `m${messages.length}`, content: `${LONG} said` })],
    }))
    .addNode("sub", inner)
    .addNode("sent", ({ at }: { at: number }) => ({ parts: [`sent ${at}`] }))
    .addEdge(START, "write")
    .addEdge("write", "sub")
    .addConditionalEdges("sub", () => [1, 2].map((at) => new Send("sent", { at, long: LONG })))
    .addEdge("sent", END)
    .compile({ checkpointer });
}

const append = (state: string[], writes: string[][]) => [...state, ...writes.flat()];

/** A log that is rebuilt from its writes. */
export function deltaChat(checkpointer: StorageSaver, snapshotFrequency: number) {
  const list = z.array(z.string()).default(() => []);
  const schema = new StateSchema({
    log: new DeltaValue(list, { reducer: append as never, snapshotFrequency }),
  });
  return new StateGraph(schema)
    .addNode("a", ({ log }) => ({
      log: [`a after ${log.length} ${LONG}`],
    }))
    .addNode("b", () => ({ log: ["b"] }))
    .addEdge(START, "a")
    .addEdge("a", "b")
    .addEdge("b", END)
    .compile({ checkpointer });
}

export async function turns(
  graph: { invoke(i: object, c: object): unknown },
  id: string,
  n: number,
) {
  for (let i = 0; i < n; i += 1) await graph.invoke({}, threadConfig(id));
}

/** All states of a delta thread, as LangGraph rebuilds them, by checkpoint. */
export async function deltaStates(
  storage: Database,
  id: string,
  frequency: number,
): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for await (const state of deltaChat(storage.saver(), frequency).getStateHistory(
    threadConfig(id),
  )) {
    found.set(String(state.config.configurable?.checkpoint_id), state.values);
  }
  return found;
}

/** All checkpoints of a thread with their values and writes, by namespace and id. */
export async function tuples(db: Database, id: string): Promise<Map<string, unknown>> {
  const found = await all(db.saver(), { configurable: { thread_id: id } });
  return new Map(
    found.map((tuple) => {
      const { checkpoint_ns, checkpoint_id } = tuple.config.configurable ?? {};
      return [JSON.stringify([checkpoint_ns, checkpoint_id]), tuple];
    }),
  );
}

/** Whatever is left is as it was. */
export function assertLeft(left: Map<string, unknown>, before: Map<string, unknown>): void {
  for (const [key, value] of left) {
    assert.ok(before.has(key), `${key} is new`);
    assertSame(value, before.get(key), key);
  }
}

/** Rows and bytes of a session. */
export async function size(storage: Storage, id: string): Promise<{ rows: number; bytes: number }> {
  const tables = await storage.sizes(id);
  return {
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** What a session that was never written to since would have. */
export async function sessionAt(
  storage: Storage,
  id: string,
  updatedAt: number,
  owner: { tenantId?: string; userId?: string } = {},
): Promise<void> {
  const guard = { nextItem: 1, nextVersion: 1, incarnation: 1 + Math.trunc(Math.random() * 1e9) };
  const made = await storage.insertSession({
    ...{ id, alias: null, title: `title of ${id}`, metadata: null, status: null },
    ...{ createdAt: updatedAt, updatedAt, endedAt: null, nextMessage: 1 },
    guard: { ...guard, epoch: 0, rollbacks: 0, token: "", owner },
  });
  assert.ok(made, id);
}

export async function sessionIds(storage: Storage): Promise<string[]> {
  const found = await storage.sessions({ owner: {}, limit: 10_000 });
  return found.map(({ id }) => id).sort();
}

export const newest = (db: Database, id: string) => db.saver().getTuple(place(id));
