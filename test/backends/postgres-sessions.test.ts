import { contract } from "../src/harness.js";
import { postgres } from "../src/postgres.js";
import { durableSessions, sessionSuites } from "../suites/session-suites.js";

contract(postgres, { ...sessionSuites, ...durableSessions });
