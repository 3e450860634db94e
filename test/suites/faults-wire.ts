import assert from "node:assert/strict";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { type Storage, StorageSaver } from "@threadkeep/core";
import { type Proxied, withProxy } from "../faults/proxied.js";
import type { FaultProxy } from "../faults/proxy.js";
import type { GroundChecks } from "../faults/register.js";
import type { Served } from "../faults/served.js";
import { checkpoint, idOf, place, put } from "../src/checkpoints.js";

/** What a call costs on the wire, once connections and statements are warm. */
async function costOf(proxy: FaultProxy, call: () => Promise<unknown>) {
  const { flights, ran, commits } = proxy;
  await call();
  return {
    trips: proxy.flights - flights,
    statements: proxy.ran - ran,
    commits: proxy.commits - commits,
  };
}

/** Of calls in a row the last ones are warm. */
async function warmCost(proxy: FaultProxy, call: (i: number) => Promise<unknown>) {
  for (let i = 0; i < 6; i += 1) await call(i);
  const costs = [];
  for (let i = 6; i < 9; i += 1) costs.push(await costOf(proxy, () => call(i)));
  return costs;
}

function graphOn(storage: Storage) {
  return new StateGraph(MessagesAnnotation)
    .addNode("answer", ({ messages }) => ({ messages: [new AIMessage(`${messages.length}`)] }))
    .addEdge(START, "answer")
    .addEdge("answer", END)
    .compile({ checkpointer: new StorageSaver(storage) });
}

async function calls({ proxy, storage }: Proxied, { most }: Served): Promise<void> {
  const saver = new StorageSaver(storage);
  let config = place("t");
  const messages: HumanMessage[] = [];
  const puts = await warmCost(proxy, async (i) => {
    messages.push(new HumanMessage({ id: `m${i}`, content: "x" }));
    config = await put(
      saver,
      config,
      checkpoint(idOf(i), { messages: [...messages] }, { messages: i }),
    );
  });
  const writes = await warmCost(proxy, (i) => saver.putWrites(config, [["a", { i }]], `task${i}`));
  for (const { trips, statements, commits } of [...puts, ...writes]) {
    assert.ok(trips > 0 && trips <= most.trips, `${trips} round trips`);
    assert.ok(statements > 0 && statements <= most.put, `${statements} statements`);
    assert.equal(commits, 1);
  }
}

async function batches({ proxy, storage }: Proxied): Promise<void> {
  const saver = new StorageSaver(storage);
  const tenPuts = (round: number) =>
    Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        put(saver, place("t"), checkpoint(idOf(round * 10 + i), { i })),
      ),
    );
  for (const { commits } of await warmCost(proxy, tenPuts)) {
    assert.ok(commits >= 1 && commits <= 2, `${commits} commits`);
  }
}

async function turns({ proxy, storage }: Proxied, { most }: Served): Promise<void> {
  const graph = graphOn(storage);
  const turn = (i: number) =>
    graph.invoke(
      { messages: [new HumanMessage(`turn ${i}`)] },
      { configurable: { thread_id: "t" } },
    );
  for (const { trips } of await warmCost(proxy, turn)) {
    assert.ok(trips > 0 && trips <= most.turn, `${trips} round trips`);
  }
}

export const wireChecks: GroundChecks = {
  "put and putWrites take few round trips": (ground) =>
    withProxy(ground, (proxied) => calls(proxied, ground.served), { max: 1 }),
  "calls that wait on one thread go out as one batch": (ground) => withProxy(ground, batches),
  "a turn of a graph of one node takes few round trips": (ground) =>
    withProxy(ground, (proxied) => turns(proxied, ground.served), { max: 1 }),
};
