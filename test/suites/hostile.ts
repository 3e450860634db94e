import assert from "node:assert/strict";
import { HumanMessage } from "@langchain/core/messages";
import { ChatMessageHistory, type Storage, StorageError, StorageSaver } from "@threadkeep/core";
import fc from "fast-check";
import { HARMLESS, isGoodId, payloads } from "../faults/payloads.js";
import { withProxy } from "../faults/proxied.js";
import type { FaultProxy } from "../faults/proxy.js";
import type { GroundChecks } from "../faults/register.js";
import type { Ground } from "../faults/served.js";
import { all, checkpoint, METADATA, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { runs } from "../src/params.js";
import { refusal } from "../src/refusal.js";

const PAYLOADS = 2000;
const AT_ONCE = 50;

/** Of a saver that knows nothing every call sends the same statements. */
const fresh = (storage: Storage) => new StorageSaver(storage);

/** The payload as every string that a call takes. */
async function write(storage: Storage, text: string): Promise<void> {
  const metadata = { ...METADATA, [text]: text };
  const values = Object.fromEntries([[text, text]]);
  await put(fresh(storage), place(text, undefined, text), checkpoint(text, values), metadata);
  await fresh(storage).putWrites(place(text, text, text), [[text, text]], text, text);
  const owner = { userId: text, tenantId: text, agentId: text };
  const message = new HumanMessage({ content: text, id: text, name: text });
  await new ChatMessageHistory(storage, text, owner).addMessage(message);
}

/** It is there exactly, and nothing else is where it is. */
async function read(storage: Storage, text: string): Promise<void> {
  const tuple = await fresh(storage).getTuple(place(text, undefined, text));
  assertSame(tuple?.checkpoint.channel_values, Object.fromEntries([[text, text]]), text);
  assertSame(tuple?.config, place(text, text, text), text);
  assertSame(tuple?.pendingWrites, [[text, text, text]], text);
  assertSame(Object.getOwnPropertyDescriptor(tuple?.metadata, text)?.value, text, text);
  const count = async (config: object, options: object) =>
    (await all(fresh(storage), config, options)).length;
  const own = { configurable: { thread_id: text } };
  const other = Object.fromEntries([[text, `${text}x`]]);
  assert.equal(await count(own, { filter: Object.fromEntries([[text, text]]) }), 1, text);
  assert.equal(await count(own, { filter: other }), 0, text);
  assert.equal(await count(own, { before: place(text, text) }), 0, text);
  assert.equal(await count(place(text, text, text), {}), 1, text);
  const messages = await new ChatMessageHistory(storage, text).getMessages();
  assertSame(
    messages.map(({ content, id, name }) => [content, id, name]),
    [[text, text, text]],
    text,
  );
}

async function remove(storage: Storage, text: string): Promise<void> {
  await fresh(storage).deleteThread(text);
  assert.equal(await fresh(storage).getTuple(place(text, undefined, text)), undefined, text);
  assertSame(await new ChatMessageHistory(storage, text).getMessages(), [], text);
}

const ID_CALLS: readonly ((storage: Storage, id: string) => Promise<unknown>)[] = [
  (storage, id) => put(fresh(storage), place(id), checkpoint("1")),
  (storage, id) => put(fresh(storage), place("t"), checkpoint(id)),
  (storage, id) => fresh(storage).putWrites(place(id, "1"), [["a", 1]], "task"),
  (storage, id) => fresh(storage).putWrites(place("t", "1"), [["a", 1]], id),
  (storage, id) => fresh(storage).getTuple(place(id)),
  (storage, id) => all(fresh(storage), place(id)),
  (storage, id) => fresh(storage).deleteThread(id),
  async (storage, id) => new ChatMessageHistory(storage, id).addMessage(new HumanMessage("x")),
  async (storage, id) =>
    new ChatMessageHistory(storage, "t", { userId: id }).addMessage(new HumanMessage("x")),
];

async function assertRefused(storage: Storage, id: string): Promise<void> {
  for (const call of ID_CALLS) {
    const error = await refusal(() => call(storage, id));
    assert.equal(error.code, "INVALID_ARGUMENT", `${JSON.stringify(id)}: ${error.message}`);
  }
}

/** No id, but a value: stored exactly or not at all. */
async function asValue(storage: Storage, text: string, thread: string): Promise<void> {
  const values = { text, list: [text] };
  const tried: readonly (() => Promise<unknown>)[] = [
    () =>
      put(fresh(storage), place(thread), checkpoint("1", values), { ...METADATA, text } as never),
    () => put(fresh(storage), place(thread), checkpoint("1", Object.fromEntries([[text, text]]))),
    () => fresh(storage).putWrites(place(thread, "1"), [[text, text]], "task"),
    () => new ChatMessageHistory(storage, thread).addMessage(new HumanMessage(text)),
  ];
  const [isStored, isChannel, isWritten, isSaid] = await inTurn(tried);
  const tuple = await fresh(storage).getTuple(place(thread));
  const stored = isChannel ? Object.fromEntries([[text, text]]) : values;
  assertSame(tuple?.checkpoint.channel_values, isStored || isChannel ? stored : undefined);
  if (isStored && !isChannel) assertSame({ ...tuple?.metadata }, { ...METADATA, text });
  const writes = await storage.writes(thread, "", "1");
  assert.equal(writes.length, isWritten ? 1 : 0);
  if (tuple !== undefined && isWritten) assertSame(tuple.pendingWrites, [["task", text, text]]);
  const messages = await new ChatMessageHistory(storage, thread).getMessages();
  assertSame(
    messages.map(({ content }) => content),
    isSaid ? [text] : [],
  );
  await fresh(storage).deleteThread(thread);
}

/** @returns of each call whether it was accepted */
async function inTurn(calls: readonly (() => Promise<unknown>)[]): Promise<boolean[]> {
  const accepted: boolean[] = [];
  for (const call of calls) {
    const error = await call().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined) {
      assert.ok(error instanceof StorageError, String(error));
      assert.ok(["INVALID_ARGUMENT", "NOT_SERIALIZABLE"].includes(error.code), error.message);
    }
    accepted.push(error === undefined);
  }
  return accepted;
}

