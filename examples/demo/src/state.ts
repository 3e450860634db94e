import { HumanMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { Annotation, MessagesAnnotation } from "@langchain/langgraph";
import type { Measurement } from "./tools.js";

export const FOCUS = {
  size: { title: "number of lines", unit: "lines", of: (file: Measurement) => file.lines },
  width: { title: "longest line", unit: "characters", of: (file: Measurement) => file.longestLine },
} as const;

export type Focus = keyof typeof FOCUS;

export interface Ranked extends Measurement {
  /** What the file exports, or its headings; empty where it was not read. */
  outline: string[];
}

export interface Question {
  question: string;
  summary: string;
}

export interface Answer {
  approvedBy?: string;
}

const Result = Annotation.Root({
  ranking: Annotation<Ranked[]>,
  summary: Annotation<string>,
  writer: Annotation<string>,
});

export const State = Annotation.Root({
  ...MessagesAnnotation.spec,
  ...Result.spec,
  focus: Annotation<Focus>,
  measurements: Annotation<Measurement[]>({ reducer: (a, b) => a.concat(b), default: () => [] }),
  approvedBy: Annotation<string>,
  reportFile: Annotation<string>,
});

/** The subgraph reads the measurements and must not append them again: it returns the result only. */
export const Summary = Annotation.Root({
  ...MessagesAnnotation.spec,
  ...Result.spec,
  focus: Annotation<Focus>,
  measurements: Annotation<Measurement[]>,
});
export const SummaryOutput = Result;

export type DemoState = typeof State.State;
export type SummaryState = typeof Summary.State;

/** What a tool gets: its call, and which one it is of those that run at the same time. */
export interface ToolInput {
  call: ToolCall;
  part: number;
  of: number;
}

export function request(focus: Focus) {
  const text = "Measure the largest files of this repository, and say which of them stand out.";
  return { focus, messages: [new HumanMessage(text)] };
}
