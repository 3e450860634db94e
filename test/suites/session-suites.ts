import { exportChecks } from "./export.js";
import { exportBadInputChecks } from "./export-bad-input.js";
import { isolationChecks } from "./isolation.js";
import { absenceChecks } from "./isolation-absence.js";
import { ownedRunChecks } from "./isolation-runs.js";
import { scopeChecks } from "./isolation-storage.js";
import { ownerCrossingChecks } from "./owners-crossing.js";
import { pluginSuites } from "./plugin-suites.js";
import { repairChecks } from "./repair.js";
import { repairHumanChecks } from "./repair-human.js";
import { repairKilledChecks } from "./repair-killed.js";
import { repairShapeChecks } from "./repair-shapes.js";
import { retentionChecks } from "./retention.js";
import { expireChecks } from "./retention-expire.js";
import { statsChecks } from "./retention-stats.js";
import { retentionSubgraphChecks } from "./retention-subgraphs.js";
import { retentionWriterChecks } from "./retention-writers.js";
import { sessionChecks } from "./sessions.js";
import { sessionCopyChecks } from "./sessions-copy.js";
import { sessionEdgeChecks } from "./sessions-edges.js";
import { sessionEraseChecks } from "./sessions-erase.js";
import { sessionStatusChecks } from "./sessions-status.js";
import { transcriptChecks } from "./transcripts.js";
import { historyWindowChecks } from "./transcripts-history.js";
import { transcriptReadChecks } from "./transcripts-reads.js";

/** What sessions promise on every backend. */
export const sessionSuites = {
  sessions: sessionChecks,
  "status of sessions": sessionStatusChecks,
  copies: sessionCopyChecks,
  erasure: sessionEraseChecks,
  scopes: scopeChecks,
  isolation: isolationChecks,
  "foreign is absent": absenceChecks,
  "owned runs": ownedRunChecks,
  "owners that cross": ownerCrossingChecks,
  "edges of sessions": sessionEdgeChecks,
  retention: retentionChecks,
  "retention beside writers": retentionWriterChecks,
  "retention of subgraphs": retentionSubgraphChecks,
  expiry: expireChecks,
  sizes: statsChecks,
  "export and import": exportChecks,
  "exported files": exportBadInputChecks,
  transcripts: transcriptChecks,
  "transcripts: what is read": transcriptReadChecks,
  "windows of a history": historyWindowChecks,
  repair: repairChecks,
  "repair and humans": repairHumanChecks,
  "repair, shapes": repairShapeChecks,
  ...pluginSuites,
};

/** What they promise besides where records outlive the process. */
export const durableSessions = {
  "repair after a kill": repairKilledChecks,
};
