import { PostgresSaver } from "@threadkeep/postgres";
import { run } from "./app.js";

const url = process.env.DATABASE_URL ?? "postgres://postgres:postgres@localhost:5432/postgres";
await run(PostgresSaver.fromConnString(url));