/** All at once, so that they could be mixed up. */
async function throughAll(
  storage: Storage,
  texts: readonly string[],
  values: readonly string[] = texts.filter((text) => !isGoodId(text)),
): Promise<void> {
  const good = texts.filter(isGoodId);
  const bad = texts.filter((text) => !isGoodId(text));
  await Promise.all([
    ...good.map((text) => write(storage, text)),
    ...bad.map((text) => assertRefused(storage, text)),
  ]);
  await Promise.all(good.map((text) => read(storage, text)));
  assert.equal((await all(fresh(storage), {})).length, good.length, "nothing else is there");
  await Promise.all(values.map((text, i) => asValue(storage, text, `value-of-${i}`)));
  await Promise.all(good.map((text) => remove(storage, text)));
  assert.equal((await all(fresh(storage), {})).length, 0, "nothing is left");
}

async function textsOf(proxy: FaultProxy, work: () => Promise<void>): Promise<Set<string>> {
  proxy.texts.clear();
  await work();
  return new Set(proxy.texts.keys());
}

type Make = (ground: Ground, url: string) => Storage;

const real: Make = ({ served }, url) => served.open(url, { max: 4 });

/** @param make the storage under test: the real one, or a broken double of it */
export async function hostilePayloads(ground: Ground, rounds: number, make = real): Promise<void> {
  await withProxy(ground, async ({ proxy, url }) => {
    const storage = make(ground, url);
    try {
      const known = await textsOf(proxy, () => throughAll(storage, HARMLESS, HARMLESS));
      // Whoever is the first of a connection prepares; nobody is, where nothing ran.
      assert.ok(known.size >= 10, `only ${known.size} statements`);
      const property = fc.asyncProperty(payloads(AT_ONCE), async (texts) => {
        const used = await textsOf(proxy, () => throughAll(storage, texts));
        const altered = [...used].filter((text) => !known.has(text));
        assert.deepEqual(altered, [], "statements that harmless strings do not lead to");
      });
      await fc.assert(property, { ...runs(rounds), endOnFailure: true });
    } finally {
      await storage.close();
    }
  });
}

async function hostilePlaces({ place: at }: Ground): Promise<void> {
  const texts = fc.sample(payloads(AT_ONCE), { ...runs(PAYLOADS / AT_ONCE) }).flat();
  let refused = 0;
  for (const text of texts) {
    const isGood = text === "" || /^[a-z_][a-z0-9_]{0,39}$/.test(text);
    if (isGood) continue;
    const error = await refusal(() => at.connect({ place: text }));
    assert.equal(error.code, "INVALID_ARGUMENT", text);
    refused += 1;
  }
  assert.ok(refused > PAYLOADS / 2);
}

export const hostileChecks: GroundChecks = {
  [`${PAYLOADS} hostile strings in every place: exact or refused, no statement altered, no cross-read`]:
    (ground) => hostilePayloads(ground, PAYLOADS / AT_ONCE),
  "hostile names of schemas and prefixes are refused": hostilePlaces,
};
