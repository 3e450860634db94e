import { exportChecks } from "./export.js";
import { exportBadInputChecks } from "./export-bad-input.js";
import { pluginSuites } from "./plugin-suites.js";
import { retentionChecks } from "./retention.js";
import { expireChecks } from "./retention-expire.js";
import { statsChecks } from "./retention-stats.js";
import { retentionWriterChecks } from "./retention-writers.js";
import { sessionChecks } from "./sessions.js";
import { sessionCopyChecks } from "./sessions-copy.js";
import { sessionEraseChecks } from "./sessions-erase.js";
import { sessionStatusChecks } from "./sessions-status.js";

/** What sessions promise on every backend. */
export const sessionSuites = {
  sessions: sessionChecks,
  "status of sessions": sessionStatusChecks,
  copies: sessionCopyChecks,
  erasure: sessionEraseChecks,
  retention: retentionChecks,
  "retention beside writers": retentionWriterChecks,
  expiry: expireChecks,
  sizes: statsChecks,
  "export and import": exportChecks,
  "exported files": exportBadInputChecks,
  ...pluginSuites,
};
