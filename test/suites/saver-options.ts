import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { HumanMessage } from "@langchain/core/messages";
import type { SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { all, checkpoint, idOf, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame, deepCopy } from "../src/equal.js";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";
import { everything } from "../src/snapshot.js";
import { startState } from "./mutation.js";

class Point {
  x = 1;
  readonly tag: string;
  constructor(tag: string) {
    this.tag = tag;
  }
  double() {
    return this.x * 2;
  }
}

/** Encrypts whatever it gets. */
class Sealed implements SerializerProtocol {
  readonly #key = randomBytes(32);
  async dumpsTyped(value: unknown): Promise<[string, Uint8Array]> {
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    const body = Buffer.concat([cipher.update(JSON.stringify(value)), cipher.final()]);
    return ["sealed", Uint8Array.from(Buffer.concat([iv, cipher.getAuthTag(), body]))];
  }
  async loadsTyped(type: string, data: Uint8Array | string): Promise<unknown> {
    assert.equal(type, "sealed");
    assert.ok(data instanceof Uint8Array && !Buffer.isBuffer(data), "bytes come back as bytes");
    const decipher = createDecipheriv("aes-256-gcm", this.#key, data.subarray(0, 12));
    decipher.setAuthTag(data.subarray(12, 28));
    return JSON.parse(
      Buffer.concat([decipher.update(data.subarray(28)), decipher.final()]).toString(),
    );
  }
}

export const optionChecks: Checks = {
  "a serializer of one's own sees every text, and no plaintext is stored": async (db) => {
    const serde = new Sealed();
    const saver = db.saver({}, serde);
    const secret = "CANARY";
    const state = { ...startState(), secret, long: secret.repeat(100), [`${secret} channel`]: 1 };
    const metadata = { ...METADATA, note: secret } as typeof METADATA;
    const expected = deepCopy(state);
    const config = await put(saver, place("t"), checkpoint("1", state), metadata);
    await saver.putWrites(config, [["c", new HumanMessage(secret)]], "task");
    const stored = JSON.stringify(await everything(db.storage));
    assert.ok(stored.length > 1000, "something is stored");
    assert.ok(!stored.includes(secret), `stored in plain: ${excerpt(stored, secret)}`);
    const reader = db.saver({}, serde);
    const tuple = await reader.getTuple(place("t"));
    assertSame(tuple?.checkpoint.channel_values, expected);
    assertSame(tuple?.metadata, metadata);
    assertSame(tuple?.pendingWrites?.[0]?.[2], new HumanMessage(secret));
    assert.equal((await all(reader, place("t"), { filter: { note: secret } })).length, 1);
  },

  "with a serializer, what is stored once stays stored once, and prune and copy work": async (
    db,
  ) => {
    const serde = new Sealed();
    const saver = db.saver({}, serde);
    const messages = Array.from(
      { length: 60 },
      (_, i) => new HumanMessage({ id: `m${i}`, content: `message ${i}` }),
    );
    let config = place("t");
    for (let i = 1; i <= 6; i += 1) {
      config = await put(saver, config, checkpoint(idOf(i), { messages }, { messages: i }));
    }
    const guard = await db.storage.guard("t");
    assert.ok((guard?.nextItem ?? 0) <= 62, `${guard?.nextItem} items for 60 messages`);
    await db.saver({}, serde).prune(["t"]);
    await db.saver({}, serde).copyThread("t", "copy");
    const tuple = await db.saver({}, serde).getTuple(place("copy"));
    assertSame(tuple?.checkpoint.channel_values, { messages });
  },

  "data that did not go through the serializer is refused, not guessed": async (db) => {
    await put(db.saver(), place("t"), checkpoint("1", { a: 1 }));
    await assertRefused(
      () => db.saver({}, new Sealed()).getTuple(place("t")),
      "CORRUPT",
      "getTuple",
      /serializer/,
    );
  },

  "instances of allowed classes come back as such; others are refused by path": async (db) => {
    const value = { list: [{ deep: new Point("p") }] };
    await assertRefused(
      () => put(db.saver(), place("t"), checkpoint("1", { value })),
      "NOT_SERIALIZABLE",
      "put",
      /state\.value\.list\[0\]\.deep.*Point/,
    );
    const options = { classes: [Point] };
    await put(db.saver(options), place("t"), checkpoint("1", { value }));
    const tuple = await db.saver(options).getTuple(place("t"));
    const back = tuple?.checkpoint.channel_values.value as typeof value;
    assertSame(back, value);
    assert.equal(back.list[0]?.deep.double(), 2);
    await assertRefused(() => db.saver().getTuple(place("t")), "CORRUPT", "getTuple", /"1".*"t"/);
    for (const classes of [[undefined], [() => 1], [Point, class Point {}]]) {
      await assertRefused(
        async () => db.saver({ classes: classes as never }),
        "INVALID_ARGUMENT",
        "classes",
      );
    }
  },

  "the owner is taken from configurable or context, in either spelling": async (db) => {
    const saver = db.saver();
    const batches: unknown[] = [];
    const { storage } = db;
    const commit = storage.commit.bind(storage);
    storage.commit = (batch) => {
      batches.push(batch.owner);
      return commit(batch);
    };
    const config = (configurable: object, context?: unknown) => ({
      configurable: { thread_id: "t", ...configurable },
      context,
    });
    await put(
      saver,
      config({ user_id: "u", tenantId: 7, agent_id: { no: 1 } }) as never,
      checkpoint("1"),
    );
    await put(
      saver,
      config({ thread_id: "t2" }, { userId: "u2", tenant_id: "x", agentId: "a" }) as never,
      checkpoint("2"),
    );
    await put(saver, config({ userId: "first" }, { user_id: "second" }) as never, checkpoint("3"));
    await put(saver, config({}, "no object") as never, checkpoint("4"));
    assertSame(batches, [
      { userId: "u", tenantId: "7" },
      { userId: "u2", tenantId: "x", agentId: "a" },
      { userId: "first" },
      {},
    ]);
    await assertRefused(
      () => put(saver, config({ user_id: "a\0" }) as never, checkpoint("5")),
      "INVALID_ARGUMENT",
      "put",
      /user_id/,
    );
  },

  "a small cache costs speed, never truth": async (db) => {
    const saver = db.saver({ cacheChars: 100 });
    const state = startState();
    let config = place("t");
    for (let i = 0; i < 30; i += 1) {
      state.messages.push(
        new HumanMessage({ id: `n${i}`, content: `text ${i} ${"x".repeat(300)}` }),
      );
      state.doc.meta.tags.push(String(i));
      config = await put(saver, config, checkpoint(idOf(i), { ...state }, { messages: i + 1 }));
      if (i % 7 === 3) saver.dropCaches();
      await put(
        saver,
        place(`other ${i % 3}`),
        checkpoint(idOf(i), { ...state }, { messages: i + 1 }),
      );
    }
    assertSame((await saver.getTuple(place("t")))?.checkpoint.channel_values, { ...state });
    assertSame((await db.saver().getTuple(place("t")))?.checkpoint.channel_values, { ...state });
  },
};

function excerpt(text: string, part: string): string {
  const at = text.indexOf(part);
  return text.slice(Math.max(0, at - 80), at + 40);
}
