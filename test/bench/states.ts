import { answer, question, randomFrom, text, uuid } from "./workload.js";

/** What a state is made of. */
export type StateKind = "messages" | "records" | "document";

export const kindLabels: Record<StateKind, string> = {
  messages: "messages",
  records: "plain objects",
  document: "document and counter",
};

export const sizes = { "1 KB": 1_000, "100 KB": 100_000, "1 MB": 1_000_000 } as const;

export interface State {
  readonly values: Record<string, unknown>;
  /** The channel that this step has written, and what the node wrote to it. */
  readonly changed: readonly [channel: string, write: unknown];
}

/**
 * The states of one thread, step by step. They stay at `bytes` bytes of JSON, and of one step to
 * the next only the end changes: another last message, another last object, or the counter. All
 * else is the same object again, as within a run of a graph.
 */
export type States = (step: number) => State;

export function statesOf(kind: StateKind, bytes: number): States {
  if (kind === "document") {
    const document = text(1, bytes);
    return (step) => ({ values: { document, counter: step }, changed: ["counter", step] });
  }
  const make = kind === "messages" ? message : record;
  const count = Math.max(1, Math.round(bytes / jsonBytes(make(0))));
  const kept = Array.from({ length: count - 1 }, (_, index) => make(index));
  return (step) => {
    const last = make(count + step);
    return { values: { [kind]: [...kept, last] }, changed: [kind, [last]] };
  };
}

const message = (index: number) => (index % 2 === 0 ? question(index >> 1) : answer(index >> 1));

/** A row as a tool returns it. */
function record(index: number) {
  const random = randomFrom(index);
  return {
    id: uuid(index),
    title: text(index, 60),
    rank: index,
    score: random(),
    tags: [text(index + 1, 8), text(index + 2, 8)],
    author: { name: text(index + 3, 16), verified: random() < 0.5 },
    reviewed: null,
  };
}

export const jsonBytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
