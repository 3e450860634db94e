import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Persistence, type SessionListQuery } from "@threadkeep/core";
import type { SessionRecord, Storage } from "@threadkeep/core/backend";
import { PostgresStorage } from "@threadkeep/postgres";
import { SqliteStorage } from "@threadkeep/sqlite";
import { postgresRows } from "../servers/postgres.js";
import { closeDatabase, openDatabase } from "./database.js";
import { type Effort, interleave, median, quantile } from "./measure.js";
import { fillPostgres, fillSqlite, ownerOf, sessionRows, WORD } from "./session-rows.js";

export const sessionStorages = {
  "threadkeep-sqlite": "SQLite",
  "threadkeep-postgres": "PostgreSQL",
} as const;
export type SessionStorage = keyof typeof sessionStorages;

/** How long one way of finding sessions takes. */
export interface SessionFigure {
  readonly storage: SessionStorage;
  readonly question: string;
  readonly sessions: number;
  readonly milliseconds: number;
  readonly p95: number;
  readonly samples: number;
}

export interface SessionPlan {
  readonly sessions: number;
  /** The page that is read by a cursor, from 1. */
  readonly page: number;
  readonly effort: Effort;
}

interface Question {
  readonly name: string;
  /** The n-th time it is asked, of another owner. */
  readonly query: (n: number) => SessionListQuery;
  /** Asked of `forOwner`. */
  readonly ownView?: true;
  /** Where the page begins, if not with the first one. */
  readonly page?: number;
}

const tenant = (n: number) => ({ tenantId: ownerOf(n).tenantId });
const user = (n: number) => ({ userId: ownerOf(n).userId });
const both = (n: number) => ({ ...tenant(n), ...user(n) });
const all = () => ({ all: true }) as const;

/** The one question that has to look at all sessions. */
export const WHOLE_SEARCH = "title part, all sessions";

function questionsOf({ page }: SessionPlan): Question[] {
  return [
    { name: "tenant and user", query: both },
    { name: "tenant", query: tenant },
    { name: "user", query: user },
    { name: "agent", query: (n) => ({ agentId: ownerOf(n).agentId }) },
    { name: "all", query: all },
    { name: "interrupted, tenant and user", query: with_(both, { status: "interrupted" }) },
    { name: "interrupted, tenant", query: with_(tenant, { status: "interrupted" }) },
    { name: "interrupted, all", query: with_(all, { status: "interrupted" }) },
    { name: "done, tenant", query: with_(tenant, { status: "done" }) },
    { name: "archived, tenant", query: with_(tenant, { status: "archived" }) },
    { name: "archived, all", query: with_(all, { status: "archived" }) },
    { name: "title part, tenant and user", query: with_(both, { query: WORD }) },
    { name: "title part, tenant", query: with_(tenant, { query: WORD }) },
    { name: WHOLE_SEARCH, query: with_(all, { query: WORD }) },
    { name: `page ${page}, tenant`, query: () => tenant(0), page },
    { name: `page ${page}, all`, query: all, page },
    { name: "forOwner of tenant and user", query: both, ownView: true },
    { name: "forOwner of a tenant", query: tenant, ownView: true },
  ];
}

const with_ =
  (owner: (n: number) => SessionListQuery, more: Partial<SessionListQuery>) =>
  (n: number): SessionListQuery => ({ ...owner(n), ...more });

/** Milliseconds of every question at so many sessions, on both databases. */
export async function timeSessions(
  plan: SessionPlan,
  folder: string,
  urls: { readonly postgres: string },
): Promise<SessionFigure[]> {
  const records = sessionRows(plan.sessions);
  const sqlite = await inSqlite(join(folder, "sessions.db"), records);
  const postgres = await inPostgres(urls.postgres, records);
  return [
    ...(await timeQuestions("threadkeep-sqlite", sqlite, plan, records)),
    ...(await timeQuestions("threadkeep-postgres", postgres, plan, records)),
  ];
}

interface Opened {
  readonly storage: Storage;
  readonly close: () => unknown;
}

