import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { paint, say } from "./print.js";
import type { Report, Task } from "./run.js";
import type { Question } from "./state.js";
import type { Work } from "./work.js";

export interface Ended {
  pid: number;
  signal: NodeJS.Signals | null;
  /** What was running when the process was killed. */
  held?: Work;
  question?: Question;
  reportFile?: string;
}

const ENTRY = fileURLToPath(new URL("./run.ts", import.meta.url));

/** Does a task in a process of its own, and kills the process as soon as it tells that it is held. */
export async function runInProcess(task: Task): Promise<Ended> {
  const child = fork(ENTRY, [JSON.stringify(task)]);
  const pid = child.pid as number;
  say(paint.dim(`process ${pid}`));

  const reports: Report[] = [];
  child.on("message", (report: Report) => {
    reports.push(report);
    if ("held" in report) child.kill("SIGKILL");
  });
  const [[exitCode, signal]] = await Promise.all([once(child, "exit"), once(child, "disconnect")]);
  if (exitCode) throw new Error(`process ${pid} failed with exit code ${exitCode}`);
  return { pid, signal, ...Object.assign({}, ...reports) };
}
