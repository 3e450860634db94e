import type { Storage } from "@threadkeep/core";
import type { Owner } from "@threadkeep/core/backend";
import { OWN_TABLES } from "@threadkeep/core/backend";
import type { Database } from "./harness.js";
import { marksIn } from "./isolation-calls.js";
import { session } from "./snapshot.js";

/** What an owner leaves in all it stores. */
type MarkOf = (owner: Owner) => string | undefined;

/** Rows that do not bear the mark that their session's owner leaves, or are nobody's. */
export async function strays(db: Database, markOf: MarkOf): Promise<string[]> {
  return [...(await straySessions(db.storage, markOf)), ...(await strayRows(db, markOf))];
}

/** As the storage tells it. */
async function straySessions(storage: Storage, markOf: MarkOf): Promise<string[]> {
  const found: string[] = [];
  for (const row of await storage.sessions({ owner: {}, limit: 1_000_000 })) {
    const modelCalls = await storage.modelCalls(row.id);
    const text = JSON.stringify([row, await session(storage, row.id), modelCalls]);
    found.push(...foreign(`session ${row.id}`, text, row.guard.owner, markOf));
  }
  return found;
}

/** As the tables tell it, where there are some. */
async function strayRows({ durable }: Database, markOf: MarkOf): Promise<string[]> {
  if (durable === undefined) return [];
  const read = (name: string) => durable.sql(`SELECT * FROM ${durable.table(name)}`);
  const owners = new Map((await read("sessions")).map((row) => [textOf(row.id), ownerIn(row)]));
  const found: string[] = [];
  for (const name of OWN_TABLES.filter((one) => one !== "migrations")) {
    for (const row of await read(name)) {
      const id = textOf(row.session_id ?? row.id);
      const text = Object.values(row).map(textOf).join(" ");
      const where = `${name} of ${id}`;
      const owner = owners.get(id);
      if (owner === undefined) found.push(`${where}: there is no such session`);
      else found.push(...foreign(where, text, owner, markOf));
    }
  }
  return found;
}

function foreign(where: string, text: string, owner: Owner, markOf: MarkOf): string[] {
  const own = markOf(owner);
  const whose = `${where}, of ${JSON.stringify(owner)}`;
  if (own === undefined) return [`${whose}: nobody's`];
  return [...marksIn(text)].filter((mark) => mark !== own).map((mark) => `${whose}: ${mark}`);
}

/** With its fields in the order of `forOwner`'s callers. */
function ownerIn(row: Record<string, unknown>): Owner {
  const fields = [
    ["userId", row.user_id],
    ["tenantId", row.tenant_id],
    ["agentId", row.agent_id],
  ].filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(fields.map(([name, value]) => [name, textOf(value)]));
}

const textOf = (value: unknown) =>
  value instanceof Uint8Array ? Buffer.from(value).toString() : String(value);
