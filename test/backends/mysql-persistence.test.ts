import { contract } from "../src/harness.js";
import { mysql } from "../src/mysql.js";
import { durablePersistence, persistenceSuites } from "../suites/persistence.js";

contract(mysql, { ...persistenceSuites, ...durablePersistence });
