import { contract } from "../src/harness.js";
import { memory } from "../src/memory.js";
import { persistenceSuites } from "../suites/persistence.js";

contract(memory, persistenceSuites);
