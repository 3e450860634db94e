import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { mysqlRows } from "./servers/mariadb.js";
import { postgresRows } from "./servers/postgres.js";
import { runExample as run } from "./src/examples.js";

test("swap-import goes on where the closed saver stopped", async () => {
  expect(await run("swap-import", "src/main.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "Hello! → That was message 1 of our talk.",
      "Are you still there? → That was message 3 of our talk.\n",
    ].join("\n"),
    stderr: "",
  });
});

test("chat-history keeps sessions apart, reads the last page, and clears one", async () => {
  expect(await run("chat-history", "src/main.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "anna: I like tea. → You began with: I like tea.",
      "ben: I like coffee. → You began with: I like coffee.",
      "anna: What do I like? → You began with: I like tea.",
      "anna's last page: What do I like? | You began with: I like tea.",
      "after ben cleared his: anna has 4, ben has 0\n",
    ].join("\n"),
    stderr: "",
  });
});

test("fork reads both branches back", async () => {
  expect(await run("fork", "src/main.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "origin: Rome: train to Rome, hotel in Rome, dinner in Rome",
      "fork: Florence: train to Rome, hotel in Florence, dinner in Florence\n",
    ].join("\n"),
    stderr: "",
  });
});

test("rollback-with-undo takes files back, stops at a failing undo, and goes on", async () => {
  expect(await run("rollback-with-undo", "src/main.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "files: a.txt, b.txt, c.txt, d.txt",
      "back to after the first file, this would be undone: d.txt, c.txt, b.txt",
      'stopped: rollbackToCheckpoint: undo of "write_file", call "call-3": Error: c.txt is locked',
      "undone: d.txt",
      "failed: c.txt; not tried: b.txt",
      "files: a.txt, b.txt, c.txt",
      "tried again, undone: c.txt, b.txt",
      "files: a.txt",
      "goes on in agent, after wrote a.txt",
      "files: a.txt, b.txt, c.txt, d.txt\n",
    ].join("\n"),
    stderr: "",
  });
});

test("resume-after-crash runs each step to its end once, and begins anew after a tombstone", async () => {
  expect(await run("resume-after-crash", "src/main.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "child: check started",
      "child: check finished",
      "child: reserve started",
      "child: reserve finished",
      "child: pay started",
      "child: killed by SIGKILL",
      "parent: pay started",
      "parent: pay finished",
      "parent: ship started",
      "parent: ship finished",
      "",
      "book: check, reserve, pay, ship",
      "lamp: check, reserve, pay, ship",
      "stored, newest first: tombstone, ship, pay, reserve, check, tombstone, ship, pay, reserve, check\n",
    ].join("\n"),
    stderr: "",
  });
});

test("time-travel goes back by name, goes on before a node, and says which nodes ran", async () => {
  expect(await run("time-travel", "src/main.ts")).toEqual({
    exitCode: 0,
    stdout: [
      "a run to its end",
      "  city: Rome, next: nothing",
      "  Plan a trip., a train to Rome, a hotel in Rome, a room in Rome, dinner in Rome",
      "┌─────────┬────────────────┬───────────┬────────────────────────────────────────────┬──────────┐",
      "│ version │ name           │ node path │ last input                                 │ messages │",
      '│ 10      │                │ eat       │ {"city":"Rome","messages":["Plan a trip."… │ 5        │',
      '│ 9       │ dinner in Rome │ eat       │ {"city":"Rome","messages":["Plan a trip."… │ 4        │',
      '│ 8       │                │ stay      │ {"city":"Rome","messages":["Plan a trip."… │ 4        │',
      '│ 7       │                │ stay/book │ {"city":"Rome","messages":["Plan a trip."… │ 4        │',
      '│ 6       │                │ stay/find │ {"city":"Rome","messages":["Plan a trip."… │ 3        │',
      "│ 5       │                │           │                                            │ 2        │",
      "│ 4       │                │           │                                            │ 0        │",
      '│ 3       │                │ travel    │ {"city":"Rome","messages":["Plan a trip."… │ 2        │',
      "│ 2       │                │           │                                            │ 1        │",
      "│ 1       │                │           │                                            │ 0        │",
      "└─────────┴────────────────┴───────────┴────────────────────────────────────────────┴──────────┘",
      "rolled back, to before the dinner",
      "  city: Rome, next: eat",
      "  Plan a trip., a train to Rome, a hotel in Rome, a room in Rome",
      "set to before the stay, which is given another city",
      "  city: Rome, next: stay",
      "  Plan a trip., a train to Rome, a hotel in Rome, a room in Rome",
      "gone on from there",
      "  city: Pisa, next: nothing",
      "  Plan a trip., a train to Rome, a hotel in Rome, a room in Rome, a hotel in Pisa, a room in Pisa, dinner in Pisa",
      "rolled back, the conversation alone",
      "  city: none, next: nothing",
      "  Plan a trip., a train to Rome, a hotel in Rome, a room in Rome",
      "begun anew, with that conversation",
      "  city: Siena, next: nothing",
      "  Plan a trip., a train to Rome, a hotel in Rome, a room in Rome, a train to Siena, a hotel in Siena, a room in Siena, dinner in Siena",
      "┌──────┬────────┬────────────┬───────────┐",
      "│ step │ source │ node paths │ next      │",
      "│ 7    │ loop   │ eat        │           │",
      "│ 6    │ loop   │ stay       │ eat       │",
      "│ 5    │ loop   │ travel     │ stay      │",
      "│ 4    │ loop   │            │ travel    │",
      "│ 3    │ input  │            │ __start__ │",
      "│ 2    │ fork   │            │           │",
      "│ 4    │ loop   │ eat        │           │",
      "│ 3    │ loop   │ stay       │ eat       │",
      "│ 2    │ fork   │            │ stay      │",
      "│ 2    │ fork   │ stay       │ eat       │",
      "│ 3    │ loop   │ eat        │           │",
      "│ 2    │ loop   │ stay       │ eat       │",
      "│ 1    │ loop   │ travel     │ stay      │",
      "│ 0    │ loop   │            │ travel    │",
      "│ -1   │ input  │            │ __start__ │",
      "└──────┴────────┴────────────┴───────────┘\n",
    ].join("\n"),
    stderr: "",
  });
});

