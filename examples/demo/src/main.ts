import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { summarizeChecks } from "./checks.js";
import { showSizes } from "./compare.js";
import { approve, crash, goOn } from "./crash.js";
import { freshDemo } from "./demo.js";
import { showFork } from "./fork.js";
import { heading, say } from "./print.js";
import { showRollback } from "./rollback.js";
import { showTimeline } from "./timeline.js";

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL("../.demo", import.meta.url)));
const demo = freshDemo(folder, "measure-files");

heading("threadkeep demo");
say("An agent measures the largest files of this repository. It is killed in the middle of a");
say("step, goes on in a new process, asks for approval, and writes a report.");

heading("1. Run the agent, and kill it while a tool is running");
const killed = await crash(demo);

heading("2. Go on in a second process");
await goOn(demo, killed);

heading("3. Approve in a third process");
await approve(demo, killed);

heading("4. The timeline, as stored");
await showTimeline(demo);

heading("5. The size of the database");
await showSizes(demo);

heading("6. Fork: go back to before the summary, and change the focus");
await showFork(demo);

heading("7. Roll back: to before the last approval, and take back its report");
await showRollback(demo);

heading("Checks");
summarizeChecks();
const seconds = ((Date.now() - demo.started) / 1000).toFixed(1);
const here = relative(process.env.INIT_CWD ?? process.cwd(), folder);
say(`Took ${seconds} s. All files are in ${here.startsWith("..") ? folder : here}.`);
