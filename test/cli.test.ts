import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SqliteStorage } from "@threadkeep/sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cli, createFolder, does, EVIL, type Folder, json, seed } from "./src/cli.js";

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
const ids = ({ sessions }: { sessions: { id: string }[] }) => sessions.map(({ id }) => id).sort();

/** Everything that the database holds, by session and table. */
const sizes = async () => (await json(["stats", ...url, "--all"])).tables;

describe("sessions", LONG, () => {
  test("are listed by owner, status and title, in pages", async () => {
    expect(ids(await json(["sessions", ...url, "--all"]))).toEqual(["s1", "s2", "s3", `x${EVIL}`]);
    expect(ids(await json(["sessions", ...url, "--tenant", "acme"]))).toEqual(["s1", "s2"]);
    expect(ids(await json(["sessions", ...url, "--user", "anna"]))).toEqual(["s1", "s3"]);
    const waiting = await json(["sessions", ...url, "--all", "--status", "interrupted,failed"]);
    expect(ids(waiting)).toEqual(["s2", "s3"]);
    expect(ids(await json(["sessions", ...url, "--all", "--query", "trip"]))).toEqual(["s1", "s3"]);
    expect(await json(["sessions", ...url, "--tenant", "nobody"])).toEqual({ sessions: [] });

    const first = await json(["sessions", ...url, "--all", "--limit", "3"]);
    const next = ["--limit", "3", "--cursor", first.cursor];
    const second = await json(["sessions", ...url, "--all", ...next]);
    expect([ids(first).length, ids(second).length]).toEqual([3, 1]);
    expect(new Set([...ids(first), ...ids(second)]).size).toBe(4);
    expect(second.cursor).toBeUndefined();
  });

  test("are a table for people, in which nothing drives the terminal", async () => {
    const text = await does(["sessions", ...url, "--all", "--limit", "3"]);
    const [head, ...rows] = text.split("\n");
    expect(head?.split(/ +/)).toEqual(["id", "tenant", "user", "status", "active", "title"]);
    expect(rows[4]).toMatch(/^3 sessions; for the next page add --cursor \S+$/);
    const everything = await does(["sessions", ...url, "--all"]);
    expect(everything).toMatch(/^s2 +acme +ben +interrupted +\S.* Which hotel\?$/m);
    expect(everything).toContain("x␛[31mred␛]0;title␇<9b>2J");
    expect(everything).not.toMatch(/[^\P{Cc}\n]/u);
    expect(await does(["sessions", ...url, "--tenant", "nobody"])).toBe("No sessions.\n");
  });
});

describe("show", LONG, () => {
  test("tells what ran and what was said", async () => {
    const text = await does(["show", "s1", ...url]);
    expect(text).toMatch(/^session +s1\ntitle +Trip to Rome\nowner +tenant acme, user anna\n/);
    expect(text).toMatch(/^4 node runs$/m);
    expect(text).toMatch(/ 1 {2}model +ok +\d+ ms {2}→ search$/m);
    expect(text).toMatch(/ 2 {2}tools +ok +\d+ ms {2}← search$/m);
    expect(text).toMatch(/ 3 {2}sub +ok .*\n.* 1 {4}sub\/write +ok /);
    expect(text).toMatch(/^4 messages, from the newest checkpoint$/m);
    expect(text).toContain('    → search({"city":"Rome"})  call_1\n');
    expect(text).toContain("    ← 3 hotels\n");
  });

  test("gives programs the same", async () => {
    const { session, nodeRuns, messages } = await json(["show", "s1", ...url, "--last", "3"]);
    expect(session).toMatchObject({ id: "s1", tenantId: "acme", status: "done" });
    const runs = nodeRuns.map(({ nodePath, tools }: Record<string, unknown>) => [nodePath, tools]);
    expect(runs).toEqual([
      ["model", ["→ search"]],
      ["tools", ["← search"]],
      ["sub", []],
      ["sub/write", []],
    ]);
    const said = messages.messages.map((one: Record<string, unknown>) => [one.role, one.content]);
    const [look, found, last] = said;
    expect(look).toEqual(["ai", "I look."]);
    expect(found).toEqual(["tool", "3 hotels"]);
    expect(last).toEqual(["ai", "There are 3 hotels."]);
    const before = ["--before", String(messages.before)];
    const older = await json(["show", "s1", ...url, ...before]);
    expect(older.messages.messages).toMatchObject([{ role: "human", content: "Find a hotel." }]);
  });

  test("is harmless, whatever was said", async () => {
    const text = await does(["show", `x${EVIL}`, ...url]);
    expect(text).toContain("  Look: ␛[31mred␛]0;title␇<9b>2J\n");
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
    const printed = await does(["show", `x${EVIL}`, ...url, "--json"]);
    expect(printed).not.toMatch(/[^\P{Cc}\n]/u);
    expect(JSON.parse(printed).session.title).toBe(EVIL);
  });

  test("knows nothing of what is another one's", async () => {
    await does(["show", "s1", ...url, "--tenant", "acme"]);
    const foreign = await cli(["show", "s1", ...url, "--tenant", "globex"]);
    const unknown = await cli(["show", "s9", ...url, "--tenant", "globex"]);
    expect(foreign.code).toBe(1);
    expect(foreign.stderr).toBe('threadkeep: NOT_FOUND: show: there is no session "s1"\n');
    expect(unknown).toEqual({ ...foreign, stderr: foreign.stderr.replace("s1", "s9") });
  });
});

