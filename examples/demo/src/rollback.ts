import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { AgentCheckpoint, ToolCall } from "@threadkeep/core";
import { check } from "./checks.js";
import { type Demo, type Opened, withGraph } from "./demo.js";
import { plural, printTable, say } from "./print.js";
import { reportFileIn } from "./report.js";
import type { DemoState, Question } from "./state.js";
import { logTo, readLog } from "./worklog.js";

/** Goes back to before the last approval; the report that was written since is removed. */
export async function showRollback(demo: Demo): Promise<void> {
  const before = await withGraph(demo, (opened) => readThread(opened, demo.thread));
  const target = await withGraph(demo, (opened) => rollBack(opened, demo.thread));
  const after = await withGraph(demo, (opened) => readThread(opened, demo.thread));

  printTable(
    ["tool", "file", "called", "undo"],
    after.calls.map((call) => [call.tool, basename(reportFileIn(call)), call.status, call.undo]),
  );
  say();
  const files = before.calls.map(reportFileIn);
  const last = before.state.reportFile;
  check(
    "the report of the branch that was left is gone, the other one is still there",
    files.includes(last) && files.every((file) => existsSync(file) === (file !== last)),
  );
  check(
    "one call is recorded as undone",
    after.calls.filter(({ undo }) => undo === "undone").length === 1,
  );
  check(
    "the thread goes on before the approval, with the summary and without a report",
    after.next.join() === "approve" &&
      after.state.summary === before.state.summary &&
      after.state.reportFile === undefined,
  );
  check(
    "the conversation is that of the checkpoint",
    after.state.messages.length === target.messageHistory.length,
  );
  await checkQuestion(demo, after.state);
}

interface Thread {
  state: DemoState;
  next: readonly string[];
  calls: ToolCall[];
}

async function readThread({ persistence, graph }: Opened, thread: string): Promise<Thread> {
  const { values, next } = await graph.getState({ configurable: { thread_id: thread } });
  return { state: values as DemoState, next, calls: await persistence.toolCalls(thread) };
}

async function rollBack({ persistence, graph }: Opened, thread: string): Promise<AgentCheckpoint> {
  const query = { nodePath: "summarise", checkpointNs: "", limit: 1 };
  const [target] = await persistence.listCheckpoints(thread, query);
  if (target === undefined) throw new Error("no checkpoint stands behind the summary");
  const { undone } = await persistence.rollbackToCheckpoint(thread, target.checkpointId, { graph });
  say(`Rolled back to version ${target.version}; ${plural(undone.length, "tool call")} undone.`);
  say();
  return target;
}

/** Goes on after the rollback. */
async function checkQuestion(demo: Demo, { summary }: DemoState): Promise<void> {
  const done = readLog(demo.forkLog).length;
  const state = await withGraph(
    demo,
    ({ persistence, graph }) =>
      persistence.run(graph, null, { configurable: { thread_id: demo.thread } }),
    logTo(demo.forkLog),
  );
  const { __interrupt__ } = state as { __interrupt__?: { value: Question }[] };
  const again = readLog(demo.forkLog).slice(done);
  check(
    "run goes on there: it asks the same question again, and runs nothing else",
    __interrupt__?.[0]?.value.summary === summary && again.length === 1,
  );
}
