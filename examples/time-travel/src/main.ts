import type { BaseMessage } from "@langchain/core/messages";
import {
  Annotation,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  StateGraph,
} from "@langchain/langgraph";
import { Persistence } from "@threadkeep/core";
import { SqliteStorage } from "@threadkeep/sqlite";
import Table from "cli-table3";

const Trip = Annotation.Root({ city: Annotation<string>, ...MessagesAnnotation.spec });
const persistence = new Persistence(SqliteStorage.connect(":memory:"));

const say = (what: string) => (trip: typeof Trip.State) => ({
  messages: [{ role: "ai", content: `${what} ${trip.city}` }],
});

const stay = new StateGraph(Trip)
  .addNode("find", say("a hotel in"))
  .addNode("book", say("a room in"))
  .addEdge("__start__", "find")
  .addEdge("find", "book")
  .compile();

const graph = new StateGraph(Trip)
  .addNode("travel", say("a train to"))
  .addNode("stay", stay)
  .addNode("eat", async (trip: typeof Trip.State, config: LangGraphRunnableConfig) => {
    await persistence.createCheckpoint(config, { checkpointId: `dinner in ${trip.city}` });
    return say("dinner in")(trip);
  })
  .addEdge("__start__", "travel")
  .addEdge("travel", "stay")
  .addEdge("stay", "eat")
  .compile({ checkpointer: persistence.checkpointer });

function shorten(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => part?.kwargs?.content ?? part) ?? "";
  return text.length > 42 ? `${text.slice(0, 41)}…` : text;
}

function printTable(head: string[], rows: (string | number)[][]): void {
  const noLines = { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" };
  const table = new Table({ head, chars: noLines, style: { head: [], border: [] } });
  table.push(...rows.map((row) => row.map(String)));
  console.log(table.toString());
}

async function show(what: string): Promise<void> {
  const { values, next } = await graph.getState(thread);
  const texts = values.messages.map(({ text }: BaseMessage) => text).join(", ");
  console.log(
    `${what}\n  city: ${values.city ?? "none"}, next: ${next.join() || "nothing"}\n  ${texts}`,
  );
}

const thread = { configurable: { thread_id: "trip" } };
const question = { role: "human", content: "Plan a trip." };
await persistence.run(graph, { city: "Rome", messages: [question] }, thread);
await show("a run to its end");

const checkpoints = await persistence.listCheckpoints("trip");
printTable(
  ["version", "name", "node path", "last input", "messages"],
  checkpoints.map(({ version, checkpointId, nodePath, lastInput, messageHistory }) => [
    version,
    checkpointId.startsWith("dinner") ? checkpointId : "",
    nodePath,
    shorten(lastInput),
    messageHistory.length,
  ]),
);

await persistence.rollbackToCheckpoint("trip", "dinner in Rome");
await show("rolled back, to before the dinner");

await persistence.setExecutionPoint("trip", { graph, nodePath: "stay", input: { city: "Pisa" } });
await show("set to before the stay, which is given another city");
await persistence.run(graph, null, thread);
await show("gone on from there");

await persistence.rollbackToCheckpoint("trip", "dinner in Rome", {
  strategy: "messageHistoryOnly",
});
await show("rolled back, the conversation alone");
await persistence.run(graph, { city: "Siena" }, thread);
await show("begun anew, with that conversation");

const steps: (string | number)[][] = [];
for await (const { metadata, next } of graph.getStateHistory(thread)) {
  const { nodePaths = [] } = metadata as { nodePaths?: string[] };
  steps.push([metadata?.step ?? "", metadata?.source ?? "", nodePaths.join(), next.join()]);
}
printTable(["step", "source", "node paths", "next"], steps);
await persistence.end();
