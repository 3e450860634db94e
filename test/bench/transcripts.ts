import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { BaseMessage } from "@langchain/core/messages";
import { ChatMessageHistory, Persistence, type TranscriptQuery } from "@threadkeep/core";
import type { Storage } from "@threadkeep/core/backend";
import { PostgresStorage } from "@threadkeep/postgres";
import { SqliteStorage } from "@threadkeep/sqlite";
import { postgresRows } from "../servers/postgres.js";
import { closeDatabase, openDatabase } from "./database.js";
import { type Effort, interleave, median, quantile, type Task } from "./measure.js";
import { answer, messagesOf } from "./workload.js";

export const transcriptStorages = {
  "threadkeep-sqlite": "SQLite",
  "threadkeep-postgres": "PostgreSQL",
} as const;
export type TranscriptStorage = keyof typeof transcriptStorages;

/** Where the messages stand that a page is read of. */
export const transcriptPlaces = {
  history: "chat history",
  state: "checkpoint, list in one piece",
  pieces: "checkpoint, list in pieces",
} as const;
export type TranscriptPlace = keyof typeof transcriptPlaces;

/** How long one page of a long conversation takes to read. */
export interface TranscriptFigure {
  readonly storage: TranscriptStorage;
  readonly place: TranscriptPlace;
  readonly question: string;
  readonly caches: "warm" | "cold";
  readonly messages: number;
  readonly milliseconds: number;
  readonly p95: number;
  readonly samples: number;
}

export interface TranscriptPlan {
  readonly messages: number;
  readonly effort: Effort;
}

const questions: Readonly<Record<string, (messages: number) => TranscriptQuery>> = {
  "last 20": () => ({ last: 20 }),
  "20 from the middle": (messages) => ({ last: 20, before: messages / 2 }),
  "last 20 human": () => ({ last: 20, roles: ["human"] }),
  "last 5 turns": () => ({ lastTurns: 5 }),
  "4,000 tokens": () => ({ maxTokens: 4000 }),
};

/** Milliseconds of a page of a conversation of so many messages, on both databases. */
export async function timeTranscripts(
  plan: TranscriptPlan,
  folder: string,
  urls: { readonly postgres: string },
): Promise<TranscriptFigure[]> {
  const db = openDatabase(join(folder, "transcripts.db"));
  const sqlite = await timePages("threadkeep-sqlite", new SqliteStorage(db), plan);
  closeDatabase(db);
  const schema = `bench_${randomBytes(6).toString("hex")}`;
  const postgres = PostgresStorage.connect(urls.postgres, { schema });
  const figures = [...sqlite, ...(await timePages("threadkeep-postgres", postgres, plan))];
  await postgresRows(urls.postgres, `DROP SCHEMA "${schema}" CASCADE`);
  return figures;
}

async function timePages(
  storage: TranscriptStorage,
  opened: Storage,
  { messages, effort }: TranscriptPlan,
): Promise<TranscriptFigure[]> {
  const all = messagesOf(messages / 2);
  await fill(opened, all);
  // Another one, so that the readings that begin with nothing take nothing from the others.
  const readers = { warm: new Persistence(opened), cold: new Persistence(opened) };
  const tasks = (Object.keys(transcriptPlaces) as TranscriptPlace[]).flatMap((place) =>
    Object.entries(questions).flatMap(([question, queryOf]) =>
      (["warm", "cold"] as const).map((caches) => ({
        ...{ place, question, caches, query: queryOf(messages) },
        name: JSON.stringify([place, question, caches]),
      })),
    ),
  );
  for (const { place, query } of tasks) await checkAnswer(readers.warm, place, query, all);
  const samples = await interleave(
    tasks.map(
      ({ name, place, query, caches }): Task => ({
        name,
        prepare: () => {
          if (caches === "cold") readers.cold.checkpointer.dropCaches();
        },
        run: () => readers[caches].messages(place, query),
      }),
    ),
    effort,
  );
  await opened.close();
  return tasks.map(({ name, place, question, caches }) => {
    const times = samples.get(name)!;
    return {
      ...{ storage, place, question, caches, messages, samples: times.length },
      ...{ milliseconds: median(times), p95: quantile(times, 0.95) },
    };
  });
}

/** The same conversation in each place. Every second turn of the one in pieces had another answer before. */
async function fill(storage: Storage, all: readonly BaseMessage[]): Promise<void> {
  await storage.setup();
  for (let at = 0; at < all.length; at += 1000) {
    await new ChatMessageHistory(storage, "history").addMessages(all.slice(at, at + 1000));
  }
  const saver = new Persistence(storage).checkpointer;
  const metadata = { source: "loop", step: 0, parents: {} } as const;
  const put = async (thread: string, version: number, messages: readonly BaseMessage[]) => {
    const versions = { messages: version };
    const checkpoint = {
      ...{ v: 4, id: `1ef00000-0000-6000-8000-00000000000${version}`, versions_seen: {} },
      ...{ ts: new Date().toISOString(), channel_values: { messages } },
      channel_versions: versions,
    };
    const configurable = { thread_id: thread, checkpoint_ns: "" };
    await saver.put({ configurable }, checkpoint, metadata, versions);
  };
  await put("state", 1, all);
  const before = all.map((message, i) => (i % 4 === 1 ? answer(all.length + i) : message));
  await put("pieces", 1, before);
  await put("pieces", 2, all);
}

/** A wrong answer that is fast is no answer. */
async function checkAnswer(
  persistence: Persistence,
  place: TranscriptPlace,
  query: TranscriptQuery,
  all: readonly BaseMessage[],
): Promise<void> {
  const { messages } = await persistence.messages(place, query);
  const isRight = messages.every(
    ({ position, message }) => message.content === all[position - 1]?.content,
  );
  const end = messages.at(-1)?.position ?? 0;
  const isEnd = query.roles !== undefined || end === (query.before ?? all.length + 1) - 1;
  const isAsMany = query.last === undefined || messages.length === query.last;
  if (messages.length > 0 && isRight && isEnd && isAsMany) return;
  throw new Error(`${place} ${JSON.stringify(query)}: not the right messages`);
}
