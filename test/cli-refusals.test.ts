import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cli, createFolder, does, type Folder, json } from "./src/cli.js";

let place: Folder;
let url: string[];

beforeEach(async () => {
  place = await createFolder();
  url = ["--url", place.file];
});
afterEach(() => place.remove());

const LONG = { timeout: 120_000 };
const SECRET = "s3cr%2Fet";

describe("setup", LONG, () => {
  test("makes the tables once, and tells whether they are there", async () => {
    const missing = await cli(["setup", "--check", ...url]);
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toMatch(/^threadkeep: NOT_FOUND: connect: there is no file /);
    expect(await readdir(place.folder)).toEqual([]);

    const database = `sqlite:${place.file}`;
    expect(await json(["setup", ...url])).toEqual({ database, tables: "made" });
    expect(await json(["setup", ...url])).toEqual({ database, tables: "verified" });
    expect(await does(["setup", "--check", ...url])).toMatch(/: the tables are there, and up to/);

    const prefixed = await json(["setup", "--table-prefix", "tk_", ...url]);
    expect(prefixed).toEqual({ database: `${database} (tk_)`, tables: "made" });
    const db = new Database(place.file);
    const names = db.prepare("SELECT name FROM sqlite_master").pluck().all();
    db.close();
    expect(names).toEqual(expect.arrayContaining(["sessions", "tk_sessions"]));
  });

  test("is also done in memory, and by an environment variable's URL", async () => {
    expect(await does(["sessions", "--url", ":memory:", "--all"])).toBe("No sessions.\n");
    // As `pnpm start -- sessions` hands it on.
    expect(await does(["--", "sessions", "--url", ":memory:", "--all"])).toBe("No sessions.\n");
    const env = { THREADKEEP_URL: `sqlite:${place.file}` };
    await does(["setup"], { env });
    expect(await json(["sessions", "--all"], { env })).toEqual({ sessions: [] });
  });
});

describe("a wrong command line ends with 2, and nothing is touched", LONG, () => {
  const at = ["--url", "app.db"];
  const wrong: [string[], RegExp][] = [
    [[], /^Usage: threadkeep/],
    [["sesions"], /unknown command 'sesions'/],
    [["sessions", "--all"], /which database\? Say --url/],
    [["sessions", ...at], /whose sessions\? Say --tenant/],
    [["sessions", ...at, "--all", "--user", "u"], /--all does not go with/],
    [["sessions", ...at, "--all", "--tennant", "x"], /unknown option '--tennant'/],
    [["sessions", ...at, "--all", "--status", "open"], /It must be of running, interrupted/],
    [["sessions", ...at, "--all", "--limit", "-1"], /whole number/],
    [["sessions", ...at, "--tenant", ""], /It is empty/],
    [["show", ...at], /missing required argument 'id'/],
    [["show", "", ...at], /It is empty/],
    [["prune", "s1", ...at, "--yes"], /what is to go\?/],
    [["prune", ...at, "--keep-last", "1", "--yes"], /whose sessions\?/],
    [["prune", "s1", ...at, "--all", "--keep-last", "1", "--yes"], /--all does not go with/],
    [["prune", "s1", ...at, "--ttl", "1d", "--yes"], /--ttl is for the sessions of an owner/],
    [["prune", ...at, "--all", "--ttl", "1d", "--keep-last", "1"], /cannot be used with/],
    [["prune", ...at, "--all", "--older-than", "soon", "--yes"], /duration such as 30d/],
    [["prune", ...at, "--all", "--ttl", "90", "--yes"], /It must be a duration/],
    [["prune", ...at, "--all", "--keep-last", "1.5", "--yes"], /whole number/],
    [["erase", ...at, "--yes"], /what is to go\?/],
    [["erase", ...at, "--all", "--yes"], /unknown option '--all'/],
    [["erase", "s1", ...at], /say --yes/],
    [["export", ...at, "--all"], /say --dir/],
    [["export", "s1", ...at, "--dir", "d"], /say --out/],
    [["import", ...at], /missing required argument 'files'/],
    [["import", "a", "b", "--as", "c", ...at], /--as names one session/],
    [["setup", "--url", "redis://h/1"], /no database of the kind redis:/],
    [["setup", "--url", "sqlite:"], /the path of an SQLite file is missing/],
    [["setup", "--url", "app.db", "--schema", "s"], /an SQLite file has --table-prefix/],
    [["setup", "--url", "mysql://h/d", "--schema", "s"], /has --table-prefix instead/],
    [["setup", "--url", "postgres://h/d", "--table-prefix", "s"], /PostgreSQL has --schema/],
    [["setup", "--url", "postgres://h/d", "--schema", "A B"], /INVALID_ARGUMENT: schema/],
    [["setup", "--url", "mysql://h"], /must name a database/],
    [["setup", "--url", `postgres://u:${SECRET}%@h/d`], /INVALID_ARGUMENT: connect/],
  ];

  test.each(wrong)("%j", async (args, words) => {
    const { code, stdout, stderr } = await cli(args, { cwd: place.folder });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain(SECRET);
    expect(await readdir(place.folder)).toEqual([]);
  });

  test("a cursor that is none", async () => {
    await does(["setup", ...url]);
    const { code, stderr } = await cli(["sessions", ...url, "--all", "--cursor", "x"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^threadkeep: INVALID_ARGUMENT: listSessions: .*\n$/),
    });
  });
});

