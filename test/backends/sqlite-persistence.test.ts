import { contract } from "../src/harness.js";
import { sqlite } from "../src/sqlite.js";
import { durablePersistence, persistenceSuites } from "../suites/persistence.js";

contract(sqlite, { ...persistenceSuites, ...durablePersistence });
