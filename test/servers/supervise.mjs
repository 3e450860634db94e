// Makes a folder and runs a server for another process. When that process is gone, however it
// ended, the server is stopped and the folder deleted.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdtempSync, openSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const GRACE_MS = 10_000;

const folder = mkdtempSync(join(realpathSync(tmpdir()), `threadkeep-${process.argv[2]}-`));
// The server may run as another user, who has to get to its data.
chmodSync(folder, 0o711);
let server;
let stopSignal;

function tell(message) {
  // Nobody may be left to hear it.
  if (process.connected) process.send(message, () => {});
}

function start({ command, args, env, uid, gid, stopSignal: signal }) {
  const log = openSync(join(folder, "log"), "w");
  const child = spawn(command, args, { cwd: folder, env, uid, gid, stdio: ["ignore", log, log] });
  closeSync(log);
  stopSignal = signal;
  tell({ started: child.pid ?? null });
  child.once("error", (error) => {
    if (child.pid === undefined) tell({ ended: error.message });
  });
  child.once("exit", (code, signal) => {
    server = undefined;
    tell({ ended: signal ?? `exit code ${code}` });
  });
  if (child.pid !== undefined) server = child;
}

function stop() {
  const child = server;
  if (child === undefined) return;
  child.kill(stopSignal);
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  child.once("exit", () => clearTimeout(timer));
}

process.on("message", ({ order, ...rest }) => {
  if (order === "start") start(rest);
  if (order === "stop") stop();
  if (order === "kill") server?.kill("SIGKILL");
});

async function cleanUp() {
  if (server !== undefined) {
    const exit = once(server, "exit");
    stop();
    await exit;
  }
  // Children of a killed server may still write into it.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
}

// That process may be gone before this one is up.
if (process.connected) process.once("disconnect", cleanUp);
else cleanUp();
tell({ ready: folder });
