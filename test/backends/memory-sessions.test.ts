import { contract } from "../src/harness.js";
import { memory } from "../src/memory.js";
import { sessionSuites } from "../suites/session-suites.js";

contract(memory, sessionSuites);
