import { contract } from "../src/harness.js";
import { postgres } from "../src/postgres.js";
import { sessionSuites } from "../suites/session-suites.js";

contract(postgres, sessionSuites);
