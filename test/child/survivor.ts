import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { HumanMessage } from "@langchain/core/messages";
import { ChatMessageHistory, StorageError, StorageSaver } from "@threadkeep/core";
import { seal } from "../faults/sealed.js";
import type { Opened } from "../faults/served.js";
import { checkpoint, idOf, place, put } from "../src/checkpoints.js";

/**
 * Writes on several threads whatever happens to the database, and says what was acknowledged and
 * what was not. It repeats a `put` or a `putWrites` until it is acknowledged, but adds no message
 * twice.
 *
 * Arguments: module, url, number of threads. Orders: `{ order: "write" | "pause" | "stop" }`.
 */
const [module, url, count] = process.argv.slice(2) as [string, string, string];
const { default: connect } = (await import(module)) as Opened;
const storage = connect(url);
const saver = new StorageSaver(storage);
const working = new Set<Promise<void>>();
let isOn = false;

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/** @returns whether the call was acknowledged; an error that asks for no repetition is thrown */
async function tried(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call();
    return true;
  } catch (error) {
    if (!(error instanceof StorageError && error.retryable)) throw error;
    say({ failed: error.code });
    // A server that is gone refuses at once.
    await setTimeout(5);
    return false;
  }
}

async function until(call: () => Promise<unknown>): Promise<void> {
  while (!(await tried(call))) if (!isOn) return;
}

class Writer {
  #config;
  #messages: HumanMessage[] = [];
  #next = 0;
  readonly #thread: string;

  constructor(thread: string) {
    this.#thread = thread;
    this.#config = place(thread);
  }

  async step(): Promise<void> {
    const thread = this.#thread;
    const id = idOf(this.#next);
    const i = this.#next;
    this.#next += 1;
    this.#messages = [
      ...this.#messages.slice(-20),
      new HumanMessage({ id, content: `${id} ${"x".repeat(i % 700)}` }),
    ];
    const values = seal({
      messages: this.#messages,
      doc: { text: "y".repeat((i * 37) % 3000), i },
    });
    const saved = checkpoint(id, values, { messages: i + 1, doc: i + 1, proof: i + 1 });
    await until(async () => {
      const config = await put(saver, this.#config, saved);
      say({ stored: id, thread, proof: values.proof });
      this.#config = config;
    });
    if (this.#config.configurable?.checkpoint_id !== id) return;
    await until(async () => {
      await saver.putWrites(
        this.#config,
        [
          ["messages", id],
          ["doc", values.doc],
        ],
        "task",
      );
      say({ written: id, thread });
    });
    await tried(async () => {
      await new ChatMessageHistory(storage, thread).addMessage(new HumanMessage(id));
      say({ said: id, thread });
    });
  }

  async run(): Promise<void> {
    while (isOn) await this.step();
  }
}

const writers = Array.from({ length: Number(count) }, (_, i) => new Writer(`t${i}`));

say({ ready: process.pid });
for await (const line of createInterface({ input: process.stdin })) {
  const { order } = JSON.parse(line) as { order: string };
  isOn = order === "write";
  if (isOn) for (const writer of writers) working.add(writer.run());
  else {
    await Promise.all(working);
    working.clear();
    say({ paused: true });
  }
  if (order === "stop") break;
}
await storage.close();
say({ ended: Date.now() });
process.stdin.destroy();