describe("one-app", () => {
  const database = `one_app_${randomBytes(8).toString("hex")}`;
  const postgresUrl = inject("postgresUrl");
  const mysqlUrl = inject("mysqlUrl");
  const urls: Record<string, string> = {
    memory: "",
    sqlite: ":memory:",
    postgres: Object.assign(new URL(postgresUrl), { pathname: database }).href,
    mysql: Object.assign(new URL(mysqlUrl), { pathname: database }).href,
  };
  beforeAll(async () => {
    await postgresRows(postgresUrl, `CREATE DATABASE ${database}`);
    await mysqlRows(mysqlUrl, `CREATE DATABASE ${database}`);
  });
  afterAll(async () => {
    await postgresRows(postgresUrl, `DROP DATABASE ${database}`);
    await mysqlRows(mysqlUrl, `DROP DATABASE ${database}`);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  test.each(Object.keys(urls))("does the same on %s", async (backend) => {
    vi.stubEnv("DATABASE_URL", urls[backend]);
    expect(await run("one-app", `src/${backend}.ts`)).toEqual({
      exitCode: 0,
      stdout: [
        "Hello! → That was message 1 of our talk.",
        "Are you still there? → That was message 3 of our talk.",
        "kept: 6 checkpoints",
        "deleted: true\n",
      ].join("\n"),
      stderr: "",
    });
  });

  test.each(["postgres", "mysql"])("says what to do where %s is not there", async (backend) => {
    vi.stubEnv("DATABASE_URL", `${backend}://nobody@127.0.0.1:1/nothing`);
    const { exitCode, stderr } = await run("one-app", `src/${backend}.ts`);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/cannot connect to \w+ at 127\.0\.0\.1:1.*\nName .* DATABASE_URL\.\n$/);
  });
});

describe("demo", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "threadkeep-demo-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("passes all of its own checks, twice in the same folder", async () => {
    for (let round = 0; round < 2; round += 1) {
      const { exitCode, stdout, stderr } = await run("demo", "src/main.ts", folder);
      expect(stderr).toBe("");
      expect(stdout).toMatch(/killed \(SIGKILL\), tool 5 of 8 was running/);
      expect(stdout).toMatch(/✓ all \d+ runs of nodes are there, each with its input/);
      expect(stdout).toMatch(/summarise\/rank +messages: \d+, .*… +ok /);
      expect(stdout).toMatch(/approve +messages: \d+, .*… +interrupted, ok /);
      expect(stdout).toMatch(/write_report +report-by-size\.md +done +none\n/);
      expect(stdout).toMatch(/write_report +report-by-width\.md +done +undone\n/);
      expect(stdout).toContain("✓ the thread goes on before the approval");
      expect(stdout).toMatch(/\d+ checks, all passed\./);
      expect(stdout).not.toContain("\u001b");
      expect(exitCode).toBe(0);
    }
    expect(await readFile(join(folder, "report-by-size.md"), "utf8")).toContain("approved by you");
    expect(await readdir(folder)).not.toContain("report-by-width.md");
  }, 120_000);

  test("fails when a check fails, and says which", async () => {
    const script = `
      import { check, summarizeChecks } from "./src/checks.ts";
      check("water is wet", true);
      check("the moon is near", false);
      summarizeChecks();`;
    const ended = await run("demo", "--input-type=module", "--eval", script);
    expect(ended.exitCode).toBe(1);
    expect(ended.stdout).toContain("2 checks, 1 failed:\n  ✗ the moon is near");
  });
});