async function inSqlite(file: string, records: readonly SessionRecord[]): Promise<Opened> {
  const db = openDatabase(file);
  const storage = new SqliteStorage(db);
  await storage.setup();
  fillSqlite(db, records);
  return { storage, close: () => closeDatabase(db) };
}

async function inPostgres(url: string, records: readonly SessionRecord[]): Promise<Opened> {
  const schema = `bench_${randomBytes(6).toString("hex")}`;
  const storage = PostgresStorage.connect(url, { schema });
  await storage.setup();
  await fillPostgres(url, schema, records);
  return { storage, close: () => postgresRows(url, `DROP SCHEMA "${schema}" CASCADE`) };
}

async function timeQuestions(
  storage: SessionStorage,
  opened: Opened,
  plan: SessionPlan,
  records: readonly SessionRecord[],
): Promise<SessionFigure[]> {
  const persistence = new Persistence(opened.storage);
  const tasks = [getting(persistence, records)];
  for (const question of questionsOf(plan)) {
    const asked = await asking(persistence, question);
    await checkAnswer(asked, question, records);
    tasks.push({ name: question.name, run: asked });
  }
  const counted = tasks.map(({ name, run }) => {
    let n = 0;
    return { name, run: () => run(n++) };
  });
  const samples = await interleave(counted, plan.effort);
  await persistence.end();
  await opened.close();
  return [...samples].map(([question, times]) => ({
    ...{ storage, question, sessions: plan.sessions, samples: times.length },
    ...{ milliseconds: median(times), p95: quantile(times, 0.95) },
  }));
}

type Ask = (n: number) => Promise<string[]>;

const getting = (persistence: Persistence, records: readonly SessionRecord[]) => ({
  name: "get",
  run: async (n: number) => {
    const { id } = records[(n * 7919) % records.length]!;
    if ((await persistence.sessions.get(id))?.id !== id) throw new Error(`${id} was not found`);
    return [id];
  },
});

/** What asks the question, with the cursors and views that it needs. */
async function asking(persistence: Persistence, question: Question): Promise<Ask> {
  const idsOf = ({ sessions }: { sessions: { id: string }[] }) => sessions.map(({ id }) => id);
  if (question.ownView) {
    return async (n) => {
      const view = persistence.forOwner(question.query(n));
      return idsOf(await view.sessions.list({ all: true }));
    };
  }
  if (question.page === undefined) {
    return async (n) => idsOf(await persistence.sessions.list(question.query(n)));
  }
  const query = question.query(0);
  const before = { ...query, limit: PAGE * (question.page - 1) };
  const { cursor } = await persistence.sessions.list(before);
  return async () => idsOf(await persistence.sessions.list({ ...query, cursor: cursor! }));
}

const PAGE = 20;
const OWNERS_CHECKED = 50;

/** A wrong answer that is fast is no answer; neither is none at all, for whatever owner. */
async function checkAnswer(ask: Ask, question: Question, records: readonly SessionRecord[]) {
  const first = PAGE * ((question.page ?? 1) - 1);
  let found = 0;
  for (let n = 0; n < OWNERS_CHECKED; n++) {
    const given = await ask(n);
    const right = records.filter((record) => fits(record, question.query(n)));
    const expected = right.slice(first, first + PAGE).map(({ id }) => id);
    if (given.join() !== expected.join()) throw new Error(`${question.name}: the wrong sessions`);
    found += given.length;
  }
  if (found === 0) throw new Error(`${question.name}: no sessions`);
}

function fits({ guard, title, status, endedAt }: SessionRecord, query: SessionListQuery): boolean {
  const isTheirs = (["tenantId", "userId", "agentId"] as const).every(
    (field) => query[field] === undefined || query[field] === guard.owner[field],
  );
  const isNow = endedAt === null ? (status ?? "done") : "archived";
  return (
    isTheirs &&
    (query.status === undefined || query.status === isNow) &&
    (query.query === undefined || title!.includes(query.query))
  );
}
