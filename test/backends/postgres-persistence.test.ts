import { contract } from "../src/harness.js";
import { postgres } from "../src/postgres.js";
import { durablePersistence, persistenceSuites } from "../suites/persistence.js";

contract(postgres, { ...persistenceSuites, ...durablePersistence });
