import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { checkpoint, idOf, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import type { Checks } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import { items } from "../src/snapshot.js";
import { chat, LONG, turns } from "./retention-world.js";

export const statsChecks: Checks = {
  "stats counts rows and bytes by table, and by channel what the newest states need": async (
    db,
  ) => {
    const saver = db.saver();
    const messages: HumanMessage[] = [];
    let config = place("t");
    for (let i = 1; i <= 300; i += 1) {
      messages.push(new HumanMessage({ id: `m${i}`, content: `${i} ${LONG}` }));
      const values = { messages: [...messages], old: `${LONG} old`, count: i, doc: `${LONG}${i}` };
      const { old, ...others } = values;
      const saved = checkpoint(idOf(i), i === 1 ? values : others, {
        messages: i,
        doc: i,
        count: i,
      });
      config = await put(saver, config, saved);
    }
    const stats = await started(db.storage).stats("t");
    const all = await items(db.storage, "t");
    const bytes = (which: typeof all) =>
      which.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
    const size = (name: string) => stats.channels.find(({ channel }) => channel === name);
    assertSame([stats.session, stats.checkpoints], ["t", 300]);
    assertSame(stats.tables, await db.storage.sizes("t"));
    assertSame(
      stats.bytes,
      stats.tables.reduce((sum, table) => sum + table.bytes, 0),
    );
    assertSame(
      stats.rows,
      stats.tables.reduce((sum, table) => sum + table.rows, 0),
    );
    assertSame(stats.tables.find(({ table }) => table === "state_items")?.bytes, bytes(all));
    assertSame(
      stats.channels.map(({ channel }) => channel),
      ["messages", "doc", "count"],
    );
    const said = all.filter(({ type }) => type === "HumanMessage");
    assert.ok((size("messages")?.items ?? 0) >= 300, "every message");
    assert.ok((size("messages")?.bytes ?? 0) >= bytes(said));
    assert.ok((size("messages")?.bytes ?? 0) < bytes(all) - 298 * LONG.length, "no old documents");
    const newest = all.filter(({ body }) => body.endsWith(`${LONG}300"`));
    assertSame(size("doc")?.items, 1);
    const reference = (size("doc")?.bytes ?? 0) - bytes(newest);
    assert.ok(reference > 0 && reference < 30, `${reference} bytes beside the document`);
    assertSame(size("count"), { channel: "count", items: 0, bytes: 3 });
  },

  "stats reads subgraphs' channels too, and refuses a session that is not there": async (db) => {
    await turns(chat(db.saver()), "t", 2);
    const persistence = started(db.storage);
    const names = (await persistence.stats("t")).channels.map(({ channel }) => channel);
    for (const name of ["messages", "doc", "parts", "drafts"])
      assert.ok(names.includes(name), name);
    await assertRefused(() => persistence.stats("never was"), "NOT_FOUND", "stats");
    await persistence.prune("t");
    assertSame(
      (await persistence.stats("t")).channels.map(({ channel }) => channel),
      names,
    );
  },
};
