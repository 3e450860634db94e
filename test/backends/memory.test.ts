import { contract } from "../src/harness.js";
import { memory } from "../src/memory.js";
import { everyBackend } from "../suites/all.js";
import { upstream } from "../suites/upstream.js";

contract(memory, everyBackend);
upstream(memory);
