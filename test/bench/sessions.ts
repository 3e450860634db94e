import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { Persistence, type SessionListQuery } from "@threadkeep/core";
import type { SessionRecord, Storage } from "@threadkeep/core/backend";
import { PostgresStorage } from "@threadkeep/postgres";
import { SqliteStorage } from "@threadkeep/sqlite";
import { postgresRows } from "../servers/postgres.js";
import { closeDatabase, openDatabase } from "./database.js";
import { type Effort, interleave, median, quantile } from "./measure.js";
import {
  BIG_TENANT,
  fillPostgres,
  fillSqlite,
  ownerOf,
  RARE_WORD,
  sessionRows,
  WORD,
} from "./session-rows.js";

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

type Asker = ReturnType<typeof ownerOf>;

interface Question {
  readonly name: string;
  readonly query: (asker: Asker) => SessionListQuery;
  /** Asked of `forOwner`. */
  readonly ownView?: true;
  /** Where the page begins, if not with the first one; then all ask for the same. */
  readonly page?: number;
}

const tenant = ({ tenantId }: Asker) => ({ tenantId });
const user = ({ userId }: Asker) => ({ userId });
const agent = ({ agentId }: Asker) => ({ agentId });
const both = ({ tenantId, userId }: Asker) => ({ tenantId, userId });
const all = () => ({ all: true }) as const;
const big = () => ({ tenantId: BIG_TENANT });

/** The one question that has to look at all sessions. */
export const WHOLE_SEARCH = "rare title part, all";

function questionsOf({ page }: SessionPlan): Question[] {
  const of = (whose: Question["query"], more: Partial<SessionListQuery>): Question["query"] => {
    return (asker) => ({ ...whose(asker), ...more });
  };
  return [
    { name: "tenant and user", query: both },
    { name: "tenant", query: tenant },
    { name: "user", query: user },
    { name: "agent", query: agent },
    { name: "all", query: all },
    { name: "interrupted, tenant and user", query: of(both, { status: "interrupted" }) },
    { name: "interrupted, tenant", query: of(tenant, { status: "interrupted" }) },
    { name: "interrupted, all", query: of(all, { status: "interrupted" }) },
    { name: "done, tenant", query: of(tenant, { status: "done" }) },
    { name: "archived, tenant", query: of(tenant, { status: "archived" }) },
    { name: "archived, all", query: of(all, { status: "archived" }) },
    {
      name: "interrupted or failed, big tenant",
      query: of(big, { status: ["interrupted", "failed"] }),
    },
    { name: "archived, big tenant", query: of(big, { status: "archived" }) },
    { name: "archived or failed, all", query: of(all, { status: ["archived", "failed"] }) },
    { name: "title part, tenant and user", query: of(both, { query: WORD }) },
    { name: "title part, tenant", query: of(tenant, { query: WORD }) },
    { name: WHOLE_SEARCH, query: of(all, { query: RARE_WORD }) },
    { name: `page ${page}, big tenant`, query: big, page },
    { name: `page ${page}, all`, query: all, page },
    { name: "forOwner of tenant and user", query: both, ownView: true },
    { name: "forOwner of a tenant", query: tenant, ownView: true },
  ];
}

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
    tasks.push({ name: question.name, run: (n) => asked(ownerOf(n)) });
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

type Ask = (asker: Asker) => Promise<string[]>;

const getting = (persistence: Persistence, records: readonly SessionRecord[]) => ({
  name: "get",
  run: async (n: number) => {
    const { id } = records[(n * 7919) % records.length]!;
    if ((await persistence.sessions.get(id))?.id !== id) throw new Error(`${id} was not found`);
    return [id];
  },
});

/** What asks the question, with the cursors and views that it needs. */
async function asking(persistence: Persistence, { query, ownView, page }: Question): Promise<Ask> {
  const idsOf = ({ sessions }: { sessions: { id: string }[] }) => sessions.map(({ id }) => id);
  if (ownView) {
    return async (asker) => {
      const { sessions } = persistence.forOwner(query(asker));
      return idsOf(await sessions.list({ all: true }));
    };
  }
  const { sessions } = persistence;
  if (page === undefined) return async (asker) => idsOf(await sessions.list(query(asker)));
  const same = query(ownerOf(0));
  const { cursor } = await sessions.list({ ...same, limit: PAGE * (page - 1) });
  return async () => idsOf(await sessions.list({ ...same, cursor: cursor! }));
}

const PAGE = 20;
const ASKERS_CHECKED = 3;

/** A wrong answer that is fast is no answer. Those ask who have something to find. */
async function checkAnswer(ask: Ask, question: Question, records: readonly SessionRecord[]) {
  const { status, query } = question.query(ownerOf(0));
  const found = records.filter((record) => fits(record, { status, query } as SessionListQuery));
  if (found.length < ASKERS_CHECKED) throw new Error(`${question.name}: nobody finds any`);
  for (const { guard } of found.slice(0, ASKERS_CHECKED)) {
    const asker = guard.owner as Asker;
    const right = found.filter((record) => fits(record, question.query(asker)));
    const first = PAGE * ((question.page ?? 1) - 1);
    const expected = right.slice(first, first + PAGE).map(({ id }) => id);
    const given = await ask(asker);
    if (given.length > 0 && given.join() === expected.join()) continue;
    throw new Error(`${question.name}: ${given.length} sessions, but not the right ones`);
  }
}

function fits({ guard, title, status, endedAt }: SessionRecord, query: SessionListQuery): boolean {
  const isTheirs = (["tenantId", "userId", "agentId"] as const).every(
    (field) => query[field] === undefined || query[field] === guard.owner[field],
  );
  const isNow = endedAt === null ? (status ?? "done") : "archived";
  const wanted = query.status === undefined ? [isNow] : [query.status].flat();
  return (
    isTheirs &&
    wanted.includes(isNow) &&
    (query.query === undefined || title!.includes(query.query))
  );
}
