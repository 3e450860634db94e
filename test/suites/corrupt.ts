import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { checkpoint, idOf, latest, place, put } from "../src/checkpoints.js";
import type { Checks, Database } from "../src/harness.js";

const DAMAGE = [
  "no JSON",
  "null",
  "7",
  "[]",
  '{"values":{"a":{"$item":99}}}',
  '{"$class":["Function",{}]}',
];

async function thread(db: Database): Promise<void> {
  let config = place("t");
  for (let i = 1; i < 6; i += 1) {
    const values = { a: i, list: [new HumanMessage({ id: `m${i}`, content: "x" })] };
    config = await put(db.saver(), config, checkpoint(idOf(i), values, { a: i, list: i }));
  }
}

async function damage(db: Database, table: string, set: string, where: string): Promise<void> {
  assert.ok(db.durable !== undefined, "a database is needed");
  const name = db.durable.table(table);
  const [before] = await db.durable.sql(`SELECT count(*) AS n FROM ${name} WHERE ${where}`);
  assert.equal(Number(before?.n), 1, "the row is there");
  await db.durable.sql(`UPDATE ${name} SET ${set} WHERE ${where}`);
}

const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;

export const corruptChecks: Checks = {
  "a damaged checkpoint is a typed error that names it; the others are read": async (db) => {
    await thread(db);
    for (const text of DAMAGE) {
      await damage(db, "agent_state", `state = ${quoted(text)}`, `checkpoint_id = '${idOf(3)}'`);
      await assert.rejects(db.saver().getTuple(place("t", idOf(3))), {
        code: "CORRUPT",
        operation: "getTuple",
        message: new RegExp(idOf(3)),
      });
      assert.equal((await latest(db.saver(), "t"))?.a, 5);
      const found: string[] = [];
      const listing = async () => {
        for await (const tuple of db.saver().list(place("t"))) found.push(tuple.checkpoint.id);
      };
      await assert.rejects(listing(), { code: "CORRUPT", operation: "list" });
      assert.deepEqual(found, [idOf(5), idOf(4)]);
    }
  },

  "a damaged item is a typed error wherever it is needed": async (db) => {
    await thread(db);
    for (const text of ["no JSON", '{"content":{"$ref":4}}', '{"$like":[99,{}]}']) {
      await damage(db, "state_items", `body = ${quoted(text)}`, "seq = 5");
      await assert.rejects(latest(db.saver(), "t"), { code: "CORRUPT", operation: "getTuple" });
      const older = await db.saver().getTuple(place("t", idOf(2)));
      assert.equal(older?.checkpoint.channel_values.a, 2);
    }
  },

  "a restored backup is gone on from, in a process that knows what came after it": async (db) => {
    assert.ok(db.durable !== undefined, "a database is needed");
    const { sql, table } = db.durable;
    const tables = ["sessions", "agent_state", "state_items", "state_writes"];
    const message = (i: number) => new HumanMessage({ id: `m${i}`, content: `message ${i}` });
    const saver = db.saver();
    const first = await put(saver, place("t"), checkpoint("1", { list: [message(0)] }));
    for (const name of tables) {
      await sql(`CREATE TABLE ${table(`kept_${name}`)} AS SELECT * FROM ${table(name)}`);
    }
    const lost = [message(0), message(1)];
    await put(saver, first, checkpoint("2", { list: lost }, { list: 2 }));
    for (const name of tables) {
      await sql(`DELETE FROM ${table(name)}`);
      await sql(`INSERT INTO ${table(name)} SELECT * FROM ${table(`kept_${name}`)}`);
    }
    const values = { list: [...lost, message(2)] };
    await put(saver, first, checkpoint("2", values, { list: 3 }));
    assert.deepEqual(await latest(db.saver(), "t"), values);
    const versions = await sql(`SELECT version FROM ${table("agent_state")} ORDER BY version`);
    assert.deepEqual(
      versions.map(({ version }) => Number(version)),
      [1, 2],
    );
  },
};
