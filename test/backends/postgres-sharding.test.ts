import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import {
  migrationSql,
  PostgresChatMessageHistory,
  PostgresSaver,
  PostgresStorage,
} from "@threadkeep/postgres";
import pg from "pg";
import { afterAll, beforeAll, describe, inject, it } from "vitest";
import { batchOf, nodeRun, toolEvent } from "../src/batches.js";
import { all, checkpoint, place, put } from "../src/checkpoints.js";
import { ExplainingPool, lockedBy, type Visit } from "../src/explaining.js";

const PARTITIONS = 8;
const SCHEMA = "sharded_plans";

const url = inject("postgresUrl");
const explaining = new ExplainingPool(url, SCHEMA);
const { pool } = explaining;
const options = { schema: SCHEMA, setup: "off" } as const;
const storage = new PostgresStorage(explaining, options);
const newSaver = () => new PostgresSaver(explaining, undefined, options);
const newHistory = (id: string) => new PostgresChatMessageHistory(explaining, id, options);

async function partitionOf(session: string): Promise<number> {
  const { rows } = await pool.query(
    "SELECT i FROM generate_series(0, $1 - 1) i WHERE satisfies_hash_partition($2::regclass, $1, i, $3::text)",
    [PARTITIONS, `${SCHEMA}.sessions`, session],
  );
  return rows[0].i;
}

/** The tables that a call visited, each with its partition, as `agent_state_3`. */
async function visited(call: () => Promise<unknown>): Promise<readonly Visit[]> {
  explaining.visits.length = 0;
  await call();
  return [...explaining.visits];
}

const ALL = [
  "agent_state",
  "messages",
  "model_calls",
  "node_runs",
  "sessions",
  "state_items",
  "state_writes",
  "tool_journal",
];
const long = (n: number) => `${n} ${"long ".repeat(100)}`;
const messages = (count: number) =>
  Array.from({ length: count }, (_, i) => new HumanMessage({ id: `m${i}`, content: long(i) }));

