import "./src/tmp-d.js";
import { it } from "vitest";
import { MemoryStorage } from "@threadkeep/core";
import { MemorySaver as LG } from "@langchain/langgraph";
import { started, Gate } from "./src/persistence.js";
import { agentOf, human, AT, stateOf } from "./suites/repair-world.js";
it.each([["ours"],["lg"]])("%s", async (which) => {
    const storage = new MemoryStorage();
    const persistence = which === "ours" ? started(storage) : { checkpointer: new LG() } as never;
    const entered = new Gate();
    const agent = agentOf(persistence, (name, signal) => {
      if (name !== "slow") return undefined;
      entered.open();
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("Abort")));
      });
    });
    const stop = new AbortController();
    const running = agent.invoke(human("call slow"), { ...AT, signal: stop.signal });
    running.catch(() => {});
    await entered.opened;
    if (process.env.WAIT) for (let i = 0; i < 50; i++) await new Promise((r) => setImmediate(r));
    console.log("entered", (await storage.list({ limit: 100 })).map(c=>c.checkpoint.step+" "+c.checkpoint.source));
    stop.abort();
    await running.catch((e) => console.log("E", e.name));
    console.log((await stateOf(agent)).lines, (await stateOf(agent)).next);
    console.log("after", (await storage.list({ limit: 100 })).map(c=>c.checkpoint.step+" "+c.checkpoint.source));
});
