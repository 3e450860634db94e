import type { SessionRecord } from "@threadkeep/core/backend";
import type { Database } from "better-sqlite3";
import { postgresRows } from "../servers/postgres.js";
import { randomFrom, text, uuid } from "./workload.js";

const TENANTS = 50;
const USERS = 40;
const AGENTS = 5;
const MINUTE = 60_000;
const AT_ONCE = 5000;
const LATEST = Date.UTC(2026, 0, 1);

/** Parts of titles: one of every twenty has the first, three of all have the second. */
export const WORD = "Florence";
export const RARE_WORD = "Timbuktu";

/** A tenant beside the others who has most of all sessions, nearly all of them done. */
export const BIG_TENANT = "tenant-big";
const BIG_SHARE = 0.6;
const FATES_OF_ALL = { interrupted: 0.02, failed: 0.01, archived: 0.03 };
/** Of however many sessions; the big tenant has its share of them, which fills no page. */
const RARE_FATES = { interrupted: 10, failed: 10, archived: 20 };

/** Whose sessions the n-th question is about; user and agent ids are the same in every tenant. */
export function ownerOf(n: number) {
  return {
    tenantId: `tenant-${n % TENANTS}`,
    userId: `user-${Math.floor(n / TENANTS) % USERS}`,
    agentId: `agent-${n % AGENTS}`,
  };
}

/**
 * So many sessions, in the order of their last activity. What the big tenant leaves is the others', each
 * user's as many as another's.
 */
export function sessionRows(count: number): SessionRecord[] {
  const random = randomFrom(count);
  const third = Math.ceil(count / 3);
  const fatesOfBig = {
    interrupted: RARE_FATES.interrupted / count,
    failed: RARE_FATES.failed / count,
    archived: RARE_FATES.archived / count,
  };
  return Array.from({ length: count }, (_, index) => {
    const updatedAt = LATEST - index * 5 * MINUTE;
    const isBig = random() < BIG_SHARE;
    const { tenantId, userId } = ownerOf((index * 7919) % count);
    const { status, endedAt } = fateOf(random(), isBig ? fatesOfBig : FATES_OF_ALL);
    const { agentId } = ownerOf(Math.floor(random() * AGENTS));
    const title = text(index, 30);
    return {
      ...{ id: uuid(index), alias: null, metadata: null, nextMessage: 1 },
      ...{ createdAt: updatedAt - MINUTE, updatedAt, endedAt, status },
      title: `${title}${random() < 0.05 ? ` ${WORD}` : ""}${index % third === 1 ? ` ${RARE_WORD}` : ""}`,
      guard: {
        ...{ nextItem: 1, nextVersion: 1, incarnation: index + 1, epoch: 0, rollbacks: 0 },
        token: uuid(count + index),
        owner: { tenantId: isBig ? BIG_TENANT : tenantId, userId, agentId },
      },
    };
  });
}

/** What has become of a session, by a number from 0 to 1. */
function fateOf(
  fate: number,
  { interrupted, failed, archived }: typeof FATES_OF_ALL,
): Pick<SessionRecord, "status" | "endedAt"> {
  const endedAt = fate > 1 - archived ? LATEST : null;
  if (fate < interrupted) return { status: "interrupted", endedAt };
  return { status: fate < interrupted + failed ? "failed" : null, endedAt };
}

const asRow = ({ guard, title, ...record }: SessionRecord) => ({
  ...{ id: record.id, alias: record.alias, metadata: record.metadata, status: record.status },
  ...{ title, title_key: title!.toLowerCase() },
  ...{ tenant_id: guard.owner.tenantId, user_id: guard.owner.userId },
  ...{ agent_id: guard.owner.agentId, ended_at: record.endedAt },
  ...{ created_at: record.createdAt, updated_at: record.updatedAt },
  ...{ next_item: guard.nextItem, next_version: guard.nextVersion },
  ...{ next_message: record.nextMessage, incarnation: guard.incarnation, epoch: guard.epoch },
  ...{ rollbacks: guard.rollbacks, batch_token: guard.token },
});

/** Writes the rows into a table that is there, in no order. */
export function fillSqlite(db: Database, records: readonly SessionRecord[]): void {
  const rows = shuffled(records.map(asRow));
  const names = Object.keys(rows[0]!);
  const params = names.map((name) => `@${name}`).join(", ");
  const insert = db.prepare(`INSERT INTO sessions (${names.join(", ")}) VALUES (${params})`);
  db.transaction(() => {
    for (const row of rows) insert.run(row);
  })();
}

/** The same; the statistics are then those that the server would find by itself within minutes. */
export async function fillPostgres(
  url: string,
  schema: string,
  records: readonly SessionRecord[],
): Promise<void> {
  const table = `"${schema}".sessions`;
  const rows = shuffled(records.map(asRow));
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    const json = JSON.stringify(rows.slice(from, from + AT_ONCE)).replaceAll("'", "''");
    const given = `json_populate_recordset(NULL::${table}, '${json}')`;
    await postgresRows(url, `INSERT INTO ${table} SELECT * FROM ${given}`);
  }
  await postgresRows(url, `VACUUM ANALYZE ${table}`);
}

/** Rows are not made in the order of their last activity. */
function shuffled<T>(list: readonly T[]): T[] {
  const random = randomFrom(list.length);
  const keyed = list.map((item) => [random(), item] as const);
  return keyed.sort(([a], [b]) => a - b).map(([, item]) => item);
}
