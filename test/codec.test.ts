import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { StorageError } from "@threadkeep/core";
import fc from "fast-check";
import { describe, it } from "vitest";
import { assertSame, deepCopy } from "./src/equal.js";
import { messages } from "./src/messages.js";
import { runs } from "./src/params.js";
import { throughItems, throughText } from "./src/pure.js";
import { isCyclic, sharingValues, values } from "./src/values.js";

const plain = ["value", values] as const;
const sharing = ["value with shared references", sharingValues] as const;

describe.each([
  ["as one document", throughText, [plain, sharing]],
  // What stands in two items is two objects; an item that stands twice is one.
  ["through items", throughItems, [plain]],
] as const)("codec, %s", (_name, trip, kinds) => {
  it.each(kinds)(
    "gives every generated %s back exactly",
    { timeout: 120_000 },
    async (_what, generated) => {
      await fc.assert(
        fc.asyncProperty(generated, async (value) => {
          const before = deepCopy(value);
          let after: unknown;
          try {
            after = await trip(value);
          } catch (error) {
            // A cycle through an item has no place to stand; it is refused by its path.
            if (isCyclic(value) && isRefusal(error)) return;
            throw error;
          }
          assertSame(value, before, "writing changed the value");
          assertSame(after, before);
        }),
        runs(5000),
      );
    },
  );

  it("gives every generated message back exactly", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(messages, async (message) => {
        const before = deepCopy(message);
        const after = (await trip(message)) as typeof message;
        assertSame(after, before);
        assert.equal(JSON.stringify(after.toDict()), JSON.stringify(before.toDict()));
        assert.equal(JSON.stringify(after), JSON.stringify(before));
        assertSame(blocksOf(after), blocksOf(before), "contentBlocks");
      }),
      runs(3000),
    );
  });
});

it("keeps an object that occurs twice in one value one object", async () => {
  const message = new HumanMessage({ id: "m", content: "x" });
  const big = { text: "x".repeat(1000), parts: [{ a: 1 }] };
  const small = { a: 1 };
  const part = { b: 2 };
  const value = {
    messages: [message, message],
    lists: { again: [message, big], more: [big, small] },
    inside: { text: "y".repeat(1000), one: part, two: [part] },
    small,
  };
  assertSame(await throughItems(value), value);
});

function isRefusal(error: unknown): boolean {
  return error instanceof StorageError && error.code === "NOT_SERIALIZABLE";
}

function blocksOf(message: { contentBlocks: unknown }): unknown {
  try {
    return message.contentBlocks;
  } catch (error) {
    return String(error);
  }
}