describe("prune", LONG, () => {
  test("counts, refuses to go on unasked, and removes", async () => {
    const before = await sizes();
    const dry = await json(["prune", "s1", ...url, "--keep-last", "1", "--dry-run"]);
    expect(dry).toMatchObject({ dryRun: true, sessions: 1 });
    expect(dry.checkpoints).toBeGreaterThan(2);
    const refused = await cli(["prune", "s1", ...url, "--keep-last", "1"]);
    expect(refused).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(/say --yes\n$/) });
    expect(await sizes()).toEqual(before);

    const done = await json(["prune", "s1", ...url, "--keep-last", "1", "--yes"]);
    expect(done).toEqual({ ...dry, dryRun: false });
    const after = await sizes();
    expect(after).not.toEqual(before);
    const again = await does(["prune", "s1", ...url, "--keep-last", "1", "-y"]);
    expect(again).toBe("Removed 0 checkpoints of 0 sessions: 0 rows, 0 B.\n");
    expect((await json(["show", "s1", ...url])).messages.messages).toHaveLength(4);
  });

  test("takes an owner's checkpoints, or the sessions that have expired", async () => {
    const owned = ["--tenant", "acme", "--keep-last", "1", "--batch-size", "2", "--yes"];
    expect((await json(["prune", ...url, ...owned])).sessions).toBe(2);
    const none = await json(["prune", ...url, "--all", "--older-than", "1d", "--yes"]);
    expect(none.checkpoints).toBe(0);
    expect((await json(["prune", ...url, "--all", "--ttl", "1h", "--yes"])).sessions).toBe(0);
    const expired = await does(["prune", ...url, "--tenant", "acme", "--ttl", "0s", "--yes"]);
    expect(expired).toMatch(/^Removed 2 sessions: \d+ rows, .*\.\n$/);
    expect(ids(await json(["sessions", ...url, "--all"]))).toEqual(["s3", `x${EVIL}`]);
  });
});

test("erase takes one session, or an owner's", LONG, async () => {
  const before = await sizes();
  const refused = await cli(["erase", "s1", ...url]);
  expect(refused).toEqual({ code: 2, stdout: "", stderr: expect.stringMatching(/say --yes\n$/) });
  const foreign = await cli(["erase", "s1", ...url, "--tenant", "globex", "--yes"]);
  expect(foreign).toMatchObject({ code: 1, stdout: "" });
  expect(foreign.stderr).toContain("NOT_FOUND");
  expect(await sizes()).toEqual(before);

  const report = await json(["erase", "s1", ...url, "--yes"]);
  expect(report).toMatchObject({ sessions: 1, tables: { sessions: 1 } });
  const text = await does(["erase", "--tenant", "acme", ...url, "--yes"]);
  expect(text).toMatch(/^Erased 1 session: \d+ rows, .*\.\n\ntable +rows\n/);
  expect(ids(await json(["sessions", ...url, "--all"]))).toEqual(["s3", `x${EVIL}`]);
  await does(["erase", `x${EVIL}`, ...url, "--yes"]);
});

