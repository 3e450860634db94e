import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { inspect } from "node:util";
import { type StorageError, type StorageErrorCode, StorageSaver } from "@threadkeep/core";
import type { GroundChecks } from "../faults/register.js";
import { type Ground, type Limits, onPort, withLogin } from "../faults/served.js";
import { checkpoint, latest, place, put } from "../src/checkpoints.js";
import { assertSame } from "../src/equal.js";
import { refusal } from "../src/refusal.js";

const CANARY = "c4n4ry-p4ssw0rd";

/** Everything that somebody could print of an error. */
function allOf(error: Error): string {
  const shown = inspect(error, { depth: 10, showHidden: true, getters: true });
  const parts = [shown, String(error), error.stack, JSON.stringify(error)];
  return error.cause instanceof Error ? `${parts} ${allOf(error.cause)}` : String(parts);
}

function assertSecret(error: Error): void {
  const text = allOf(error);
  for (const secret of [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString("hex")]) {
    assert.ok(!text.includes(secret), `the password is in: ${error.message}`);
  }
}

type Called = (saver: StorageSaver) => Promise<unknown>;

const CALLS: readonly Called[] = [
  (saver) => saver.setup(),
  (saver) => put(saver, place("t"), checkpoint("1", { a: 1 })),
  (saver) => saver.getTuple(place("t")),
];

interface Expected {
  readonly code: StorageErrorCode;
  readonly retryable: boolean;
  readonly names: RegExp;
}

/** Every call is refused alike, in words that say what is wrong, and without the password. */
async function assertAllRefused(
  ground: Ground,
  url: string,
  { code, retryable, names }: Expected,
  limits?: Limits,
): Promise<void> {
  // With `off` there is nothing to set up.
  for (const call of limits?.setup === "off" ? CALLS.slice(1) : CALLS) {
    let error: StorageError;
    const storage = await opened(ground, url, limits);
    if ("code" in storage) error = storage;
    else {
      error = await refusal(() => call(new StorageSaver(storage)));
      await storage.close();
    }
    assertSecret(error);
    assert.equal(error.code, code, error.message);
    assert.equal(error.retryable, retryable, error.message);
    assert.match(error.message, names);
  }
}

/** A storage, or why there is none. */
async function opened({ served }: Ground, url: string, limits?: Limits) {
  let storage: ReturnType<typeof served.open> | undefined;
  const error = await refusal(async () => {
    storage = served.open(url, limits);
    throw storage;
  }).catch((reason: unknown) => {
    if (storage === undefined) throw reason;
    return undefined;
  });
  return storage ?? (error as StorageError);
}

const INVALID: Expected = { code: "INVALID_ARGUMENT", retryable: false, names: /the URL must/ };

async function wrongUrls(ground: Ground): Promise<void> {
  const { scheme } = ground.served;
  const urls = [
    "",
    `u:${CANARY}@h/d`,
    `http://u:${CANARY}@h/d`,
    `sqlite://u:${CANARY}@h/d`,
    `${scheme}//u:${CANARY}@h/d`,
    `${scheme}://u:${CANARY}@h:port/d`,
    `${scheme}://u:${CANARY}@h:99999/d`,
    `${scheme}://u:${CANARY}@[h]/d`,
  ];
  for (const url of urls) await assertAllRefused(ground, url, INVALID);
  const strays = ["%zz", "%E0%A4%A", "%"].flatMap((stray) => [
    `${scheme}://u:${CANARY}${stray}@127.0.0.1:1/d`,
    `${scheme}://u${stray}:41${CANARY}@127.0.0.1:1/d`,
    `${scheme}://u:${CANARY}@127.0.0.1:1/d${stray}`,
  ]);
  const stray: Expected = { ...INVALID, names: /the URL has a % that encodes nothing$/ };
  for (const url of strays) await assertAllRefused(ground, url, stray);
  for (const url of [undefined, null, 1, {}]) {
    await assertAllRefused(ground, url as string, INVALID);
  }
}

async function nobodyThere(ground: Ground): Promise<void> {
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  const url = onPort(withLogin(ground.durable.url, { user: "u", password: CANARY }), port);
  const silent = { code: "CONNECTION", retryable: true, names: new RegExp(`:${port}`) } as const;
  await assertAllRefused(ground, url, silent, { timeoutMs: 300 });
  holder.close();
  const nowhere = url.replace("127.0.0.1", "nowhere.invalid");
  await assertAllRefused(ground, url, silent);
  await assertAllRefused(ground, nowhere, { ...silent, names: /nowhere\.invalid/ });
}

async function wrongLogin(ground: Ground): Promise<void> {
  const { server } = ground;
  const user = new URL(server.url).username;
  const url = withLogin(ground.durable.url, { user, password: CANARY });
  await assertAllRefused(ground, url, {
    ...{ code: "ACCESS_DENIED", retryable: false },
    names: new RegExp(`127\\.0\\.0\\.1:${server.port}.*${user}`, "s"),
  });
  const url2 = url.replace(new URL(server.url).pathname, "/missing_database");
  const missing = ground.durable.url.replace(/(:\d+)\/\w+/, "$1/missing_database");
  assert.notEqual(missing, ground.durable.url);
  await assertAllRefused(ground, url2, { code: "ACCESS_DENIED", retryable: false, names: /./ });
  await assertAllRefused(ground, missing, {
    ...{ code: "CONNECTION", retryable: false },
    names: /missing_database/,
  });
}

async function missingRights(ground: Ground): Promise<void> {
  const { durable, served, place: at } = ground;
  const login = { user: "guest", password: CANARY };
  const url = withLogin(durable.url, login);
  const { grant } = await served.createLogin(durable, login);
  try {
    const denied = { code: "ACCESS_DENIED", retryable: false, names: /denied/i } as const;
    await assertAllRefused(ground, url, denied);
    const outdated = { code: "SCHEMA_OUTDATED", retryable: false, names: /migrationSql/ } as const;
    await assertAllRefused(ground, url, outdated, { setup: "verify" });
    const owner = await at.connect();
    await owner.setup();
    await owner.close();
    await assertAllRefused(ground, url, denied, { setup: "off" });
    await grant();
    for (const setup of ["auto", "verify", "off"] as const) {
      const storage = served.open(url, { setup });
      const saver = new StorageSaver(storage);
      await saver.setup();
      await put(saver, place(setup), checkpoint("1", { a: 1 }));
      assertSame(await latest(new StorageSaver(storage), setup), { a: 1 }, setup);
      await saver.deleteThread(setup);
      await storage.close();
    }
  } finally {
    await served.dropLogin(durable, login);
  }
}

/** Nobody set up, and nobody looked. */
async function noTables(ground: Ground): Promise<void> {
  const storage = ground.served.open(ground.durable.url, { setup: "off" });
  const saver = new StorageSaver(storage);
  await saver.setup();
  const error = await refusal(() => saver.getTuple(place("t")));
  assert.equal(error.code, "DATABASE");
  assert.equal(error.retryable, false);
  await storage.close();
}

export const accessChecks: GroundChecks = {
  "a URL that is none is refused at once, without its password": wrongUrls,
  "nobody answers: an error that names the place, without the password": nobodyThere,
  "a wrong password or a missing database: an error that names it, without the password":
    wrongLogin,
  "rights that are missing are named; with rights on another's tables all works": missingRights,
  'with setup: "off" nothing is looked at': noTables,
};
