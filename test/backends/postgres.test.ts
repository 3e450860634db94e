import { contract } from "../src/harness.js";
import { postgres } from "../src/postgres.js";
import { durableBackend, everyBackend } from "../suites/all.js";
import { upstream } from "../suites/upstream.js";

contract(postgres, { ...everyBackend, ...durableBackend });
upstream(postgres);
