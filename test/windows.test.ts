import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { fitForModel } from "../packages/core/src/history/tool-calls.js";
import { readWindow, type WindowBounds } from "../packages/core/src/history/window.js";
import { type ReadWindow, windowProperties } from "./suites/transcripts-windows.js";

describe("windows of a conversation", () => {
  for (const [title, check] of Object.entries(windowProperties)) {
    it(title, { timeout: 120_000 }, () => check(readWindow));
  }
});

/** Windows with one fault each, and the properties that must catch it. */
const broken: Readonly<Record<string, { read: ReadWindow; caughtBy: readonly string[] }>> = {
  "cuts by the number of messages": {
    read: async (read, { last = 20, lastTurns, maxTokens }, before) => {
      if (lastTurns !== undefined || maxTokens !== undefined)
        return readWindow(read, { last }, before);
      return read({ limit: last, ...(before === undefined ? {} : { before }) });
    },
    caughtBy: ["a window is the end", "a window is what all", "as many turns"],
  },
  "reads the whole conversation": {
    read: async (read, bounds, before) => {
      const all = await read(before === undefined ? {} : { before });
      return readWindow(async (page) => sliceOf(all, page), bounds, before);
    },
    caughtBy: ["only what a window needs"],
  },
  "counts what it reads, not what a model is given": {
    read: (read, { tokenCounter, ...bounds }, before) => {
      const own = new Set<unknown>();
      const noted: typeof read = async (page) => {
        const found = await read(page);
        for (const { message } of found) own.add(message);
        return found;
      };
      const count = tokenCounter ?? (() => 0);
      const blind: WindowBounds = {
        tokenCounter: (all) => count(all.filter((one) => own.has(one))),
      };
      return readWindow(noted, { ...bounds, ...blind }, before);
    },
    caughtBy: ["a window never takes more tokens"],
  },
  "drops the oldest message until the budget is met": {
    read: async (read, { maxTokens, tokenCounter, ...bounds }, before) => {
      let found = await readWindow(read, { last: 1000, ...bounds }, before);
      const count = async () =>
        tokenCounter?.(fitForModel(found.map(({ message }) => message))) ?? 0;
      while (maxTokens !== undefined && found.length > 0 && (await count()) > maxTokens)
        found = found.slice(1);
      return found;
    },
    caughtBy: ["a window is the end", "a window is what all"],
  },
};

function sliceOf<T extends { position: number }>(
  all: readonly T[],
  { before = Number.POSITIVE_INFINITY, limit = all.length }: { before?: number; limit?: number },
): T[] {
  const found = all.filter(({ position }) => position < before);
  return found.slice(Math.max(0, found.length - limit));
}

describe("a window that", () => {
  for (const [name, { read, caughtBy }] of Object.entries(broken)) {
    for (const title of caughtBy) {
      it(`${name} is caught by: ${title}`, { timeout: 120_000 }, async () => {
        const found = Object.entries(windowProperties).filter(([one]) => one.startsWith(title));
        assert.equal(found.length, 1, title);
        const [, check] = found[0] as (typeof found)[0];
        await assert.rejects(check(read), "the property holds of a broken window");
      });
    }
  }
});
