import assert from "node:assert/strict";
import { all, checkpoint, idOf, idsOf, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks } from "../src/harness.js";
import { assertRefused } from "../src/refusal.js";

/** Two by two alike to somebody: a collation, a trim, a cast, a template. */
const GOOD_IDS: readonly string[] = [
  ...["a", "A", "a ", " a", "a\t", "á", "a\u0301", "Á", "ａ", "a\u200b"],
  ...["ß", "ss", "i", "İ", "ı", "K", "\u212a", "\u{1f600}", "\u{1f601}", "\uffee"],
  ...["1", "1.0", "01", "0", "null", "undefined", "true", "NaN", "[object Object]"],
  ...[
    "'",
    "''",
    '"',
    '""',
    "`",
    "\\",
    "\\'",
    "a' OR '1'='1",
    "a;--",
    "%",
    "_",
    "?",
    "$1",
    ":a",
    "*",
  ],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "a:b",
    "a|b",
    "#",
    "#a",
    "\n",
    "\r\n",
    " ",
  ],
  ...[
    "x".repeat(255),
    "é".repeat(127),
    `${"\u{1f600}".repeat(63)}abc`,
    "\u0001",
    "\uffff",
    "\u{10ffff}",
  ],
];

export const idChecks: Checks = {
  "every good id is its own thread, checkpoint, namespace, task and session": async (db) => {
    const saver = db.saver();
    for (const id of GOOD_IDS) {
      const config = await put(saver, place(id, undefined, id), checkpoint(id, { id }));
      await saver.putWrites(config, [["c", id]], id, id);
      await db.history(id).addUserMessage(id);
    }
    await put(saver, place("one"), checkpoint("parent"));
    for (const id of GOOD_IDS) await put(saver, place("one", id), checkpoint(id, { id }));
    for (const reader of [saver, db.saver()]) {
      for (const id of GOOD_IDS) {
        const tuple = await reader.getTuple(place(id, undefined, id));
        assertSame(tuple?.checkpoint.channel_values, { id }, id);
        assertSame(tuple?.config, place(id, id, id));
        assertSame(tuple?.pendingWrites, [[id, "c", id]]);
        assertSame(await idsOf(reader, { configurable: { thread_id: id } }), [id]);
        const own = await reader.getTuple(place("one", id));
        assertSame(
          (await db.history(id).getMessages()).map(({ content }) => content),
          [id],
        );
        assertSame([own?.checkpoint.channel_values, own?.parentConfig], [{ id }, place("one", id)]);
      }
    }
    assert.equal((await all(db.saver(), place("one"))).length, GOOD_IDS.length + 1);
    for (const [i, id] of GOOD_IDS.entries()) {
      await db.saver().deleteThread(id);
      assert.equal(await db.saver().getTuple(place(id, undefined, id)), undefined);
      const left = await all(db.saver(), {});
      assert.equal(left.length, 2 * GOOD_IDS.length - i, `after ${JSON.stringify(id)}`);
    }
  },

  "10,000 generated ids: accepted ones are exact and distinct, others refused": async (db) => {
    const saver = db.saver();
    const alphabet = [
      "a",
      "A",
      "\u00e1",
      "\0",
      "\ud83d",
      "\ude00",
      " ",
      "'",
      "\u{1f600}",
      "\u0301",
      "_",
      "%",
      "\\",
      "é",
    ];
    let seed = 42;
    const next = (n: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % n;
    };
    const accepted = new Set<string>();
    const jobs: Promise<unknown>[] = [];
    for (let i = 0; i < 10_000; i += 1) {
      const id = Array.from({ length: next(7) }, () => alphabet[next(alphabet.length)]).join("");
      const isGood = id !== "" && id.isWellFormed() && !id.includes("\0");
      const given = () => put(saver, place("t"), checkpoint(id, { id }));
      if (!isGood) jobs.push(assertRefused(given, "INVALID_ARGUMENT", "put"));
      else if (!accepted.has(id)) {
        accepted.add(id);
        jobs.push(given());
      }
    }
    await Promise.all(jobs);
    const found = await all(db.saver(), place("t"));
    assert.equal(found.length, accepted.size);
    for (const { checkpoint: c } of found) assert.equal(c.channel_values.id, c.id);
    assertSame(await idsOf(db.saver(), place("t", idOf(1))), []);
  },
};
