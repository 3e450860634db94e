import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import { mysqlRows } from "./servers/mariadb.js";
import { postgresRows } from "./servers/postgres.js";

const examples = fileURLToPath(new URL("../examples", import.meta.url));

interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Runs TypeScript in an example's folder: without a terminal, and without any model's key. */
function run(example: string, ...args: string[]): Promise<Ended> {
  const { OPENAI_API_KEY, ANTHROPIC_API_KEY, ...env } = process.env;
  const options = { cwd: join(examples, example), env };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["--import", "tsx", ...args],
      options,
      (_, stdout, stderr) => resolve({ exitCode: child.exitCode, stdout, stderr }),
    );
  });
}

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
      expect(stdout).toMatch(/\d+ checks, all passed\./);
      expect(stdout).not.toContain("\u001b");
      expect(exitCode).toBe(0);
    }
    for (const focus of ["size", "width"]) {
      const report = await readFile(join(folder, `report-by-${focus}.md`), "utf8");
      expect(report).toContain("approved by you");
    }
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
