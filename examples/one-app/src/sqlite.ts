import { SqliteSaver } from "@threadkeep/sqlite";
import { run } from "./app.js";

await run(SqliteSaver.fromConnString(process.env.DATABASE_URL ?? "one-app.db"));
