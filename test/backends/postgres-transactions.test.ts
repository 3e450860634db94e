import { PostgresStorage } from "@threadkeep/postgres";
import { inject } from "vitest";
import { contract } from "../src/harness.js";
import { postgresAt } from "../src/postgres.js";
import { everyBackend } from "../suites/all.js";

const url = inject("postgresUrl");
const { put, list, threads, concurrency, model } = everyBackend;

contract(
  postgresAt("postgres, batches as transactions", url, (schema) =>
    PostgresStorage.connect(url, { schema, batches: "transaction", pool: { max: 4 } }),
  ),
  {
    put,
    "pending writes": everyBackend["pending writes"],
    list,
    threads,
    concurrency,
    "delta channels": everyBackend["delta channels"],
    model,
    "chat history": everyBackend["chat history"],
  },
);
