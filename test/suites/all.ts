import { badInputChecks } from "./bad-input.js";
import { concurrencyChecks } from "./concurrency.js";
import { corruptChecks } from "./corrupt.js";
import { crashChecks } from "./crash.js";
import { graphChecks } from "./graphs.js";
import { agentChecks } from "./graphs-agents.js";
import { deltaChecks } from "./graphs-delta.js";
import { historyChecks } from "./history.js";
import { idChecks } from "./ids.js";
import { lateChecks } from "./late.js";
import { modelChecks } from "./model.js";
import { sessionModelChecks } from "./model-sessions.js";
import { mutationChecks } from "./mutation.js";
import { nodeRunChecks } from "./node-runs.js";
import { recordChecks } from "./records.js";
import { listChecks } from "./saver-list.js";
import { optionChecks } from "./saver-options.js";
import { putChecks } from "./saver-put.js";
import { threadChecks } from "./saver-threads.js";
import { writesChecks } from "./saver-writes.js";
import { closeChecks, setupChecks } from "./setup.js";
import { valueChecks } from "./values.js";

/** What every backend promises. */
export const everyBackend = {
  records: recordChecks,
  values: valueChecks,
  "edits in place": mutationChecks,
  put: putChecks,
  "pending writes": writesChecks,
  list: listChecks,
  threads: threadChecks,
  options: optionChecks,
  concurrency: concurrencyChecks,
  graphs: graphChecks,
  "delta channels": deltaChecks,
  agents: agentChecks,
  "late ids and late deletions": lateChecks,
  "node runs": nodeRunChecks,
  model: modelChecks,
  "model of sessions": sessionModelChecks,
  "chat history": historyChecks,
  "bad input": badInputChecks,
  ids: idChecks,
  closing: closeChecks,
};

/** What a backend promises besides that keeps its records in a database. */
export const durableBackend = {
  setup: setupChecks,
  "damaged rows": corruptChecks,
  crashes: crashChecks,
};
