import { contract } from "../src/harness.js";
import { mysql } from "../src/mysql.js";
import { durableSessions, sessionSuites } from "../suites/session-suites.js";

contract(mysql, { ...sessionSuites, ...durableSessions });
