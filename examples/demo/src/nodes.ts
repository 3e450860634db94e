import { basename } from "node:path";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, HumanMessage, SystemMessage, type ToolMessage } from "@langchain/core/messages";
import { interrupt } from "@langchain/langgraph";
import { type Facts, modelOf, type Writer } from "./model.js";
import { plural } from "./print.js";
import { type ReportTool, reportFileOf, reportText } from "./report.js";
import {
  type Answer,
  type DemoState,
  FOCUS,
  type Question,
  type SummaryState,
  type ToolInput,
} from "./state.js";
import { type Measurement, type Outline, type ToolName, tools } from "./tools.js";
import type { Body } from "./work.js";

export const plan = (model: BaseChatModel): Body<DemoState, Partial<DemoState>> => ({
  describe: ({ messages }) => {
    const turns = messages.filter((message) => AIMessage.isInstance(message)).length;
    return { node: "planner", title: `turn ${turns + 1}` };
  },
  async run({ messages }) {
    const system = new SystemMessage("Choose the next tools, or say that you are done.");
    const reply = await model.invoke([system, ...messages]);
    const calls = reply.tool_calls ?? [];
    const outcome =
      calls.length > 0 ? `asks for ${calls.length} × ${calls[0]?.name}` : "knows enough";
    return [{ messages: [reply] }, outcome];
  },
});

export const useTool: Body<ToolInput, Partial<DemoState>> = {
  describe: ({ call, part, of }) => {
    const title = `${call.name} ${Object.values(call.args).join(" ")}`;
    return { node: "tool", title, part, of };
  },
  async run({ call }) {
    const result = await tools[call.name as ToolName].invoke({ ...call, type: "tool_call" });
    const message = result as ToolMessage;
    if (call.name !== "measure_file") {
      const noun = call.name === "list_files" ? "file" : "line";
      return [{ messages: [message] }, plural(message.text.split("\n").length, noun)];
    }
    const measurement = message.artifact as Measurement;
    return [
      { messages: [message], measurements: [measurement] },
      plural(measurement.lines, "line"),
    ];
  },
};

export const rank: Body<SummaryState, Partial<SummaryState>> = {
  describe: ({ focus }) => ({ node: "rank", title: `rank by ${FOCUS[focus].title}` }),
  async run({ focus, measurements, messages }) {
    const outlines = messages
      .filter(({ name }) => name === "read_file")
      .map((message) => (message as ToolMessage).artifact as Outline);
    const outlineOf = (path: string) => outlines.find((file) => file.path === path)?.names ?? [];
    const ranking = measurements
      .map((file) => ({ ...file, outline: outlineOf(file.path) }))
      .sort((a, b) => FOCUS[focus].of(b) - FOCUS[focus].of(a));
    return [{ ranking }, `${ranking[0]?.path} is first`];
  },
};

export const write = (model: Writer): Body<SummaryState, Partial<SummaryState>> => ({
  describe: ({ focus }) => ({ node: "write", title: `summarise by ${FOCUS[focus].title}` }),
  async run({ focus, ranking }) {
    const { title, unit, of } = FOCUS[focus];
    const files = ranking.map((file) => ({
      path: file.path,
      value: of(file),
      holds: file.outline,
    }));
    const facts: Facts = { focus: title, unit, files };
    const prompt = `Say in three sentences which files stand out by ${title}. The facts, as JSON:`;
    const reply = await model.invoke([new HumanMessage(`${prompt}\n${JSON.stringify(facts)}`)]);
    return [{ summary: reply.text, writer: modelOf(reply) }, `written by ${modelOf(reply)}`];
  },
});

export const approve: Body<DemoState, Partial<DemoState>> = {
  describe: () => ({ node: "approve", title: "ask a person" }),
  async run({ summary }) {
    const question: Question = { question: "Shall I write the report?", summary };
    const { approvedBy = "" } = interrupt<Question, Answer>(question);
    return [{ approvedBy }, approvedBy ? `approved by ${approvedBy}` : "refused"];
  },
};

export const report = (
  folder: string,
  writeReport: ReportTool,
): Body<DemoState, Partial<DemoState>> => ({
  describe: ({ focus }) => ({ node: "report", title: `report by ${FOCUS[focus].title}` }),
  async run(state) {
    const file = reportFileOf(folder, state);
    await writeReport.invoke({ file, text: reportText(state) });
    return [{ reportFile: file }, basename(file)];
  },
});
