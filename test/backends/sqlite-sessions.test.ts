import { contract } from "../src/harness.js";
import { sqlite } from "../src/sqlite.js";
import { durableSessions, sessionSuites } from "../suites/session-suites.js";

contract(sqlite, { ...sessionSuites, ...durableSessions });
