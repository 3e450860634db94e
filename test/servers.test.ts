import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { createMariadb, mysqlRows } from "./servers/mariadb.js";
import { createPgbouncer } from "./servers/pgbouncer.js";
import { createPostgres, postgresRows } from "./servers/postgres.js";
import type { ServerOptions, TestServer } from "./servers/server.js";

const ORPHAN = fileURLToPath(new URL("./servers/orphan.ts", import.meta.url));

interface Kind {
  readonly name: "postgres" | "mariadb";
  readonly version: RegExp;
  create(options?: ServerOptions): Promise<TestServer>;
  rows(url: string, query: string): Promise<object[]>;
  /** It runs, and nothing can connect to it. */
  readonly deaf: string[];
}

const KINDS: Kind[] = [
  {
    name: "postgres",
    version: /^PostgreSQL \d+\.\d+$/,
    create: createPostgres,
    rows: postgresRows,
    deaf: ["-c", "listen_addresses="],
  },
  {
    name: "mariadb",
    version: /^MariaDB \d+\.\d+\.\d+$/,
    create: createMariadb,
    rows: mysqlRows,
    deaf: ["--skip-networking"],
  },
];

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe.each(KINDS)("a $name server", ({ name, version, create, rows, deaf }) => {
  let server: TestServer;

  beforeAll(async () => {
    server = await create();
  });

  afterAll(() => server?.remove());

  it("answers, and says what it is", async () => {
    expect(server.name).toMatch(version);
    expect(await rows(server.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("keeps an acknowledged row when it is killed", async () => {
    const before = server.pid!;
    await rows(server.url, "CREATE TABLE kept (id INT)");
    await rows(server.url, "INSERT INTO kept VALUES (7)");
    await server.kill();
    expect(server.pid).toBeUndefined();
    expect(isRunning(before)).toBe(false);
    await server.start();
    expect(server.pid).not.toBe(before);
    expect(await rows(server.url, "SELECT id FROM kept")).toEqual([{ id: 7 }]);
  });

  it("starts again when somebody else killed it", async () => {
    process.kill(server.pid!, "SIGKILL");
    await vi.waitFor(() => expect(server.pid).toBeUndefined(), 20_000);
    await server.start();
    expect(await rows(server.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("stops cleanly, and starts again", async () => {
    const before = server.pid!;
    await server.stop();
    expect(isRunning(before)).toBe(false);
    await expect(rows(server.url, "SELECT 1 AS one")).rejects.toThrow("ECONNREFUSED");
    await server.start();
    expect(await rows(server.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  it("is not mistaken for another one that holds its port", async () => {
    // The first one fails to take the port; the second one never tries to.
    await expect(create({ port: server.port })).rejects.toThrow(/cannot be started: .*in use/);
    await expect(create({ port: server.port, flags: deaf })).rejects.toThrow(
      `port ${server.port} is already in use by another server`,
    );
  });

  it("ends with the process that made it, even a killed one", async () => {
    const maker = spawn(process.execPath, ["--import", "tsx", ORPHAN, name], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(createInterface({ input: maker.stdout }), "line");
    const { pid, folder } = JSON.parse(line) as { pid: number; folder: string };
    expect(isRunning(pid)).toBe(true);
    maker.kill("SIGKILL");
    await once(maker, "exit");
    await vi.waitFor(() => expect(isRunning(pid) || existsSync(folder)).toBe(false), 20_000);
  });

  it("leaves nothing behind when it is removed", async () => {
    const { pid, folder } = server;
    expect(existsSync(folder)).toBe(true);
    await server.remove();
    expect(isRunning(pid!)).toBe(false);
    expect(existsSync(folder)).toBe(false);
  });
});

it("PgBouncer passes queries on", async () => {
  const pool = await createPgbouncer({ url: inject("postgresUrl"), poolMode: "transaction" });
  try {
    expect(pool.name).toMatch(/^PgBouncer \d/);
    expect(pool.url).not.toBe(inject("postgresUrl"));
    expect(await postgresRows(pool.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  } finally {
    await pool.stop();
  }
});
