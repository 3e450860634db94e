import assert from "node:assert/strict";
import type { AIMessage, BaseMessage, ToolMessage } from "@langchain/core/messages";
import fc from "fast-check";
import { fitForModel } from "../../packages/core/src/history/tool-calls.js";
import type { Placed, readWindow, WindowBounds } from "../../packages/core/src/history/window.js";
import { conversations, turns } from "../src/conversations.js";
import { runs } from "../src/params.js";

export type ReadWindow = typeof readWindow<Placed>;

const callsOf = (message: BaseMessage): string[] =>
  ((message as AIMessage).tool_calls ?? []).map(({ id }) => id as string);
const callOf = (message: BaseMessage): string | undefined =>
  message.getType() === "tool" ? (message as ToolMessage).tool_call_id : undefined;

/** Index of the message that asks for the result at an index: the nearest one before it. */
function askerOf(all: readonly BaseMessage[], at: number): number {
  const id = callOf(all[at] as BaseMessage) as string;
  return all.slice(0, at).findLastIndex((message) => callsOf(message).includes(id));
}

/** Whether no result from there on is one of a call before. */
function isClean(all: readonly BaseMessage[], start: number): boolean {
  return all.every((message, i) => {
    if (i < start || callOf(message) === undefined) return true;
    const asker = askerOf(all, i);
    return asker < 0 || asker >= start;
  });
}

const bounds: fc.Arbitrary<WindowBounds> = fc.record(
  {
    last: fc.nat(40),
    lastTurns: fc.nat(12),
    maxTokens: fc.nat(400),
  },
  { requiredKeys: [] },
);
const counter = (messages: readonly BaseMessage[]) =>
  messages.reduce((sum, { content }) => sum + String(content).length, 5);

interface Read {
  readonly window: readonly BaseMessage[];
  readonly start: number;
  readonly rows: number;
}

async function readOf(
  read: ReadWindow,
  all: readonly BaseMessage[],
  given: WindowBounds,
  before = all.length + 1,
): Promise<Read> {
  let rows = 0;
  const placed = all.map((message, i) => ({ position: i + 1, message }));
  const window = await read(
    async ({ before: until = all.length + 1, limit = all.length }) => {
      const end = until - 1;
      const page = placed.slice(Math.max(0, end - limit), end);
      rows += page.length;
      return page;
    },
    { tokenCounter: counter, ...given },
    before,
  );
  const start = window[0] === undefined ? before - 1 : window[0].position - 1;
  return { window: window.map(({ message }) => message), start, rows };
}

/** The same by trying every beginning. */
function expected(all: readonly BaseMessage[], { last, lastTurns, maxTokens }: WindowBounds) {
  const starts = all.map((_, i) => i).concat(all.length);
  const clean = starts.filter((start) => isClean(all, start));
  const humans = starts.filter((i) => all[i]?.getType() === "human");
  const ofTurns = (count: number) => {
    if (count === 0) return all.length;
    return humans.length > count ? (humans.at(-count) as number) : 0;
  };
  const wanted = Math.max(
    last === undefined ? 0 : all.length - last,
    lastTurns === undefined ? 0 : ofTurns(lastTurns),
  );
  const start = clean.findLast((one) => one <= wanted) as number;
  if (maxTokens === undefined) return start;
  const fits = (from: number) =>
    from === all.length || counter(fitForModel(all.slice(from))) <= maxTokens;
  return clean.find((one) => one >= start && fits(one)) as number;
}

/** What every window promises, whatever conversation it is read from. */
export const windowProperties: Readonly<Record<string, (read: ReadWindow) => Promise<void>>> = {
  "a window is the end of the conversation, and parts no result from its call": (read) =>
    fc.assert(
      fc.asyncProperty(conversations, bounds, async (all, given) => {
        const { window, start } = await readOf(read, all, given);
        assert.deepEqual(window, all.slice(start));
        assert.ok(isClean(all, start), `it begins at ${start}`);
      }),
      runs(2000),
    ),

  "a window is what all its bounds allow, no more and no less": (read) =>
    fc.assert(
      fc.asyncProperty(conversations, bounds, async (all, given) => {
        assert.equal((await readOf(read, all, given)).start, expected(all, given));
      }),
      runs(2000),
    ),

  "a window before a position is the window of what stands before it": (read) =>
    fc.assert(
      fc.asyncProperty(conversations, bounds, fc.nat(120), async (all, given, at) => {
        const before = Math.min(at, all.length) + 1;
        const { start } = await readOf(read, all, given, before);
        assert.equal(start, expected(all.slice(0, before - 1), given));
      }),
      runs(1000),
    ),

  "a window never takes more tokens than it may, with what is added for a model": (read) =>
    fc.assert(
      fc.asyncProperty(conversations, fc.nat(400), async (all, maxTokens) => {
        const { window } = await readOf(read, all, { maxTokens });
        if (window.length > 0) assert.ok(counter(fitForModel(window)) <= maxTokens);
      }),
      runs(1000),
    ),

  "as many turns as are wanted, or as there are": (read) =>
    fc.assert(
      fc.asyncProperty(fc.nat(40), fc.nat(50), async (count, lastTurns) => {
        const { window } = await readOf(read, turns(count), { lastTurns });
        const humans = window.filter((message) => message.getType() === "human");
        assert.equal(humans.length, Math.min(count, lastTurns));
        assert.equal(window.length, 4 * humans.length);
      }),
      runs(300),
    ),

  "only what a window needs is read": async (read) => {
    const all = turns(2500);
    for (const [given, most] of [
      [{ last: 20 }, 20],
      [{ last: 19 }, 19],
      [{ last: 18 }, 50],
      [{ lastTurns: 3 }, 32],
      [{ lastTurns: 100 }, 600],
      [{ maxTokens: 300 }, 32],
      [{ lastTurns: 2000, maxTokens: 300 }, 32],
    ] as const) {
      const { rows, window } = await readOf(read, all, given);
      assert.ok(rows <= most, `${JSON.stringify(given)}: ${rows} for ${window.length}`);
    }
  },

  "what a model is given has a result for every call, and a call for every result": () =>
    fc.assert(
      fc.asyncProperty(conversations, async (all) => {
        const fit = fitForModel(all);
        const end = fit.findLastIndex((message) => message.getType() !== "tool");
        for (const [i, message] of fit.entries()) {
          if (callOf(message) !== undefined) assert.ok(askerOf(fit, i) >= 0, `result at ${i}`);
          if (i >= end) continue;
          for (const id of callsOf(message)) {
            const isAnswered = fit.some((one, at) => callOf(one) === id && askerOf(fit, at) === i);
            assert.ok(isAnswered, `call ${id} at ${i}`);
          }
        }
        const kept = fit.filter((message) => all.includes(message));
        const dropped = all.filter((message) => !fit.includes(message));
        assert.ok(dropped.every((message) => askerOf(all, all.indexOf(message)) < 0));
        assert.deepEqual(
          kept,
          all.filter((message) => fit.includes(message)),
        );
      }),
      runs(2000),
    ),
};
