import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Session } from "@threadkeep/core";

const folder = mkdtempSync(join(tmpdir(), "threadkeep-sessions-http-"));
let child: ChildProcess;
let url: string;

async function startServer(): Promise<void> {
  const args = ["--import", "tsx", "src/server.ts", join(folder, "chat.db")];
  child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface(child.stdout!), "line");
  url = line;
}

process.on("exit", () => child.kill());

async function killServer(): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** Does what a page in a browser would do, and prints what a person would see there. */
class Browser {
  readonly #name: string;
  #cookie = "";

  constructor(name: string) {
    this.#name = name;
  }

  async fetch(method: string, path: string, body?: object): Promise<Response> {
    const headers = { cookie: this.#cookie };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(url + path, { method, headers, ...sent });
    this.#cookie = response.headers.get("set-cookie")?.split(";")[0] ?? this.#cookie;
    return response;
  }

  async open(title: string): Promise<string> {
    const session = (await (await this.fetch("POST", "/sessions", { title })).json()) as Session;
    await this.fetch("POST", `/sessions/${session.id}/switch`);
    return session.id;
  }

  /** In the session that is open; the answer comes in pieces. */
  async say(text: string): Promise<void> {
    const response = await this.fetch("POST", "/sessions/current/messages", { text });
    console.log(`${this.#name}: ${text} → ${await response.text()}`);
    assert.equal(response.status, 200);
  }

  async list(status?: string): Promise<string[]> {
    const query = status === undefined ? "" : `&status=${status}`;
    const titles: string[] = [];
    let cursor: string | undefined;
    do {
      const rest = cursor === undefined ? "" : `&cursor=${cursor}`;
      const response = await this.fetch("GET", `/sessions?limit=2${query}${rest}`);
      const page = (await response.json()) as { sessions: Session[]; cursor?: string };
      titles.push(...page.sessions.map(({ title }) => title ?? ""));
      cursor = page.cursor;
    } while (cursor !== undefined);
    console.log(`${this.#name} sees, ${status ?? "all"}: ${titles.sort().join(", ") || "nothing"}`);
    return titles;
  }
}

await startServer();
const ada = new Browser("Ada");
const ben = new Browser("Ben");
await ada.say("Hello.");
const trip = await ada.open("Trip");
await ada.say("I want to see Rome.");
await ada.say("Book a hotel.");
await ada.open("Recipes");
await ada.say("I like cake.");
assert.equal((await ada.list()).length, 3);

// Ben knows the id of Ada's session. It is as if it were not there.
await ben.say("Good morning.");
assert.deepEqual(await ben.list(), ["New chat"]);
for (const [method, path] of [
  ["GET", `/sessions/${trip}/messages`],
  ["POST", `/sessions/${trip}/messages`],
  ["POST", `/sessions/${trip}/switch`],
  ["DELETE", `/sessions/${trip}`],
] as const) {
  const { status } = await ben.fetch(method, path, method === "POST" ? { text: "yes" } : undefined);
  console.log(`Ben: ${method} ${path.replace(trip, ":trip")} → ${status}`);
  assert.equal(status, 404);
}

console.log("the server is killed, and started again");
await killServer();
await startServer();

// The cookies are as before, and so are the sessions: one still waits for Ada.
assert.deepEqual(await ada.list("interrupted"), ["Trip"]);
await ada.fetch("POST", `/sessions/${trip}/switch`);
await ada.say("yes");
assert.deepEqual(await ada.list("interrupted"), []);

const page = await ada.fetch("GET", `/sessions/${trip}/messages?last=4`);
const { messages, before } = (await page.json()) as { messages: unknown[][]; before: number };
for (const [position, role, text] of messages) console.log(`  ${position} ${role}: ${text}`);
assert.deepEqual([messages.length, before], [4, 2]);

await ada.fetch("DELETE", `/sessions/${trip}`);
assert.deepEqual(await ada.list(), ["New chat", "Recipes"]);
assert.equal((await ada.fetch("GET", "/sessions?limit=-1")).status, 400);

await killServer();
rmSync(folder, { recursive: true });
