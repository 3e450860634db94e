import { Command } from "@langchain/langgraph";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import { buildGraph, type DemoGraph } from "./graph.js";
import { paint, say } from "./print.js";
import { openPersistence } from "./saver.js";
import { type Focus, type Question, request } from "./state.js";
import type { Observer, Work } from "./work.js";
import { logWork } from "./worklog.js";

export interface Task {
  database: string;
  log: string;
  folder: string;
  thread: string;
  action: { start: Focus } | { resume: true } | { approveAs: string };
  /** The tool call that never ends, as "name part", so that the process can be killed in it. */
  hold?: string;
}

export type Report = { held: Work } | { question: Question } | { reportFile: string };

type Input = Parameters<DemoGraph["invoke"]>[0];

const task: Task = JSON.parse(process.argv[2] as string);

function tell(report: Report): Promise<void> {
  return new Promise((resolve) => process.send?.(report, () => resolve()));
}

/** Holds one tool, and tells so once the saver has confirmed the results of all others beside it. */
class Holder {
  #held: Work | undefined;
  #saved = 0;

  watch(saver: BaseCheckpointSaver): void {
    const putWrites = saver.putWrites.bind(saver);
    saver.putWrites = async (config, writes, ...rest) => {
      await putWrites(config, writes, ...rest);
      if (writes.some(([channel]) => channel === "measurements")) this.#saved += 1;
      await this.#tellWhenAlone();
    };
  }

  async hold(work: Work): Promise<never> {
    this.#held = work;
    process.on("disconnect", () => process.exit(1));
    await this.#tellWhenAlone();
    return new Promise(() => {});
  }

  async #tellWhenAlone(): Promise<void> {
    if (this.#held?.of === this.#saved + 1) await tell({ held: this.#held });
  }
}

function observe(holder: Holder): Observer {
  return {
    async started(work) {
      logWork(task.log, "started", work);
      if (task.hold !== `${work.title.split(" ")[0]} ${work.part}`) return;
      showWork(work, paint.yellow("running"));
      await holder.hold(work);
    },
    finished(work, outcome) {
      logWork(task.log, "finished", work);
      showWork(work, outcome);
    },
  };
}

function showWork({ node, title, part, of }: Work, outcome: string): void {
  const who = part ? `${node} ${part}/${of}` : node;
  say(`${who.padEnd(10)} ${title}  ${paint.dim(`→ ${outcome}`)}`);
}

function input() {
  const { action } = task;
  if ("start" in action) return request(action.start);
  if ("approveAs" in action) return new Command({ resume: { approvedBy: action.approveAs } });
  return null;
}

const { persistence, writeReport } = openPersistence(task.database);
const saver = persistence.checkpointer;
const holder = new Holder();
holder.watch(saver);
const { folder } = task;
const graph = await buildGraph({ saver, folder, writeReport, observer: observe(holder) });
const config = { configurable: { thread_id: task.thread } };
const state = await graph.invoke(input() as Input, { ...config, durability: "sync" });

const question = (state as { __interrupt__?: { value: Question }[] }).__interrupt__?.[0]?.value;
await persistence.end();
await tell(question ? { question } : { reportFile: state.reportFile });
process.disconnect?.();
