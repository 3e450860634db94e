import { spawn } from "node:child_process";
import { once } from "node:events";
import { watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename } from "node:path";
import { PassThrough } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import { AIMessage } from "@langchain/core/messages";
import { SqliteStorage } from "@threadkeep/sqlite";
import { run } from "threadkeep";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cliArgs, createFolder, does, EVIL, type Folder, json, seed } from "./src/cli.js";

/** A stream as a terminal has it, which tells what it shows. */
class Screen extends PassThrough {
  readonly isTTY = true;
  readonly columns = 100;
  text = "";

  constructor() {
    super();
    this.on("data", (chunk) => {
      this.text += String(chunk);
    });
  }

  /** Waits until a text stands there, in whatever colours and lines. */
  async shows(words: RegExp): Promise<void> {
    const isThere = () => words.test(stripVTControlCharacters(this.text).replace(/\s+/g, " "));
    while (!isThere()) await once(this, "data");
  }
}

/** A terminal at which somebody sits. */
class Seat {
  readonly stdin = Object.assign(new PassThrough(), { isTTY: true });
  readonly stdout = new Screen();
  readonly stderr = new Screen();
  readonly stopping = new AbortController();
  readonly signal = this.stopping.signal;
  readonly env: Record<string, string>;

  constructor(env: Record<string, string> = {}) {
    this.env = env;
  }
}

let place: Folder;
let url: string[];

beforeEach(async () => {
  place = await createFolder();
  url = ["--url", place.file];
  const storage = SqliteStorage.connect(place.file);
  await seed(storage);
  await storage.close();
}, 60_000);
afterEach(() => place.remove());

const LONG = { timeout: 120_000 };
const sizes = async () => (await json(["stats", ...url, "--all"])).tables;
const prune = () => ["prune", "--all", "--keep-last", "1", ...url];

describe("before anything is deleted, a person is asked", LONG, () => {
  test("and told how much; no leaves everything", async () => {
    const before = await sizes();
    const seat = new Seat();
    const ended = run(prune(), seat);
    await seat.stderr.shows(/Remove \d+ checkpoints of 4 sessions: \d+ rows, .*, from sqlite:/);
    seat.stdin.write("n\r");
    expect(await ended).toBe(1);
    expect(seat.stdout.text).toBe("");
    expect(seat.stderr.text).toContain("threadkeep: nothing was deleted\n");
    expect(await sizes()).toEqual(before);
  });

  test("and yes removes it, with a bar that is gone in the end", async () => {
    const seat = new Seat();
    const ended = run(prune(), seat);
    await seat.stderr.shows(/y\/N/);
    seat.stdin.write("y\r");
    expect(await ended).toBe(0);
    expect(seat.stdout.text).toMatch(/^Removed \d+ checkpoints of 4 sessions: /);
    expect(seat.stderr.text).toContain("removing: rows █");
    const last = (what: string) => seat.stderr.text.lastIndexOf(what);
    expect(last("\u001b[2K")).toBeGreaterThan(last("removing"));
    expect(last("\u001b[?25h")).toBeGreaterThan(last("\u001b[?25l"));
  });

  test("not where there is nothing to delete", async () => {
    await does([...prune(), "--yes"]);
    const seat = new Seat();
    expect(await run(prune(), seat)).toBe(0);
    expect(seat.stdout.text).toMatch(/^Removed 0 checkpoints/);
    expect(await run(["erase", "--tenant", "nobody", ...url], seat)).toBe(0);
    expect(seat.stderr.text).not.toContain("?\u001b");
  });

  test("in harmless words, and Ctrl-C is a no", async () => {
    const seat = new Seat();
    const ended = run(["erase", `x${EVIL}`, ...url], seat);
    await seat.stderr.shows(/Erase session x␛\[31mred␛\]0;title␇<9b>2J .*: \d+ rows, .* for ever/);
    seat.stdin.write("\u0003");
    expect(await ended).toBe(130);
    expect(await json(["show", `x${EVIL}`, ...url])).toBeDefined();
  });

  test("about an owner's sessions, too", async () => {
    const seat = new Seat();
    const ended = run(["erase", "--tenant", "acme", ...url], seat);
    await seat.stderr.shows(/Erase 2 sessions of tenant acme, from /);
    seat.stdin.write("y\r");
    expect(await ended).toBe(0);
    expect(seat.stdout.text).toMatch(/^Erased 2 sessions: /);
  });

  test("but not if the answers cannot be seen", async () => {
    const { stdin, stdout, env } = new Seat();
    const stderr = new PassThrough();
    expect(await run(prune(), { stdin, stdout, stderr, env })).toBe(2);
    expect(String(stderr.read())).toContain("say --yes");
  });
});

