import { MemorySaver } from "@threadkeep/core";
import { run } from "./app.js";

await run(new MemorySaver());
