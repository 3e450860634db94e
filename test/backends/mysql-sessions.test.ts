import { contract } from "../src/harness.js";
import { mysql } from "../src/mysql.js";
import { sessionSuites } from "../suites/session-suites.js";

contract(mysql, sessionSuites);
