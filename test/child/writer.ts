import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { HumanMessage } from "@langchain/core/messages";
import { type Storage, StorageSaver } from "@threadkeep/core";
import { checkpoint, place, put } from "../src/checkpoints.js";

/**
 * Writes checkpoints until it is killed, or until it has written `count`, and says which were
 * acknowledged. It first reads back all that is there.
 *
 * Arguments: module, url. Orders come as one line: `{ thread, name, count }`.
 */
interface Order {
  readonly thread: string;
  readonly name: string;
  readonly count: number;
}

const [module, url] = process.argv.slice(2) as [string, string];
const { default: connect } = (await import(module)) as { default(url: string): Storage };

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/** What a checkpoint holds, and the proof that it holds all of it. */
function seal(values: Record<string, unknown>): Record<string, unknown> & { proof: string } {
  return { ...values, proof: proofOf(values) };
}

function proofOf({ proof: _, ...values }: Record<string, unknown>): string {
  return createHash("sha256").update(JSON.stringify(values)).digest("hex");
}

async function readAll(saver: StorageSaver, thread: string): Promise<void> {
  let count = 0;
  for await (const tuple of saver.list(place(thread))) {
    const { channel_values, id } = tuple.checkpoint;
    const isWhole = channel_values.proof === proofOf(channel_values);
    say({ found: id, proof: channel_values.proof, isWhole, writes: tuple.pendingWrites?.length });
    count += 1;
  }
  say({ read: count });
}

async function write(saver: StorageSaver, { thread, name, count }: Order): Promise<void> {
  const before = await saver.getTuple(place(thread));
  let config = before?.config ?? place(thread);
  const old = (before?.checkpoint.channel_values.messages ?? []) as HumanMessage[];
  let messages = old.slice(-20);
  for (let i = 0; i < count; i += 1) {
    const id = `${name}-${String(i).padStart(6, "0")}`;
    messages = [
      ...messages.slice(-60),
      new HumanMessage({ id, content: `${id} ${"x".repeat(i % 700)}` }),
    ];
    const values = seal({ messages, doc: { text: "y".repeat((i * 37) % 3000), i }, name });
    config = await put(
      saver,
      config,
      checkpoint(id, values, { messages: i + 1, doc: i + 1, name: i + 1, proof: i + 1 }),
    );
    say({ stored: id, proof: values.proof });
    await saver.putWrites(
      config,
      [
        ["messages", messages.slice(-1)],
        ["doc", values.doc],
      ],
      `task-${name}`,
    );
    say({ written: id });
  }
}

say({ ready: process.pid });
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order;
  const saver = new StorageSaver(connect(url));
  await readAll(saver, order.thread);
  await write(saver, order);
  await saver.end();
  say({ done: order.name });
  break;
}
process.stdin.destroy();
