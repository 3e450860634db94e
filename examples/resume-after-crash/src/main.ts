import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { log, openOrders, thread } from "./order.js";

const folder = mkdtempSync(join(tmpdir(), "threadkeep-resume-"));

const child = fork(fileURLToPath(new URL("./child.ts", import.meta.url)), [folder]);
child.on("message", () => child.kill("SIGKILL"));
const [, signal] = await once(child, "exit");
log(folder, `child: killed by ${signal}`);

// The same call as in the child. It goes on in the third step; its input is left aside.
const { persistence, graph } = openOrders(folder, "parent");
const first = await persistence.run(graph, { item: "book" }, thread, { tombstone: true });
console.log(readFileSync(join(folder, "side.log"), "utf8"));
console.log(`${first.item}: ${first.done.join(", ")}`);

// The tombstone has ended the thread: the next run finds nothing of the first order in its state.
const second = await persistence.run(graph, { item: "lamp" }, thread, { tombstone: true });
console.log(`${second.item}: ${second.done.join(", ")}`);

const past = await persistence.listCheckpoints("orders");
const paths = past.map(({ nodePath }) => nodePath).filter((path) => path !== "");
console.log(`stored, newest first: ${paths.join(", ")}`);

await persistence.end();
rmSync(folder, { recursive: true });
