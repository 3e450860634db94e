import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { MysqlSaver, MysqlStorage } from "@threadkeep/mysql";
import { PostgresSaver } from "@threadkeep/postgres";
import { createPool } from "mysql2/promise";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { createMariadb, mysqlRows } from "../servers/mariadb.js";
import { postgresRows } from "../servers/postgres.js";
import type { TestServer } from "../servers/server.js";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { assertRefused } from "../src/refusal.js";
import { everything } from "../src/snapshot.js";

const MB = 1024 * 1024;
const ascii = (bytes: number) => "0123456789abcdef".repeat(Math.ceil(bytes / 16)).slice(0, bytes);
/** Three bytes each. */
const wide = (bytes: number) => "あ".repeat(bytes / 3);

let small: TestServer;
let normal: TestServer;
beforeAll(async () => {
  [small, normal] = await Promise.all([
    createMariadb({ flags: ["--max-allowed-packet=1M"] }),
    createMariadb({ flags: ["--max-allowed-packet=16M"] }),
  ]);
}, 120_000);
afterAll(() => Promise.all([small?.remove(), normal?.remove()]));

/** What is too large is refused before anything is sent: nobody notices, and the thread works on. */
async function refuses(saver: MysqlSaver, values: Record<string, unknown>): Promise<void> {
  const at = place("t");
  const before = await everything(saver.storage);
  const calls = [
    () => put(saver, at, checkpoint("large", values)),
    () => saver.putWrites(place("t", "1"), Object.entries(values), "large"),
  ];
  for (const call of calls) {
    await assertRefused(call, "TOO_LARGE", call === calls[0] ? "put" : "putWrites", /max_allowed/);
    assert.deepEqual(await everything(saver.storage), before);
  }
  await put(saver, place("t", "1"), checkpoint("2", { a: "goes on" }));
  assert.deepEqual(await latest(saver, "t"), { a: "goes on" });
}

describe("max_allowed_packet", { timeout: 120_000 }, () => {
  it("of 1 MB takes a large state of small parts, and refuses one large part", async () => {
    const [{ most } = { most: 0 }] = await mysqlRows(small.url, "SELECT @@max_allowed_packet most");
    assert.equal(Number(most), MB);
    const saver = MysqlSaver.fromConnString(small.url);
    const messages = Array.from(
      { length: 3000 },
      (_, i) => new HumanMessage({ id: `m${i}`, content: `${i} ${ascii(1000)}` }),
    );
    const parts = Array.from({ length: 8 }, (_, i) => `${i} ${wide(390_000)}`);
    await put(saver, place("t"), checkpoint("1", { messages, parts }));
    const other = MysqlSaver.fromConnString(small.url);
    assert.deepEqual(await latest(other, "t"), { messages, parts });
    await other.end();
    const own = createPool({ uri: small.url, connectionLimit: 1 });
    const connection = async () => (await own.query("SELECT CONNECTION_ID() AS id"))[0];
    const first = await connection();
    await refuses(new MysqlSaver(own), { large: ascii(2 * MB) });
    assert.deepEqual(await connection(), first, "it was not broken off");
    await own.end();
    await saver.end();
  });

  it("of 16 MB, MariaDB's default, takes 15.9 MB and refuses 16.1 MB", async () => {
    const saver = MysqlSaver.fromConnString(normal.url);
    const text = ascii(15.9 * MB);
    await put(saver, place("t"), checkpoint("1", { text }));
    const other = MysqlSaver.fromConnString(normal.url);
    const read = (await latest(other, "t"))?.text;
    assert.ok(read === text, "read back exactly");
    await other.end();
    await refuses(saver, { text: ascii(16.1 * MB) });
    await saver.end();
  });

  it("is asked for anew where asking failed", async () => {
    const server = await createMariadb({ flags: ["--max-allowed-packet=1M"] });
    try {
      const storage = MysqlStorage.connect(server.url);
      await put(new MysqlSaver(storage), place("t"), checkpoint("1", { a: 1 }));
      await server.stop();
      const large = () =>
        put(new MysqlSaver(storage), place("u"), checkpoint("1", { a: ascii(2 * MB) }));
      await assert.rejects(large(), { retryable: true });
      await server.start();
      await assertRefused(large, "TOO_LARGE", "put");
      await storage.close();
    } finally {
      await server.remove();
    }
  });
});

describe("PostgreSQL", () => {
  it("takes 16.1 MB and 63.9 MB", { timeout: 120_000 }, async () => {
    const url = inject("postgresUrl");
    const saver = PostgresSaver.fromConnString(url, { schema: "large_values" });
    for (const size of [16.1, 63.9]) {
      const text = ascii(size * MB);
      await put(saver, place(`t${size}`), checkpoint("1", { text }));
      const other = PostgresSaver.fromConnString(url, { schema: "large_values" });
      assert.ok((await latest(other, `t${size}`))?.text === text, `${size} MB exactly`);
      await other.end();
    }
    await saver.end();
    await postgresRows(url, "DROP SCHEMA large_values CASCADE");
  });
});
