import { contract } from "../src/harness.js";
import { mysql } from "../src/mysql.js";
import { durableBackend, everyBackend } from "../suites/all.js";
import { upstream } from "../suites/upstream.js";

contract(mysql, { ...everyBackend, ...durableBackend });
upstream(mysql);
