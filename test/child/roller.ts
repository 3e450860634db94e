import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { Persistence, type Storage } from "@threadkeep/core";
import { threadConfig } from "../src/graphs.js";
import { line, type TrailState } from "../suites/rollback-world.js";
import { Process, World } from "../suites/undo-world.js";

/**
 * Runs graphs, calls tools and rolls back in a process of its own, and says what it did. Calls and
 * undos are said before they are made; whatever bears the name `hang` never ends.
 *
 * Arguments: module, url. Orders come as lines.
 */
type Order =
  | { readonly order: "agent"; readonly script: string[][]; readonly hang?: string }
  | { readonly order: "rollback"; readonly to: string; readonly hang?: string }
  | { readonly order: "line"; readonly wait: string }
  | { readonly order: "go" };

const [module, url] = process.argv.slice(2) as [string, string];
const { default: connect } = (await import(module)) as { default(url: string): Storage };
const storage = connect(url);
const config = threadConfig("t");
let go = () => {};

function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function open(hang: string | undefined): Process {
  const stay = (name: string) => (name === hang ? new Promise(() => {}) : undefined);
  return new Process(storage, new World(), {
    call: (name, tool) => {
      say({ did: `${tool} ${name}` });
      return stay(name);
    },
    undo: ({ tool, args }) => {
      const { name } = args as { name: string };
      say({ did: `undo ${tool} ${name}` });
      return stay(name);
    },
  });
}

async function obey(order: Order): Promise<unknown> {
  if (order.order === "agent") {
    const own = open(order.hang);
    const { turn } = await own.persistence.run(own.agent(order.script), { messages: [] }, config);
    return { turn };
  }
  if (order.order === "rollback") {
    const { undone } = await open(order.hang).persistence.rollbackToCheckpoint("t", order.to);
    return { undone: undone.length };
  }
  if (order.order === "go") return go();
  const log: string[] = [];
  const persistence = new Persistence(storage);
  let isFirst = true;
  const graph = line(persistence.checkpointer, log, {
    [order.wait]: async () => {
      if (!isFirst) return;
      isFirst = false;
      say({ waits: order.wait });
      await new Promise<void>((resolve) => {
        go = resolve;
      });
    },
  });
  const { trail } = (await persistence.run(graph, { note: "n" }, config)) as TrailState;
  return { log, trail };
}

say({ ready: process.pid });
createInterface({ input: process.stdin }).on("line", (text) => {
  const order = JSON.parse(text) as Order;
  obey(order).then(
    (answer) => say({ done: order.order, ...(answer as object) }),
    (error) => say({ failed: order.order, code: error.code, message: String(error) }),
  );
});
