import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { MysqlStorage } from "@threadkeep/mysql";
import { PostgresStorage } from "@threadkeep/postgres";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { mysqlRows } from "./servers/mariadb.js";
import { postgresRows } from "./servers/postgres.js";
import { cli, createFolder, does, type Folder, json, seed } from "./src/cli.js";

const LONG = { timeout: 120_000 };
const name = `cli_${randomBytes(8).toString("hex")}`;
const postgresUrl = inject("postgresUrl");
const mysqlUrl = inject("mysqlUrl");
const database = Object.assign(new URL(mysqlUrl), { pathname: name }).href;

const servers = [
  {
    kind: "postgres",
    at: ["--url", postgresUrl, "--schema", name],
    open: () => PostgresStorage.connect(postgresUrl, { schema: name, pool: { max: 2 } }),
    create: async () => {},
    remove: () => postgresRows(postgresUrl, `DROP SCHEMA IF EXISTS ${name} CASCADE`),
  },
  {
    kind: "mysql",
    at: ["--url", database, "--table-prefix", "tk_"],
    open: () => MysqlStorage.connect(database, { tablePrefix: "tk_" }),
    create: () => mysqlRows(mysqlUrl, `CREATE DATABASE ${name} CHARACTER SET utf8mb4`),
    remove: () => mysqlRows(mysqlUrl, `DROP DATABASE ${name}`),
  },
];

describe.each(servers)("on $kind", ({ at, open, create, remove }) => {
  let place: Folder;
  beforeAll(async () => {
    place = await createFolder();
    await create();
  });
  afterAll(async () => {
    await remove();
    await place.remove();
  });

  test("every command does what it does elsewhere", LONG, async () => {
    const missing = await cli(["sessions", "--all", ...at]);
    expect(missing).toMatchObject({ code: 1, stdout: "" });
    expect(missing.stderr).toMatch(/^threadkeep: SCHEMA_OUTDATED: /);
    const { database, tables } = await json(["setup", ...at]);
    expect({ database, tables }).toEqual({
      database: expect.not.stringMatching(/threadkeep:|@/),
      tables: "made",
    });
    const storage = open();
    await seed(storage);
    await storage.close();

    const { sessions } = await json(["sessions", "--tenant", "acme", ...at]);
    expect(sessions.map(({ id }: { id: string }) => id).sort()).toEqual(["s1", "s2"]);
    expect(await does(["sessions", "--all", ...at])).toMatch(/^s1 +acme +anna +done .* Trip to/m);
    expect(await does(["show", "s1", ...at])).toMatch(/^4 node runs$/m);
    expect(await cli(["show", "s1", "--tenant", "globex", ...at])).toMatchObject({ code: 1 });
    expect(await json(["stats", "--all", ...at])).toMatchObject({ sessions: 4 });

    const before = await json(["show", "s1", ...at]);
    const file = join(place.folder, "s1.ndjson");
    await does(["export", "s1", "--out", file, ...at]);
    const pruned = await json(["prune", "s1", "--keep-last", "1", "--yes", ...at]);
    expect(pruned.checkpoints).toBeGreaterThan(2);
    expect(await json(["erase", "s1", "--yes", ...at])).toMatchObject({ sessions: 1 });
    await does(["import", file, ...at]);
    expect(await json(["show", "s1", ...at])).toEqual(before);

    const elsewhere = ["--url", place.file];
    await does(["setup", ...elsewhere]);
    await does(["import", file, ...elsewhere]);
    expect(await json(["show", "s1", ...elsewhere])).toEqual(before);
    await does(["prune", "--all", "--ttl", "0s", "--yes", ...at]);
    expect(await json(["sessions", "--all", ...at])).toEqual({ sessions: [] });
  });
});