describe("what fails ends with 1, a code and no stack", LONG, () => {
  const fails = async (args: string[], words: RegExp) => {
    const { code, stdout, stderr } = await cli(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(words);
    expect(stderr.split("\n")).toHaveLength(2);
    return stderr;
  };
  const list = ["sessions", "--all", "--url"];

  test("a file that is not there is not made", async () => {
    await fails([...list, place.file], /^threadkeep: NOT_FOUND: connect: there is no file /);
    await fails([...list, `sqlite://${place.file}`], /there is no file/);
    await fails([...list, join(place.folder, "no", "app.db")], /there is no file/);
    expect(await readdir(place.folder)).toEqual([]);
  });

  test("a file that is something else stays as it is", async () => {
    const notes = join(place.folder, "notes.txt");
    await writeFile(notes, "a shopping list, longer than a header");
    await fails([...list, notes], /^threadkeep: DATABASE: connect: .* is no SQLite database\n/);
    await fails(["setup", "--url", notes], /is no SQLite database/);
    expect(await readFile(notes, "utf8")).toBe("a shopping list, longer than a header");
    await fails([...list, place.folder], /^threadkeep: CONNECTION: connect: EISDIR/);

    const empty = join(place.folder, "empty.db");
    await writeFile(empty, "");
    await fails([...list, empty], /^threadkeep: SCHEMA_OUTDATED: connect: .* has no tables/);
    expect((await stat(empty)).size).toBe(0);
  });

  test("a database without tables, or with a stranger's", async () => {
    const db = new Database(place.file);
    db.exec("CREATE TABLE notes (text)");
    await fails([...list, place.file], /^threadkeep: SCHEMA_OUTDATED: setup: there are no tables/);
    db.exec("CREATE TABLE sessions (text)");
    db.close();
    await fails(["setup", "--url", place.file], /^threadkeep: SCHEMA_FOREIGN: /);
  });

  test.each(["postgres", "mysql"])("a %s server that cannot be reached", async (scheme) => {
    const server = `${scheme}://anna:${SECRET}@127.0.0.1:1/app`;
    const said = await fails([...list, server], /^threadkeep: CONNECTION: .*127\.0\.0\.1:1/);
    expect(said).not.toContain("s3cr");
  });

  test("sessions that are not there", async () => {
    await does(["setup", ...url]);
    for (const command of [["show"], ["export"], ["stats"], ["erase", "-y"]]) {
      await fails([...command, "s9", ...url], /NOT_FOUND: \w+: there is no session "s9"\n$/);
    }
    await fails(["prune", "s9", ...url, "--keep-last", "1", "-y"], /NOT_FOUND: prune:/);
  });
});

test("only the driver of the database is loaded", LONG, async () => {
  const report = "process.report.getReport().sharedObjects.filter((f) => f.includes('sqlite'))";
  const hook = `process.on("exit", () => console.error("loaded:" + ${report}))`;
  const flags = ["--import", `data:text/javascript,${encodeURIComponent(hook)}`];
  const loaded = async (at: string) => {
    const { stderr } = await cli(["sessions", "--all", "--url", at], { flags });
    return /loaded:(.*)/.exec(stderr)?.[1];
  };
  expect(await loaded(":memory:")).toContain("better_sqlite3.node");
  expect(await loaded("postgres://127.0.0.1:1/app")).toBe("");
  expect(await loaded("mysql://127.0.0.1:1/app")).toBe("");
});
