import { migrationSql } from "@threadkeep/postgres";
import { inject } from "vitest";
import { type Backend, contract } from "../src/harness.js";
import { postgresAt } from "../src/postgres.js";
import { deltaChecks } from "../suites/graphs-delta.js";
import { historyChecks } from "../suites/history.js";
import { recordChecks } from "../suites/records.js";
import { listChecks } from "../suites/saver-list.js";
import { putChecks } from "../suites/saver-put.js";
import { threadChecks } from "../suites/saver-threads.js";
import { writesChecks } from "../suites/saver-writes.js";
import { setupChecks } from "../suites/setup.js";

const PARTITIONS = 4;

const base = postgresAt("postgres, tables cut by session", inject("postgresUrl"));
const partitioned: Backend = {
  ...base,
  create: async () => {
    const found = await base.create();
    const [, schema = ""] = found.durable!.url.split(" ");
    await found.durable!.sql(migrationSql({ schema, partitions: PARTITIONS }));
    return found;
  },
};

const { "a table of our name that somebody else made is refused, naming the option": _, ...setup } =
  setupChecks;

contract(partitioned, {
  put: putChecks,
  "pending writes": writesChecks,
  list: listChecks,
  threads: threadChecks,
  "delta channels": deltaChecks,
  "chat history": historyChecks,
  records: recordChecks,
  setup,
});
