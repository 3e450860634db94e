import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { check } from "./checks.js";
import { type Demo, withGraph } from "./demo.js";
import { paint, plural, printTable, quote, say } from "./print.js";
import { REPOSITORY } from "./tools.js";
import type { Work } from "./work.js";
import { runInProcess } from "./worker.js";
import { count, type Entry, nameOf, readLog, redone, repeated } from "./worklog.js";

export interface Killed {
  pid: number;
  /** What was running. */
  held: Work;
}

/** Runs the agent until its fifth measurement is running and all others are saved; then kills it. */
export async function crash(demo: Demo): Promise<Killed> {
  const ended = await runInProcess({ ...demo, action: { start: "size" }, hold: "measure_file 5" });
  const { pid, held, signal } = ended;
  if (!held) throw new Error(`process ${pid} ended before the tool to be killed in was reached`);
  say(
    paint.red(`■ process ${pid} killed (${signal}), tool ${held.part} of ${held.of} was running`),
  );
  check("the process died by SIGKILL", signal === "SIGKILL");

  const before = readLog(demo.log);
  const finished = count(before, "finished", "measure_file");
  const saved = await savedMeasurements(demo);
  check(
    "one tool was started and not finished",
    count(before, "started") - count(before, "finished") === 1,
  );
  check(
    `the database holds the ${plural(finished, "result")} of this step that had finished`,
    saved === finished && finished === (held.of ?? 0) - 1,
  );
  return { pid, held };
}

function savedMeasurements(demo: Demo): Promise<number> {
  return withGraph(demo, async ({ saver }) => {
    const tuple = await saver.getTuple({ configurable: { thread_id: demo.thread } });
    return tuple?.pendingWrites?.filter(([, channel]) => channel === "measurements").length ?? 0;
  });
}

/** Goes on from the last stored state, to the question that a person must answer. */
export async function goOn(demo: Demo, { held }: Killed): Promise<void> {
  const { pid, question } = await runInProcess({ ...demo, action: { resume: true } });
  say();
  say(`The agent has summed up, and asks: ${question?.question}`);
  quote(question?.summary ?? "");

  const log = readLog(demo.log);
  const again = repeated(log);
  check("it stops and waits for a person", question !== undefined);
  check(
    `of the ${plural(held.of ?? 0, "tool")} in the interrupted step, only the killed one ran again`,
    count(log, "started", "measure_file", pid) === 1 &&
      again.length === 1 &&
      again[0] === nameOf(held),
  );
  check("no finished step ran twice", redone(log).length === 0);
}

/** Gives the answer; the agent writes the report. */
export async function approve(demo: Demo, killed: Killed): Promise<void> {
  const { reportFile } = await runInProcess({ ...demo, action: { approveAs: "you" } });
  say();
  const log = readLog(demo.log);
  showProcesses(log, killed.pid);
  for (const work of repeated(log)) {
    const reason = work === nameOf(killed.held) ? "was killed" : "was waiting for the answer";
    say(`Started again, since it ${reason}: ${work}.`);
  }
  say();
  check("no finished step ran twice, over all three processes", redone(log).length === 0);
  check("the report is there", reportFile !== undefined && existsSync(reportFile));
  const rows = reportFile ? readReport(reportFile) : [];
  check(
    `its ${plural(rows.length, "row")} agree with the files on disk`,
    rows.length > 0 && rows.every((row) => agrees(row, demo.started)),
  );
}

function showProcesses(log: Entry[], killed: number): void {
  const pids = [...new Set(log.map(({ pid }) => pid))];
  printTable(
    ["process", ">started", ">finished", "ended"],
    pids.map((pid, index) => [
      pid,
      count(log, "started", "", pid),
      count(log, "finished", "", pid),
      pid === killed ? "killed" : index === pids.length - 1 ? "done" : "waits for an answer",
    ]),
  );
}

/** Whether a file has the reported size, or was edited while the demo was running. */
function agrees({ path, bytes }: { path: string; bytes: number }, started: number): boolean {
  const { size, mtimeMs } = statSync(path);
  return size === bytes || mtimeMs > started;
}

/** The files and sizes in the report's table. */
function readReport(file: string): { path: string; bytes: number }[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .filter(([, rank]) => Number(rank) > 0)
    .map(([, , path = "", , bytes]) => ({ path: join(REPOSITORY, path), bytes: Number(bytes) }));
}