beforeAll(async () => {
  await pool.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE`);
  await pool.query(migrationSql({ schema: SCHEMA, partitions: PARTITIONS }));
});
afterAll(async () => {
  await pool.query(`DROP SCHEMA ${SCHEMA} CASCADE`);
  await pool.end();
});

/** Node runs and tool events, behind whatever the thread holds. */
async function note(id: string, exact: boolean): Promise<void> {
  const records = { nodeRuns: [nodeRun()], toolEvents: [toolEvent()], touch: !exact, exact };
  const batch = batchOf(await storage.guard(id), { sessionId: id, ...records });
  assert.ok(await storage.commit(batch));
}

/** What a saver does all day, and the tables that it must touch for it. */
const HOT: readonly (readonly [string, (id: string) => Promise<unknown>, readonly string[]])[] = [
  [
    "the first put of a thread",
    (id) => put(newSaver(), place(id), checkpoint("1", { m: messages(3) })),
    ["agent_state", "sessions", "state_items"],
  ],
  [
    "put",
    (id) => put(newSaver(), place(id, "1"), checkpoint("2", { m: messages(9) }, { m: 2 })),
    ["agent_state", "sessions", "state_items"],
  ],
  [
    "put of more rows than one statement takes",
    async (id) => {
      const texts = Array.from({ length: 15_100 }, (_, i) => long(i));
      await put(newSaver(), place(id, "", "big"), checkpoint("3", { texts }));
    },
    ["agent_state", "sessions", "state_items"],
  ],
  [
    "putWrites",
    (id) => newSaver().putWrites(place(id, "2"), [["m", long(7)]], "task"),
    ["sessions", "state_items", "state_writes"],
  ],
  [
    "getTuple of the newest",
    (id) => newSaver().getTuple(place(id)),
    ["agent_state", "sessions", "state_items", "state_writes"],
  ],
  [
    "getTuple by id",
    (id) => newSaver().getTuple(place(id, "1")),
    ["agent_state", "sessions", "state_items", "state_writes"],
  ],
  [
    "list of a thread",
    async (id) => {
      await all(newSaver(), place(id));
      await all(newSaver(), { configurable: { thread_id: id } }, { limit: 1 });
      await all(newSaver(), place(id), { before: place(id, "2"), filter: { source: "loop" } });
    },
    ["agent_state", "sessions", "state_items", "state_writes"],
  ],
  [
    "the history of a DeltaChannel",
    (id) => newSaver().getDeltaChannelHistory({ config: place(id, "2"), channels: ["m", "n"] }),
    ["agent_state", "sessions", "state_items", "state_writes"],
  ],
  [
    "a batch of node runs and tool events",
    async (id) => {
      await note(id, false);
      await note(id, true);
    },
    ["node_runs", "sessions", "tool_journal"],
  ],
  [
    "node runs",
    async (id) => {
      await storage.nodeRuns(id);
      await storage.nodeRuns(id, ["1"]);
      await storage.nodeRuns(
        id,
        Array.from({ length: 600 }, (_, i) => `${i}`),
      );
    },
    ["node_runs"],
  ],
  [
    "tool events",
    async (id) => {
      await storage.toolEvents(id);
      await storage.toolEvents(id, "call");
    },
    ["tool_journal"],
  ],
  [
    "a list by name and label",
    async (sessionId) => {
      await storage.list({ sessionId, name: "n", limit: 1 });
      await storage.list({ sessionId, ns: "", label: "l", beforeVersion: 9, limit: 9 });
    },
    ["agent_state", "sessions", "state_writes"],
  ],
  [
    "a chat's addMessages",
    (id) => newHistory(id).addMessages(messages(30)),
    ["messages", "sessions"],
  ],
  [
    "a chat's getMessages",
    async (id) => {
      await newHistory(id).getMessages();
      await newHistory(id).getMessages({ last: 5, before: 20 });
    },
    ["messages"],
  ],
  [
    "prune",
    (id) => newSaver().prune([id], { keepLast: 1 }),
    ["agent_state", "node_runs", "sessions", "state_items", "state_writes"],
  ],
  ["a chat's clear", (id) => newHistory(id).clear(), ["messages"]],
  ["deleteThread", (id) => newSaver().deleteThread(id), ALL],
];

describe("tables cut by session", () => {
  it("every statement of a thread goes to one partition of each table", {
    timeout: 120_000,
  }, async () => {
    for (const id of ["anna", "ben"]) {
      const own = `_${await partitionOf(id)}`;
      for (const [name, call, tables] of HOT) {
        const visits = await visited(() => call(id));
        const wanted = tables.map((table) => table + own);
        for (const { text, planned, generic, locked } of visits) {
          // A plan names the whole table where it inserts; locks tell the partition.
          const found = [...planned, ...generic, ...locked].filter((table) => !ALL.includes(table));
          const elsewhere = found.filter((table) => !wanted.includes(table));
          assert.deepEqual(elsewhere, [], `${name}: ${text}`);
          assert.ok(locked.length > 0, `${name} is seen: ${text}`);
        }
        const touched = new Set(visits.flatMap(({ locked }) => locked));
        assert.deepEqual([...touched].sort(), wanted, name);
      }
    }
  });

  it("a copy goes to the partitions of its two threads only, without the tools' journal", async () => {
    await put(newSaver(), place("from"), checkpoint("1", { m: messages(3) }));
    await newSaver().putWrites(place("from", "1"), [["m", 1]], "task");
    await newHistory("from").addMessages(messages(3));
    await note("from", false);
    const visits = await visited(() => newSaver().copyThread("from", "to"));
    const own = await Promise.all(["from", "to"].map(partitionOf));
    assert.notEqual(own[0], own[1]);
    const copied = ALL.filter((table) => !["tool_journal", "model_calls"].includes(table));
    const wanted = copied.flatMap((table) => own.map((n) => `${table}_${n}`)).sort();
    const touched = new Set(visits.flatMap(({ locked }) => locked));
    assert.deepEqual([...touched].sort(), wanted);
  });

  it("what names no thread goes to every partition", async () => {
    const calls = [
      () => all(newSaver(), {}),
      () => newSaver().deleteForRuns(["00000000-0000-0000-0000-000000000000"]),
    ];
    for (const call of calls) {
      const visits = await visited(call);
      const every = Array.from({ length: PARTITIONS }, (_, i) => `agent_state_${i}`);
      for (const of of ["planned", "generic", "locked"] as const) {
        const found = visits.flatMap((visit) => visit[of]);
        assert.deepEqual(
          every.filter((table) => !found.includes(table)),
          [],
          of,
        );
      }
    }
  });

  it("a kept plan locks every partition, one that is made anew only its own", async () => {
    await put(newSaver(), place("locks"), checkpoint("1", { a: 1 }));
    const [{ text, values } = { text: "", values: [] }] = await visited(() =>
      newSaver().getTuple(place("locks")),
    );
    const count = async (mode: "custom" | "generic") => {
      const client = new pg.Client({
        connectionString: url,
        options: `-c plan_cache_mode=force_${mode}_plan`,
      });
      await client.connect();
      await client.query("BEGIN");
      await client.query({ name: "kept", text, values: [...values] });
      const tables = (await lockedBy(client, SCHEMA)).filter((table) =>
        table.startsWith("agent_state"),
      );
      await client.end();
      return tables.length;
    };
    assert.equal(await count("generic"), PARTITIONS);
    assert.equal(await count("custom"), 1);
  });
});
