import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, END, START, StateGraph } from "@langchain/langgraph";
import fc from "fast-check";
import { all, checkpoint, idOf, place, put } from "../src/checkpoints.js";
import { assertSame, deepCopy } from "../src/equal.js";
import type { Checks, Database } from "../src/harness.js";
import { messages } from "../src/messages.js";
import { runs } from "../src/params.js";
import { values } from "../src/values.js";

const LONG = "long ".repeat(80);

/** A state as programs have it: messages, small and large plain values, built-in objects. */
export function startState(): State {
  return {
    messages: [1, 2, 3].map((n) => message(n)),
    doc: { title: "t", parts: [{ text: LONG }, { text: "short" }], meta: { tags: ["a"] } },
    table: new Map<unknown, unknown>([["k", { n: 1, text: LONG }]]),
    set: new Set<unknown>(["x"]),
    bytes: Uint8Array.from({ length: 300 }, (_, i) => i % 256),
    date: new Date(1000),
    rows: Array.from({ length: 40 }, (_, i) => ({ i, text: i % 7 === 0 ? LONG + i : `row ${i}` })),
  };
}

export interface State {
  messages: BaseMessage[];
  doc: { title: string; parts: { text: string }[]; meta: { tags: string[] } & Fields };
  table: Map<unknown, unknown>;
  set: Set<unknown>;
  bytes: Uint8Array;
  date: Date;
  rows: Fields[];
}
type Fields = Record<string, unknown>;

function message(n: number): BaseMessage {
  if (n % 2 === 0) return new HumanMessage({ content: `message ${n} ${LONG}`, id: `m${n}` });
  const call = { name: "f", args: { a: [n] }, id: `c${n}`, type: "tool_call" as const };
  return new AIMessage({ content: [{ type: "text", text: LONG }], tool_calls: [call] });
}

type Edit = (state: State, n: number) => void;

const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] as T;

/** Every one leaves the containers in place and changes something inside them. */
const EDITS: readonly Edit[] = [
  (s, n) => s.messages.push(message(n)),
  (s) => void s.messages.shift(),
  (s) => void s.messages.reverse(),
  (s, n) => Object.assign(pick(s.messages, n) ?? {}, { content: `edited ${n}` }),
  (s, n) => Object.assign(pick(s.messages, n) ?? {}, { id: `m${n}` }),
  (s, n) => Object.assign(pick(s.messages, n)?.additional_kwargs ?? {}, { n }),
  (s, n) => Object.assign(pick(s.messages, n)?.response_metadata ?? {}, { deep: { n } }),
  (s, n) => Object.assign(pick(s.messages, n)?.lc_kwargs ?? {}, { content: `kwargs ${n}` }),
  (s, n) => {
    const content = pick(s.messages, n)?.content;
    if (Array.isArray(content)) content.push({ type: "text", text: `block ${n}` });
  },
  (s, n) => {
    for (const m of s.messages)
      if (m instanceof AIMessage) for (const c of m.tool_calls ?? []) c.args.n = n;
  },
  (s, n) => void s.messages.push(pick(s.messages, n) ?? message(n)),
  (s, n) => void Object.assign(pick(s.doc.parts, n) ?? {}, { text: LONG + n }),
  (s, n) => void s.doc.parts.splice(n % 3, 1, { text: `${n}` }),
  (s, n) => void s.doc.meta.tags.push(`tag ${n}`),
  (s, n) => Object.assign(s.doc.meta, { [`k${n % 5}`]: n % 2 ? undefined : -0 }),
  (s, n) => void delete s.doc.meta[`k${n % 5}`],
  (s, n) => Object.assign(s.table.get("k") as Fields, { n }),
  (s, n) => void s.table.set(`k${n % 3}`, { n }),
  (s) => {
    const first = s.table.keys().next().value;
    if (first !== "k") s.table.delete(first);
  },
  (s, n) => void s.set.add(n % 4 === 0 ? { n } : n),
  (s, n) => {
    s.bytes[n % s.bytes.length] = n;
  },
  (s, n) => void s.date.setTime(n),
  (s, n) => Object.assign(pick(s.rows, n) ?? {}, { n }),
  (s, n) => void s.rows.splice(n % (s.rows.length + 1), 0, { n, text: LONG }),
  (s, n) => void s.rows.splice(n % (s.rows.length + 1), 2),
  (s, n) => {
    const row = pick(s.rows, n);
    if (row?.text !== undefined) {
      const { text } = row;
      delete row.text;
      row.text = text;
    }
  },
];

const programs = fc.array(
  fc.array(fc.tuple(fc.nat(EDITS.length - 1), fc.nat(500)), { maxLength: 4 }),
  { minLength: 1, maxLength: 6 },
);

type Program = [edit: number, n: number][];

export function edit(state: State, program: Program): void {
  for (const [which, n] of program) EDITS[which]?.(state, n);
}