test("colours are for terminals, and only where they are wanted", LONG, async () => {
  const shown = async (env: Record<string, string>) => {
    const seat = new Seat(env);
    expect(await run(["sessions", "--all", ...url], seat)).toBe(0);
    return seat.stdout.text;
  };
  expect(await shown({})).toContain("\u001b[32mdone\u001b[39m");
  expect(await shown({ NO_COLOR: "1" })).not.toContain("\u001b");
  expect(await shown({ TERM: "dumb" })).not.toContain("\u001b");
  expect(await does(["sessions", "--all", ...url])).not.toContain("\u001b");
});

test("JSON stays JSON on a terminal, with the progress beside it", LONG, async () => {
  const seat = new Seat();
  expect(await run(["stats", "--all", "--json", ...url], seat)).toBe(0);
  expect(JSON.parse(seat.stdout.text)).toMatchObject({ sessions: 4 });
  expect(seat.stderr.text).toContain("sessions");
});

test("an export to a terminal drives it no more than the rest", LONG, async () => {
  const seat = new Seat();
  expect(await run(["export", `x${EVIL}`, ...url], seat)).toBe(0);
  expect(seat.stdout.text).toContain("\\u009b2J");
  expect(seat.stdout.text).not.toMatch(/[^\P{Cc}\n]/u);
});

/** A conversation of some megabytes. */
async function makeLong(): Promise<void> {
  const persistence = place.open();
  const text = "A long answer. ".repeat(1000);
  const messages = Array.from({ length: 200 }, (_, i) => new AIMessage(`${i}: ${text}`));
  await persistence.history("long").addMessages(messages);
  await persistence.end();
}

describe("whoever stops it", LONG, () => {
  const start = (...args: string[]) => spawn(process.execPath, cliArgs(args));
  type Child = ReturnType<typeof start>;
  const ended = async (child: Child) => {
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += String(chunk);
    });
    const [code, signal] = await once(child, "close");
    return { code, signal, stderr };
  };

  test("by closing the pipe has had enough", async () => {
    await makeLong();
    for (const command of [
      ["export", "long"],
      ["show", "long", "--last", "200"],
    ]) {
      const child = start(...command, ...url);
      child.stdout.once("data", () => child.stdout.destroy());
      expect(await ended(child)).toEqual({ code: 0, signal: null, stderr: "" });
    }
  });

  test("by closing the pipe keeps no file from being written", async () => {
    const folder = `${place.folder}/exported`;
    const child = start("export", "--all", "--dir", folder, "--json", ...url);
    child.stdout.destroy();
    expect(await ended(child)).toEqual({ code: 0, signal: null, stderr: "" });
    expect(await readdir(folder)).toHaveLength(4);
  });

  test.each(["SIGINT", "SIGTERM"] as const)(
    "by %s ends with 130, the database closed",
    async (by) => {
      const opened = `${basename(place.file)}-wal`;
      const watcher = watch(place.folder);
      const isOpen = new Promise<void>((resolve) => {
        watcher.on("change", (_, name) => name === opened && resolve());
      });
      const child = start("import", "-", ...url);
      const end = ended(child);
      await isOpen;
      watcher.close();
      child.kill(by);
      expect(await end).toEqual({ code: 130, signal: null, stderr: "" });
      expect(await readdir(place.folder)).toEqual([basename(place.file)]);
    },
  );

  test("in the middle of an export leaves no half of a file", async () => {
    await makeLong();
    const seat = new Seat();
    const out = `${place.folder}/long.ndjson`;
    const watcher = watch(place.folder);
    watcher.on("change", (_, name) => {
      if (String(name).endsWith(".part")) seat.stopping.abort();
    });
    expect(await run(["export", "long", "--out", out, ...url], seat)).toBe(130);
    watcher.close();
    expect((await readdir(place.folder)).filter((name) => name.includes("ndjson"))).toEqual([]);
  });
});
