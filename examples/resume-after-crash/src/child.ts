import { openOrders, thread } from "./order.js";

process.on("disconnect", () => process.exit(1));

const { persistence, graph } = openOrders(process.argv[2] as string, "child", (step) => {
  if (step !== "pay") return;
  process.send?.(step);
  return new Promise(() => {}); // until it is killed
});
await persistence.run(graph, { item: "book" }, thread);
