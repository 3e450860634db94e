import assert from "node:assert/strict";
import {
  Annotation,
  Command,
  interrupt,
  Send,
  START,
  StateGraph,
  task,
} from "@langchain/langgraph";
import type { NodeRun, StorageSaver } from "@threadkeep/core";

export const Trail = Annotation.Root({
  trail: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
  note: Annotation<string>(),
});

export const leaf = (name: string) => () => ({ trail: [name] });

const double = task("double", async (n: number, unit: { name: string }) => `${n * 2} ${unit.name}`);

/** A subgraph in a subgraph, sends, a question, a functional task, retries and an error. */
export function everything(checkpointer: StorageSaver) {
  let tries = 0;
  const innermost = new StateGraph(Trail)
    .addNode("think", ({ note }) => ({ trail: [`think ${note}`] }))
    .addNode("ask", () => ({ trail: [`got ${interrupt("go on?")}`] }))
    .addEdge(START, "think")
    .addEdge("think", "ask")
    .compile();
  const middle = new StateGraph(Trail)
    .addNode("inner", innermost)
    .addEdge(START, "inner")
    .compile();
  return new StateGraph(Trail)
    .addNode("plan", () => ({ trail: ["plan"] }))
    .addNode("sub", middle)
    .addNode(
      "fan",
      () =>
        new Command<unknown, never, "work">({
          goto: [1, 2, 3].map((at) => new Send("work", { at, of: ["x"] })),
        }),
      { ends: ["work"] },
    )
    .addNode("work", ({ at }: { at: number }) => ({ trail: [`work ${at}`] }))
    .addNode("call", async () => ({ trail: [await double(21, { name: "apples" })] }))
    .addNode(
      "flaky",
      () => {
        tries += 1;
        if (tries < 3) throw new RangeError(`try ${tries}`);
        return { trail: [`try ${tries}`] };
      },
      { retryPolicy: { maxAttempts: 3, initialInterval: 1, jitter: false, logWarning: false } },
    )
    .addNode("fails", () => {
      throw new TypeError("on purpose");
    })
    .addEdge(START, "plan")
    .addEdge("plan", "sub")
    .addEdge("sub", "fan")
    .addEdge("work", "call")
    .addEdge("call", "flaky")
    .addEdge("flaky", "fails")
    .compile({ checkpointer });
}

/** Every path of {@link everything}, as often as it runs. */
export const ALL_PATHS = [
  ...["call", "call/double", "fails", "fan", "flaky", "flaky", "flaky", "plan", "sub", "sub"],
  ...["sub/inner", "sub/inner", "sub/inner/ask", "sub/inner/ask", "sub/inner/think"],
  ...["work", "work", "work"],
];

/** Runs {@link everything} to its end: the question is answered in another process. */
export async function runEverything(make: () => StorageSaver, config: object): Promise<void> {
  await everything(make()).invoke({ note: "n" }, config);
  const resumed = everything(make()).invoke(new Command({ resume: "yes" }), config);
  await assert.rejects(resumed, /on purpose/);
}

/** Runs without what tells two threads apart, in an order of their own. */
export function likenesses(runs: readonly NodeRun[]): string[] {
  return runs
    .map(
      ({ taskId: _, checkpointNs: _ns, checkpointId: _id, startedAt: _at, endedAt: _end, ...r }) =>
        JSON.stringify(r),
    )
    .sort();
}
