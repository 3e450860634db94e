import { Annotation, type LangGraphRunnableConfig, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@threadkeep/sqlite";

const Trip = Annotation.Root({
  city: Annotation<string>,
  plan: Annotation<string[]>({ reducer: (a, b) => a.concat(b), default: () => [] }),
});

const saver = SqliteSaver.fromConnString(":memory:");
const graph = new StateGraph(Trip)
  .addNode("travel", ({ city }) => ({ plan: [`train to ${city}`] }))
  .addNode("stay", ({ city }) => ({ plan: [`hotel in ${city}`] }))
  .addNode("eat", ({ city }) => ({ plan: [`dinner in ${city}`] }))
  .addEdge("__start__", "travel")
  .addEdge("travel", "stay")
  .addEdge("stay", "eat")
  .compile({ checkpointer: saver });

const thread: LangGraphRunnableConfig = { configurable: { thread_id: "trip" } };
await graph.invoke({ city: "Rome" }, thread);
const origin = (await graph.getState(thread)).config;

// Back to the moment after the train, and on from there with another city.
let afterTravel = origin;
for await (const { config, next } of graph.getStateHistory(thread)) {
  if (next[0] === "stay") afterTravel = config;
}
const forked = await graph.updateState(afterTravel, { city: "Florence" });
await graph.invoke(null, forked);
const fork = (await graph.getState(thread)).config;

for (const [name, config] of Object.entries({ origin, fork })) {
  const { values } = await graph.getState(config);
  console.log(`${name}: ${values.city}: ${values.plan.join(", ")}`);
}
await saver.end();
