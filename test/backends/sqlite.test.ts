import { contract } from "../src/harness.js";
import { sqlite } from "../src/sqlite.js";
import { durableBackend, everyBackend } from "../suites/all.js";
import { upstream } from "../suites/upstream.js";

contract(sqlite, { ...everyBackend, ...durableBackend });
upstream(sqlite);
