import assert from "node:assert/strict";
import { MemoryStorage, type Owner, Persistence, type Storage } from "@threadkeep/core";
import { type Random, seeded } from "../faults/random.js";
import type { Checks, Database } from "../src/harness.js";
import {
  type Call,
  callOf,
  KINDS,
  markOf,
  marksIn,
  type Own,
  outcomeOf,
} from "../src/isolation-calls.js";
import { strays } from "../src/isolation-tables.js";

const CONCURRENCY = 16;

interface Tenant {
  readonly owner: Owner;
  readonly mark: string;
  readonly calls: readonly Call[];
  readonly outcomes: { ok: boolean; text: string }[];
}

/** An owner's functions in one of several processes. */
type Open = (owner: Owner, n: number) => Own;

/** Every fourth call is made by another process, and every seventh by one that has just started. */
function opener(here: Storage, there: Storage): Open {
  const processes = [new Persistence(here), new Persistence(there)] as const;
  const known = new Map<string, Own>();
  return (owner, n) => {
    if (n % 7 === 0) return new Persistence(here).forOwner(owner);
    const at = n % 4 === 0 ? 1 : 0;
    const key = `${at} ${nameOf(owner)}`;
    const own = known.get(key) ?? processes[at].forOwner(owner);
    known.set(key, own);
    return own;
  };
}

const openAt = async (db: Database) => opener(db.storage, await db.connect());

function alone(): Open {
  const storage = new MemoryStorage();
  return opener(storage, storage);
}

function tenantsOf(owners: readonly Owner[], each: number, random: Random): Tenant[] {
  return owners.map((owner, i) => {
    const mark = markOf(i);
    const calls = Array.from({ length: each }, (_, n) => callOf(random, n, mark));
    return { owner, mark, calls, outcomes: [] };
  });
}

async function next(open: Open, { owner, mark, calls, outcomes }: Tenant): Promise<void> {
  const call = calls[outcomes.length] as Call;
  const outcome = await outcomeOf(open(owner, call.n), call);
  for (const other of marksIn(outcome.text)) {
    assert.equal(
      other,
      mark,
      `${JSON.stringify(call)} of ${JSON.stringify(owner)} came to ${outcome.text}`,
    );
  }
  outcomes.push(outcome);
}

/** All calls, each tenant's in their order and all tenants' mixed. */
async function mixed(open: Open, tenants: readonly Tenant[], random: Random): Promise<void> {
  const turns = random.shuffled(tenants.flatMap((tenant) => tenant.calls.map(() => tenant)));
  const tails = new Map<Tenant, Promise<void>>();
  const work = async () => {
    for (let tenant = turns.pop(); tenant !== undefined; tenant = turns.pop()) {
      const one = tenant;
      const tail = (tails.get(one) ?? Promise.resolve()).then(() => next(open, one));
      tails.set(one, tail);
      await tail;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

/** Each tenant finds what it would find if it were alone in the world. */
async function assertAlone(tenants: readonly Tenant[]): Promise<void> {
  for (const tenant of tenants) {
    const { owner, mark, calls, outcomes } = tenant;
    const twin: Tenant = { owner, mark, calls, outcomes: [] };
    const open = alone();
    for (const [i, call] of calls.entries()) {
      await next(open, twin);
      const what = `call ${i} of ${JSON.stringify(owner)}: ${JSON.stringify(call)}`;
      assert.deepEqual(outcomes[i], twin.outcomes[i], what);
    }
  }
}

/** No kind of call is always refused: that would prove nothing. */
function assertVaried(tenants: readonly Tenant[]): void {
  const done = new Set(
    tenants.flatMap(({ calls, outcomes }) =>
      calls.filter((_, i) => outcomes[i]?.ok).map(({ kind }) => kind),
    ),
  );
  assert.deepEqual(
    KINDS.filter((kind) => !done.has(kind)),
    [],
  );
}

async function apart(
  db: Database,
  owners: readonly Owner[],
  each: number,
): Promise<readonly Tenant[]> {
  return seeded(async (random) => {
    console.log(`THREADKEEP_SEED=${random.seed}`);
    const tenants = tenantsOf(owners, each, random);
    await mixed(await openAt(db), tenants, random);
    await assertAlone(tenants);
    const marks = new Map(tenants.map(({ owner, mark }) => [nameOf(owner), mark]));
    assert.deepEqual(await strays(db, (owner) => marks.get(nameOf(owner))), []);
    return tenants;
  });
}

const nameOf = ({ tenantId, userId, agentId }: Owner) =>
  JSON.stringify([tenantId, userId, agentId]);

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

export const isolationChecks: Checks = {
  "50 tenants with the same session ids, 5,000 mixed calls: each is as if alone": async (db) => {
    const owners = range(50).map((i) => ({ tenantId: `tenant ${i}` }));
    assertVaried(await apart(db, owners, 100));
  },

  "users of tenants, some of the same name, are as if alone": async (db) => {
    const numbers = range(12).map((i) => [i % 3, Math.floor(i / 3)]);
    const owners = numbers.map(([i, j]) => ({ tenantId: `tenant ${i}`, userId: `user ${j}` }));
    await apart(db, owners, 60);
  },

  "users and agents without a tenant are as if alone": async (db) => {
    const numbers = range(12).map((i) => [i % 3, Math.floor(i / 3)]);
    const owners = numbers.map(([i, j]) => ({ userId: `user ${i}`, agentId: `agent ${j}` }));
    await apart(db, owners, 60);
  },
};
