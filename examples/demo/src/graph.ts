import { setMaxListeners } from "node:events";
import type { AIMessage } from "@langchain/core/messages";
import { END, Send, START, StateGraph } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { chooseWriter, OfflinePlanner, type Writer } from "./model.js";
import { approve, plan, rank, report, useTool, write } from "./nodes.js";
import { type ReportTool, reportTool } from "./report.js";
import { type DemoState, State, Summary, SummaryOutput } from "./state.js";
import { type Observer, silent, watch } from "./work.js";

// All tools that run at the same time listen to the run's one signal; Node warns of more than ten.
setMaxListeners(50);

interface Options {
  saver: BaseCheckpointSaver;
  /** Where the report goes. */
  folder: string;
  writeReport?: ReportTool;
  observer?: Observer;
}

export async function buildGraph({
  saver,
  folder,
  writeReport = reportTool(),
  observer = silent,
}: Options) {
  return new StateGraph(State)
    .addNode("planner", watch(observer, plan(new OfflinePlanner({}))))
    .addNode("tool", watch(observer, useTool))
    .addNode("summarise", buildSummary(observer, await chooseWriter()))
    .addNode("approve", watch(observer, approve))
    .addNode("report", watch(observer, report(folder, writeReport)))
    .addEdge(START, "planner")
    .addConditionalEdges("planner", afterPlanner, ["tool", "summarise"])
    .addEdge("tool", "planner")
    .addEdge("summarise", "approve")
    .addConditionalEdges("approve", afterApproval, ["report", END])
    .addEdge("report", END)
    .compile({ checkpointer: saver });
}

export type DemoGraph = Awaited<ReturnType<typeof buildGraph>>;

function buildSummary(observer: Observer, writer: Writer) {
  return new StateGraph(Summary, { output: SummaryOutput })
    .addNode("rank", watch(observer, rank))
    .addNode("write", watch(observer, write(writer)))
    .addEdge(START, "rank")
    .addEdge("rank", "write")
    .compile();
}

function afterPlanner({ messages }: DemoState) {
  const calls = (messages.at(-1) as AIMessage).tool_calls ?? [];
  if (calls.length === 0) return "summarise";
  return calls.map((call, index) => new Send("tool", { call, part: index + 1, of: calls.length }));
}

function afterApproval({ approvedBy }: DemoState) {
  return approvedBy ? "report" : END;
}
