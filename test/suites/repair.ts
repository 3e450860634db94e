import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { answers, asks, turns } from "../src/conversations.js";
import { assertSame } from "../src/equal.js";
import { threadConfig } from "../src/graphs.js";
import type { Checks } from "../src/harness.js";
import { Gate, started } from "../src/persistence.js";
import { assertRefused } from "../src/refusal.js";
import { everything } from "../src/snapshot.js";
import {
  AT,
  agentOf,
  assertBricked,
  assertUsable,
  dying,
  human,
  stateOf,
  until,
} from "./repair-world.js";

const HEALTHY = { repaired: false, reason: "healthy", toolCalls: [] };
const work = (id: string) => ({ id, name: "work" });

export const repairChecks: Checks = {
  "a tool that threw, then a new question: the thread is mended and goes on": async (db) => {
    const persistence = started(db.storage);
    const agent = agentOf(persistence, dying);
    await assert.rejects(agent.invoke(human("call bad"), AT), /broke/);
    await assertBricked(agent);
    await assertBricked(agent);
    assertSame(await persistence.repair("t"), { repaired: true, toolCalls: [work("bad 1")] });
    const { lines, next } = await stateOf(agent);
    assertSame(next, []);
    assertSame(lines, [
      ...["human: call bad", "ai: calls bad 1", "tool error"],
      ...["human: hello?", "human: hello?"],
    ]);
    await assertUsable(agent);
    assertSame(await persistence.repair("t"), HEALTHY);
  },

  "a tool that threw, mended at once: nothing is left to run, and no tool runs": async (db) => {
    const persistence = started(db.storage);
    const ran: string[] = [];
    const agent = agentOf(persistence, (name) => {
      ran.push(name);
      dying(name);
    });
    await assert.rejects(agent.invoke(human("call bad"), AT), /broke/);
    assert.deepEqual((await stateOf(agent)).next, ["tools"]);
    await persistence.repair("t");
    const { next, tasks, messages } = await stateOf(agent);
    assertSame([next, tasks, ran], [[], [], ["bad"]]);
    const result = messages[2] as { status?: string; name?: string; tool_call_id?: string };
    assertSame([result.status, result.name, result.tool_call_id], ["error", "work", "bad 1"]);
    assert.match(String(messages[2]?.content), /"work" was interrupted/);
    assert.ok(messages.every(({ id }) => typeof id === "string" && id !== ""));
    await assertUsable(agent);
    assertSame(ran, ["bad", "good"]);
  },

  "a run that was aborted in its tool, whatever of it is stored by then": async (db) => {
    for (const durability of ["sync", "async"] as const) {
      const config = threadConfig(durability);
      const persistence = started(db.storage);
      const entered = new Gate();
      const agent = agentOf(persistence, (name) => {
        if (name !== "slow") return undefined;
        entered.open();
        return new Promise(() => {});
      });
      const stop = new AbortController();
      const running = agent.invoke(human("call slow"), {
        ...{ ...config, signal: stop.signal, durability },
      } as never);
      await Promise.race([entered.opened, running]);
      stop.abort();
      await assert.rejects(running);
      const report = await persistence.repair(durability);
      assertSame(report, { repaired: true, toolCalls: [work("slow 1")] });
      await assertUsable(agent, config);
    }
  },

  "of parallel calls, what has a result keeps it": async (db) => {
    const persistence = started(db.storage);
    const stored = new Gate();
    const agent = agentOf(persistence, async (name) => {
      if (name.startsWith("bad")) await stored.opened;
      dying(name);
    });
    const run = until(agent, "call one bad two badder", 2, stored.open);
    await assert.rejects(run);
    const report = await persistence.repair("t");
    assertSame(report, { repaired: true, toolCalls: [work("bad 1"), work("badder 1")] });
    assertSame((await stateOf(agent)).lines, [
      ...["human: call one bad two badder", "ai: calls one 1, bad 1, two 1, badder 1"],
      ...["tool: worked on one", "tool error", "tool: worked on two", "tool error"],
    ]);
    await assertUsable(agent);
  },

  "the error stands behind the results that are there, before what was said later": async (db) => {
    const persistence = started(db.storage);
    const agent = agentOf(persistence, dying);
    await agent.invoke(human("call first"), AT);
    const said = [asks("a", "b", "c"), answers("b"), new HumanMessage("later"), ...turns(2)];
    await agent.graph.updateState(AT, { messages: said }, "tools");
    const report = await persistence.repair("t");
    assertSame(
      report.toolCalls.map(({ id }) => id),
      ["a", "c"],
    );
    const { lines } = await stateOf(agent);
    assertSame(lines.slice(4, 10), [
      ...["ai: calls a, b, c", "tool: result of b", "tool error"],
      ...["tool error", "human: later", "human: question 1"],
    ]);
    assert.equal(lines.length, 4 + 3 + 2 + 8);
    await assertUsable(agent);
  },

  "nothing else changes: what was there stays, and the old checkpoints too": async (db) => {
    const persistence = started(db.storage);
    const agent = agentOf(persistence, dying);
    await agent.invoke(human("call fine"), AT);
    await assert.rejects(agent.invoke(human("call bad"), AT), /broke/);
    await assertBricked(agent);
    const before = await stateOf(agent);
    const rows = await db.storage.list({ sessionId: "t", limit: 1000 });
    await persistence.repair("t");
    const after = await stateOf(agent);
    assertSame(
      after.messages.filter(({ id }) => before.messages.some((one) => one.id === id)),
      before.messages,
    );
    assert.equal(after.messages.length, before.messages.length + 1);
    const [head, ...others] = await db.storage.list({ sessionId: "t", limit: 1000 });
    assertSame(
      others.map(({ checkpoint }) => checkpoint),
      rows.map(({ checkpoint }) => checkpoint),
    );
    assert.equal(head?.checkpoint.source, "fork");
    const [listed] = await persistence.listCheckpoints("t", { limit: 1 });
    assertSame(listed?.properties, { repaired: ["bad 5"] });
  },

  "a dry run tells what would be done, and writes nothing": async (db) => {
    const persistence = started(db.storage);
    const agent = agentOf(persistence, dying);
    await assert.rejects(agent.invoke(human("call bad"), AT), /broke/);
    const before = await everything(db.storage);
    const report = { repaired: false, toolCalls: [work("bad 1")] };
    assertSame(await persistence.repair("t", { dryRun: true }), report);
    assertSame(await everything(db.storage), before);
    assertSame(await persistence.repair("t"), { ...report, repaired: true });
  },

  "healthy threads are left alone: done, empty, ended": async (db) => {
    const persistence = started(db.storage);
    const agent = agentOf(persistence, dying);
    await agent.invoke(human("call fine"), AT);
    await agent.invoke(human("hello"), threadConfig("short"));
    await assert.rejects(agent.invoke(human("call bad"), threadConfig("ended")), /broke/);
    await persistence.createTombstoneCheckpoint("ended");
    await db.history("talk").addMessages([new HumanMessage("hello")]);
    const before = await everything(db.storage);
    for (const id of ["t", "short", "ended", "talk"])
      assertSame(await persistence.repair(id), HEALTHY, id);
    assertSame(await everything(db.storage), before);
  },

  "two repairs at once mend once, from two processes": async (db) => {
    const agent = agentOf(started(db.storage), dying);
    await assert.rejects(agent.invoke(human("call bad"), AT), /broke/);
    const others = await Promise.all(Array.from({ length: 6 }, () => db.connect()));
    const reports = await Promise.all(others.map((storage) => started(storage).repair("t")));
    assert.equal(reports.filter(({ repaired }) => repaired).length, 1);
    assert.ok(reports.every(({ repaired, reason }) => repaired || reason === "healthy"));
    const { lines } = await stateOf(agentOf(started(db.storage)));
    assertSame(lines.slice(1), ["ai: calls bad 1", "tool error"]);
  },

  "a run that began before cannot write any more": async (db) => {
    const persistence = started(db.storage);
    const [entered, release] = [new Gate(), new Gate()];
    const agent = agentOf(persistence, async (name) => {
      if (name !== "slow") return;
      entered.open();
      await release.opened;
    });
    const running = agent.invoke(human("call slow"), {
      ...{ ...AT, durability: "sync" },
    } as never);
    await entered.opened;
    const other = started(await db.connect());
    assertSame((await other.repair("t")).toolCalls, [work("slow 1")]);
    release.open();
    await assert.rejects(running, /rolled back/);
    const { lines } = await stateOf(agent);
    assertSame(lines.slice(1), ["ai: calls slow 1", "tool error"]);
    await assertUsable(agent);
  },

  "bad input, and a session that is not there": async (db) => {
    const persistence = started(db.storage);
    await assertRefused(() => persistence.repair("none"), "NOT_FOUND", "repair", /"none"/);
    const bad: [unknown, unknown, RegExp][] = [
      ["", {}, /sessionId/],
      ["t", null, /options/],
      ["t", { dryRun: "yes" }, /dryRun/],
      ["t", { dryRun: 1 }, /dryRun/],
    ];
    for (const [id, options, pattern] of bad) {
      const call = () => persistence.repair(id as string, options as object);
      await assertRefused(call, "INVALID_ARGUMENT", "repair", pattern);
    }
  },
};