describe("export and import", LONG, () => {
  test("carry a session through a pipe, a file and another id", async () => {
    const lines = await does(["export", "s1", ...url]);
    const all = lines
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(all.length).toBeGreaterThan(10);
    const taken = await cli(["import", "-", ...url], { input: lines });
    expect(taken).toMatchObject({ code: 1, stdout: "" });
    expect(taken.stderr).toContain("ALREADY_EXISTS");
    const copied = await does(["import", "-", ...url, "--as", "s1 copy"], { input: lines });
    expect(copied).toBe("Imported s1 copy (Trip to Rome) from -.\n");

    const file = join(place.folder, "s1.ndjson");
    const report = await json(["export", "s1", ...url, "--out", file]);
    expect(report).toEqual({ session: "s1", file, bytes: Buffer.byteLength(lines) });
    expect(await readFile(file, "utf8")).toBe(lines);
    await does(["erase", "s1", ...url, "--yes"]);
    expect((await json(["import", file, ...url])).id).toBe("s1");
    const shown = await Promise.all(["s1", "s1 copy"].map((id) => json(["show", id, ...url])));
    expect(shown[1]).toEqual({ ...shown[0], session: { ...shown[0].session, id: "s1 copy" } });
  });

  test("carry an owner's sessions into a folder, and elsewhere", async () => {
    const folder = join(place.folder, "exported");
    const printed = await does(["export", "--all", "--dir", folder, ...url, "--json"]);
    const reports = printed
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const files = (await readdir(folder)).sort();
    expect(reports.map(({ file }) => file).sort()).toEqual(files.map((one) => join(folder, one)));
    expect(files.slice(0, 3)).toEqual(["s1.ndjson", "s2.ndjson", "s3.ndjson"]);
    expect(files[3]).toMatch(/^x_31mred_0_title_2J\.[0-9a-f]{16}\.ndjson$/);

    const other = ["--url", `sqlite:${join(place.folder, "other.db")}`];
    await does(["setup", ...other]);
    const paths = files.map((one) => join(folder, one));
    const imported = await does(["import", ...paths, ...other]);
    expect(imported.split("\n")).toHaveLength(5);
    const strip = ({ sessions }: { sessions: object[] }) => sessions;
    const [from, to] = await Promise.all(
      [url, other].map((at) => json(["sessions", ...at, "--all"])),
    );
    expect(strip(to)).toEqual(strip(from));
  });

  test("make a session somebody else's, if that is asked for", async () => {
    const lines = await does(["export", "s1", ...url]);
    await does(["import", "-", "--tenant", "globex", ...url], { input: lines });
    const theirs = await json(["show", "s1", "--tenant", "globex", ...url]);
    const ours = await json(["show", "s1", "--tenant", "acme", ...url]);
    expect(theirs.session.tenantId).toBe("globex");
    expect(theirs.messages).toEqual(ours.messages);
    await does(["erase", "s1", "--tenant", "globex", "--yes", ...url]);
    expect(await json(["show", "s1", "--tenant", "acme", ...url])).toEqual(ours);
  });

  test("leave nothing of a file that is broken", async () => {
    const lines = await does(["export", "s1", ...url]);
    await does(["erase", "s1", ...url, "--yes"]);
    const before = await sizes();
    const half = lines.slice(0, lines.length / 2);
    const broken: [string, RegExp][] = [
      [half, /CORRUPT/],
      [half.slice(0, half.lastIndexOf("\n") + 1), /CORRUPT/],
      [lines.replace("hotels", "motels"), /CORRUPT/],
      [lines.replace('"version":1', '"version":99'), /SCHEMA_NEWER/],
      ["", /CORRUPT/],
      ["hello\n", /CORRUPT/],
    ];
    for (const [input, reason] of broken) {
      const { code, stdout, stderr } = await cli(["import", "-", ...url], { input });
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(reason);
    }
    const missing = await cli(["import", join(place.folder, "none"), ...url]);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/ENOENT/) });
    expect(await sizes()).toEqual(before);
  });

  test("leave no file of an export that failed", async () => {
    const out = join(place.folder, "out.ndjson");
    await writeFile(out, "what was there");
    const { code, stderr } = await cli(["export", "s9", "--out", out, ...url]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/NOT_FOUND/) });
    expect(await readFile(out, "utf8")).toBe("what was there");
    expect((await readdir(place.folder)).filter((name) => name.includes(".part"))).toEqual([]);
  });
});

test("stats tell what a session takes, and all of them", LONG, async () => {
  const one = await json(["stats", "s1", ...url]);
  expect(one).toMatchObject({ session: "s1" });
  expect(one.channels.map(({ channel }: { channel: string }) => channel)).toContain("messages");
  const all = await json(["stats", "--all", ...url, "--limit", "2"]);
  expect(all).toMatchObject({ sessions: 4 });
  expect(all.largest).toHaveLength(2);
  expect(all.rows).toBeGreaterThan(one.rows);
  expect(await does(["stats", "s1", ...url])).toMatch(/^s1: .* in \d+ rows, \d+ checkpoints\n/);
  expect(await cli(["stats", "s9", ...url])).toMatchObject({ code: 1, stdout: "" });
});
