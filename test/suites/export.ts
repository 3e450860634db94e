import assert from "node:assert/strict";
import { MemoryStorage, type Storage } from "@threadkeep/core";
import { all } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { started } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import { answer, fill, type Moving, moving, SESSIONS, shown, textOf } from "./export-world.js";
import { chat, deltaChat, sessionIds, size } from "./retention-world.js";

/** Cut at every `size` characters or bytes. */
function* pieces<T extends string | Uint8Array>(whole: T, size: number): Generator<T> {
  for (let i = 0; i < whole.length; i += size) yield whole.slice(i, i + size) as T;
}

export const exportChecksOf = ({ exportSession, importSession }: Moving): Checks => ({
  "sessions move from and to every backend, and are what they were": async (db) => {
    const directions: [Storage, Storage][] = [
      [db.storage, new MemoryStorage()],
      [new MemoryStorage(), db.storage],
    ];
    for (const [from, to] of directions) {
      await fill(from);
      for (const id of SESSIONS) {
        const text = await textOf(exportSession(from, id));
        const expected = await shown(from, id);
        for (const target of [to, from]) {
          const as = target === from ? `copy of ${id}` : id;
          await importSession(target, [text], target === from ? { as } : {});
          assertSame(await shown(target, as), expected, as);
          assertSame(await size(target, as), await size(from, id), as);
          assert.notEqual(
            (await target.guard(as))?.incarnation,
            (await from.guard(id))?.incarnation,
          );
        }
        const again = await textOf(exportSession(to, id));
        const rows = (file: string) => file.split("\n").slice(0, -2).sort();
        assertSame(rows(again), rows(text));
      }
      for (const [storage, id] of [
        [to, "asking"],
        [from, "copy of asking"],
      ] as const) {
        const { answer: said, messages } = await answer(storage, id);
        assertSame([said, messages.length], ["yes", 3]);
      }
      for (const storage of [from, to]) {
        for (const id of await sessionIds(storage)) await storage.deleteSession(id);
      }
    }
  },

  "an imported session goes on as the original does": async (db) => {
    await fill(db.storage);
    for (const id of ["chat", "delta"]) {
      await importSession(db.storage, exportSession(db.storage, id), { as: `${id} 2` });
      const made = id === "chat" ? chat : (saver: never) => deltaChat(saver, 3);
      const lengths = [];
      for (const at of [id, `${id} 2`]) {
        const graph = made(db.saver() as never);
        const live = await graph.invoke({}, threadConfig(at));
        assertSame((await made(db.saver() as never).getState(threadConfig(at))).values, live);
        lengths.push(Object.values(live).map((value) => (value as unknown[]).length));
      }
      assertSame(lengths[0], lengths[1]);
    }
  },

  "a file may come in pieces of any size, as text or bytes": async (db) => {
    await fill(db.storage);
    const text = await textOf(exportSession(db.storage, "asking"));
    const expected = await shown(db.storage, "asking");
    const bytes = Buffer.from(text);
    const sources = [
      ...[1, 2, 3, 7, 4096].map((n) => () => pieces(bytes as Uint8Array, n)),
      ...[1, 2, 1000].map((n) => () => pieces(text, n)),
      () => [text],
      () => ["", bytes.subarray(0, 100), "", bytes.subarray(100)],
    ];
    for (const [i, source] of sources.entries()) {
      await importSession(db.storage, source(), { as: `t${i}` });
      assertSame(await shown(db.storage, `t${i}`), expected, `source ${i}`);
    }
  },

  "an export beside a writer holds all that its rows name": async (db) => {
    const graph = chat(db.saver());
    for (let i = 0; i < 3; i += 1) await graph.invoke({}, threadConfig("t"));
    for (const every of [1, 10, 40]) {
      let text = "";
      let lines = 0;
      let turns = 0;
      for await (const line of exportSession(db.storage, "t")) {
        text += line;
        lines += 1;
        if (lines % every !== 0 || turns === 4) continue;
        turns += 1;
        await graph.invoke({}, threadConfig("t"));
      }
      assert.equal(turns, 4);
      const as = `every ${every}`;
      await importSession(db.storage, [text], { as });
      const read = await all(db.saver(), threadConfig(as));
      assert.ok(read.length > 20);
      // It follows every reference, those of writes and node runs too.
      await started(db.storage).prune(as, { dryRun: true });
      const live = await chat(db.saver()).invoke({}, threadConfig(as));
      assertSame((await chat(db.saver()).getState(threadConfig(as))).values, live);
    }
  },

  "what is pruned or deleted before the end is not exported in part": async (db) => {
    const turn = () => chat(db.saver()).invoke({}, threadConfig("t"));
    const prune = () => started(db.storage).prune("t");
    const remove = () => db.saver().deleteThread("t");
    const replace = async () => {
      await remove();
      await turn();
    };
    for (const disturb of [prune, remove, replace]) {
      for (const at of [0, 5, -3]) {
        await db.saver().deleteThread("t");
        for (let i = 0; i < 2; i += 1) await turn();
        const whole = (await textOf(exportSession(db.storage, "t"))).split("\n").length - 1;
        let lines = 0;
        const read = async () => {
          for await (const _ of exportSession(db.storage, "t")) {
            if (lines === (at < 0 ? whole + at : at)) await disturb();
            lines += 1;
          }
        };
        await assertRefused(read, "CONFLICT", "exportSession");
        assert.ok(lines < whole, "the end did not come");
      }
    }
  },

  "of two imports of one session at once one wins": async (db) => {
    const other = await db.connect();
    await fill(db.storage);
    const text = await textOf(exportSession(db.storage, "chat"));
    const imports = [db.storage, other, db.storage].map((storage) =>
      importSession(storage, [text], { as: "new" }),
    );
    const ended = await Promise.allSettled(imports);
    const codes = ended.map((end) => (end.status === "rejected" ? end.reason.code : "made"));
    assertSame(codes.sort(), ["ALREADY_EXISTS", "ALREADY_EXISTS", "made"]);
    assertSame(await shown(db.storage, "new"), await shown(db.storage, "chat"));
    assertSame(await sessionIds(db.storage), [...SESSIONS, "new"].sort());
  },
});

export const exportChecks: Checks = exportChecksOf(moving);