/** Puts one live state again and again, edited in between, and compares every checkpoint. */
async function throughPut(db: Database, thread: string, steps: readonly Program[]): Promise<void> {
  const saver = db.saver();
  const state = startState();
  const oracle: State[] = [];
  let config = place(thread);
  for (const [i, program] of steps.entries()) {
    edit(state, program);
    oracle.push(deepCopy(state));
    const versions = Object.fromEntries(Object.keys(state).map((key) => [key, i + 1]));
    const saving = put(saver, config, checkpoint(idOf(i), { ...state }, versions));
    // What happens after the call must not reach what it stores.
    if (i % 2 === 1) edit(state, program);
    config = await saving;
  }
  for (const reader of [saver, db.saver()]) {
    for (const [i, expected] of oracle.entries()) {
      const tuple = await reader.getTuple(place(thread, idOf(i)));
      assertSame(tuple?.checkpoint.channel_values, expected, `checkpoint ${i}`);
    }
  }
}

const replace = <T>(_: T, next: T): T => next;
const StateAnnotation = Annotation.Root({
  state: Annotation<State>({ reducer: replace, default: startState }),
  step: Annotation<number>({ reducer: replace, default: () => 0 }),
});

/** A graph whose node edits its state in place and returns the very object. */
async function throughGraph(
  db: Database,
  thread: string,
  steps: readonly Program[],
): Promise<void> {
  const oracle: State[] = [];
  const graph = new StateGraph(StateAnnotation)
    .addNode("edit", ({ state, step }) => {
      edit(state, steps[step] as Program);
      oracle.push(deepCopy(state));
      return { state, step: step + 1 };
    })
    .addEdge(START, "edit")
    .addConditionalEdges("edit", ({ step }) => (step < steps.length ? "edit" : END))
    .compile({ checkpointer: db.saver() });
  const config = { configurable: { thread_id: thread }, recursionLimit: 100 };
  // Only `sync` hands a checkpoint to the saver before the next node edits what is in it.
  await graph.invoke({ step: 0 }, { ...config, durability: "sync" });
  const reader = new StateGraph(StateAnnotation)
    .addNode("edit", () => ({}))
    .addEdge(START, "edit")
    .compile({ checkpointer: db.saver() });
  const seen: State[] = [];
  for await (const { values, metadata } of reader.getStateHistory(config)) {
    if ((metadata?.step ?? 0) > 0) seen.unshift((values as { state: State }).state);
  }
  assertSame(seen.length, oracle.length, "checkpoints");
  for (const [i, expected] of oracle.entries()) assertSame(seen[i], expected, `step ${i + 1}`);
}

/** Changes everything that can be reached. */
function vandalise(value: unknown, seen = new Set<object>()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  const parts: unknown[] = Reflect.ownKeys(value).map(
    (key) => (value as Record<string | symbol, unknown>)[key],
  );
  if (value instanceof Map) parts.push(...[...value].flat());
  if (value instanceof Set) parts.push(...value);
  if (ArrayBuffer.isView(value)) {
    Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength).fill(1);
    return;
  }
  for (const part of parts) vandalise(part, seen);
  if (value instanceof ArrayBuffer) Buffer.from(value).fill(1);
  if (value instanceof Date) value.setTime(1);
  if (value instanceof URL) value.hash = "gone";
  if (value instanceof Map) value.set("vandal", 1);
  if (value instanceof Set) value.add("vandal");
  if (Array.isArray(value)) value.push("vandal");
  for (const key of Object.keys(value)) {
    if (!Object.getOwnPropertyDescriptor(value, key)?.writable) continue;
    if (typeof (value as Fields)[key] !== "object") (value as Fields)[key] = "vandal";
  }
  (value as Fields).vandal = 1;
}

async function vandalismIsPrivate(db: Database, thread: string, value: unknown): Promise<void> {
  const writer = db.saver();
  const config = await put(writer, place(thread), checkpoint("1", { value, same: value }));
  await writer.putWrites(config, [["value", value]], "task");
  const read = async (saver = writer) => [
    (await saver.getTuple(place(thread)))!,
    ...(await all(saver, place(thread))),
  ];
  const first = await read(db.saver());
  const before = deepCopy(first);
  vandalise(value);
  vandalise(first);
  for (const saver of [writer, db.saver()]) {
    const again = await read(saver);
    assertSame(again, before, "after the first reader");
    vandalise(again);
    assertSame(await read(saver), before, "after another reader");
  }
}

export const mutationChecks: Checks = {
  "put sees every edit in place, and none that comes after it": async (db) => {
    let n = 0;
    const property = fc.asyncProperty(programs, (steps) => throughPut(db, `t${n++}`, steps));
    await fc.assert(property, runs(150));
  },
  "a graph whose nodes edit their state in place is stored as it was at each step": async (db) => {
    let n = 0;
    const property = fc.asyncProperty(programs, (steps) => throughGraph(db, `t${n++}`, steps));
    await fc.assert(property, runs(50));
  },
  "no caller reaches another caller's object": async (db) => {
    let n = 0;
    await vandalismIsPrivate(db, "state", startState());
    const any = fc.oneof(values, messages, fc.array(messages, { maxLength: 3 }));
    const property = fc.asyncProperty(any, (value) => vandalismIsPrivate(db, `t${n++}`, value));
    await fc.assert(property, runs(150));
  },
};
