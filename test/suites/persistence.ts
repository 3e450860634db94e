import { persistenceBadInputChecks } from "./persistence-bad-input.js";
import { persistenceBadValueChecks } from "./persistence-bad-values.js";
import { checkpointChecks } from "./persistence-checkpoints.js";
import { filterChecks } from "./persistence-filters.js";
import { persistenceCrashChecks } from "./persistence-killed.js";
import { pointChecks } from "./persistence-points.js";
import { rerunChecks } from "./persistence-reruns.js";
import { resumeChecks } from "./persistence-resume.js";
import { scenarioChecks } from "./persistence-scenarios.js";
import { shapeChecks } from "./persistence-shapes.js";
import { versionChecks } from "./persistence-versions.js";
import { rollbackChecks } from "./rollback.js";
import { rollbackNestedChecks } from "./rollback-nested.js";
import { rollbackProcessChecks } from "./rollback-processes.js";
import { rollbackRunChecks } from "./rollback-runs.js";
import { rollbackValueChecks } from "./rollback-values.js";
import { undoChecks } from "./undo.js";
import { undoAgentChecks } from "./undo-agents.js";
import { undoCallChecks } from "./undo-calls.js";
import { undoFailureChecks } from "./undo-failures.js";
import { undoLevelChecks } from "./undo-levels.js";
import { undoRivalChecks } from "./undo-rivals.js";
import { undoThreadChecks } from "./undo-threads.js";

/** What the persistence API promises on every backend. */
export const persistenceSuites = {
  scenarios: scenarioChecks,
  "execution points": pointChecks,
  "runs again": rerunChecks,
  resume: resumeChecks,
  checkpoints: checkpointChecks,
  filters: filterChecks,
  "shapes of graphs": shapeChecks,
  versions: versionChecks,
  "bad input": persistenceBadInputChecks,
  "bad values": persistenceBadValueChecks,
  rollback: rollbackChecks,
  "rollback in subgraphs": rollbackNestedChecks,
  "rollback of runs": rollbackRunChecks,
  "rollback of values": rollbackValueChecks,
  undo: undoChecks,
  "undo of agents": undoAgentChecks,
  "undo of calls": undoCallChecks,
  "undo that fails": undoFailureChecks,
  "undo across levels": undoLevelChecks,
  "undo by rivals": undoRivalChecks,
  "undo across threads": undoThreadChecks,
};

/** What it promises besides where records outlive the process. */
export const durablePersistence = {
  "killed processes": persistenceCrashChecks,
  "rollback across processes": rollbackProcessChecks,
};
