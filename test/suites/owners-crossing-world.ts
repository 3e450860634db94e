import assert from "node:assert/strict";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import {
  type Owner,
  Persistence,
  RollbackToolRegistry,
  type SessionPlugin,
  type Storage,
} from "@threadkeep/core";
import { z } from "zod";
import { latest, place } from "../src/checkpoints.js";
import type { Database } from "../src/harness.js";
import type { Own } from "../src/isolation-calls.js";
import { human, line, said } from "../src/persistence.js";
import { recorded } from "./plugin-world.js";

export const graphOn = ({ checkpointer }: Pick<Own, "checkpointer">) =>
  line({ n: () => ({ trail: ["n"] }) }).compile({ checkpointer });

export const turn = (own: Own, id: string, word: string) =>
  graphOn(own).invoke({ trail: [word] }, place(id));

export const trailOf = async (own: Own, id: string) =>
  ((await latest(own.checkpointer, id))?.trail ?? []) as string[];

export const saidIn = async (own: Own, id: string) => said(await own.history(id).getMessages());

export const named = (tenant_id: string, thread_id = "s") => ({
  configurable: { thread_id, tenant_id },
});

/** Ids that look like what a process might know an owner's thread by. */
export const IMITATIONS: readonly ((owner: string, id: string) => string)[] = [
  (owner, id) => JSON.stringify([owner, id]),
  (owner, id) => JSON.stringify([JSON.parse(owner), id]),
  (owner, id) => JSON.stringify(["", JSON.stringify([owner, id])]),
  (owner, id) => `${owner} ${id}`,
  (owner, id) => `${owner}${id}`,
];

/** A chain that notes what its model is given. */
export function listening(plugin: SessionPlugin) {
  const given: string[] = [];
  const model = RunnableLambda.from(async (messages: BaseMessage[]) => {
    given.push(...messages.map(({ text }) => text));
    return new AIMessage("ok");
  });
  const chain = plugin.wrap(model as never) as { invoke(input: unknown): Promise<unknown> };
  return { given, say: (text: string) => chain.invoke([human(text)]) };
}

/** Each stored session that holds a message, by the id that it is stored under, and whose it is. */
export async function holding(
  storage: Storage,
  text: string,
): Promise<{ id: string; owner: Owner }[]> {
  const found: { id: string; owner: Owner }[] = [];
  for (const { id, guard } of await storage.sessions({ owner: {}, limit: 100 })) {
    const messages = await recorded(storage, id);
    if (messages.some((one) => one.includes(text))) found.push({ id, owner: guard.owner });
  }
  return found;
}

/** A tool whose calls can be taken back, and the world that it changes. */
export function paying(db: Database) {
  const [paid, undone]: [string[], string[]] = [[], []];
  const registry = new RollbackToolRegistry();
  const pay = tool(
    async ({ to }) => {
      paid.push(to);
      return `paid ${to}`;
    },
    { name: "pay", description: "Pays.", schema: z.object({ to: z.string() }) },
  );
  registry.register(pay, ({ args }) => {
    undone.push((args as { to: string }).to);
  });
  const persistence = new Persistence(db.storage, { rollbackToolRegistry: registry });
  const call = (to: string, config: object) =>
    pay.invoke({ name: "pay", args: { to }, id: `call ${to}`, type: "tool_call" }, config as never);
  const graphTo = (to: string) =>
    line({
      n: async (_state, config) => {
        await call(to, config);
        return { trail: [to] };
      },
    }).compile({ checkpointer: persistence.checkpointer });
  return { persistence, paid, undone, call, graphTo };
}

/** Two of tenant A's user's sessions of one id: one stood elsewhere while another tenant had the id. */
export async function twoOfOneId(db: Database, isFirstSaid: boolean) {
  const persistence = new Persistence(db.storage, { clock: () => 1000 });
  const tenant = persistence.forOwner({ tenantId: "A" });
  const user = persistence.forOwner({ tenantId: "A", userId: "1" });
  await persistence.sessions.create({ id: "dup", tenantId: "B" });
  const first = await user.sessions.create({ id: "dup", title: "first" });
  if (isFirstSaid) await user.history("dup").addMessages([human("first")]);
  else await turn(user, "dup", "first");
  await persistence.sessions.delete("dup");
  const config = { configurable: { thread_id: "dup", user_id: "1" } };
  if (isFirstSaid) await graphOn(tenant).invoke({ trail: ["second"] }, config);
  else {
    await tenant.sessions.create({ id: "dup", userId: "1" });
    await tenant.history("dup").addMessages([human("second")]);
  }
  assert.equal(first.title, "first");
}
