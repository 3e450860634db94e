import pg from "pg";
import { Chat } from "../chat.js";
import { type Effort, interleave, median } from "../measure.js";
import type { CacheState } from "../turns.js";
import { analyze, type Urls } from "./hosts.js";
import { WireTap } from "./proxy.js";
import { openServerSaver, type ServerSaver } from "./savers.js";

/** One turn of a chat, over a network whose round trip takes so long. */
export interface WireFigure {
  readonly saver: ServerSaver;
  readonly caches: CacheState;
  readonly turns: number;
  /** Undefined: no delay was added. */
  readonly delay: number | undefined;
  /** What `SELECT 1` took, measured. */
  readonly roundTripMs: number;
  /** How often the client sent something and then waited, over all connections. */
  readonly roundTrips: number;
  readonly milliseconds: number;
}

export interface WirePlan {
  readonly turns: readonly number[];
  /** What a round trip is to take, where it is delayed. */
  readonly roundTripMs: number;
  /** Turns whose round trips are counted. */
  readonly counted: number;
  readonly effort: Effort;
}

interface Contender {
  readonly saver: ServerSaver;
  readonly caches: CacheState;
}

const contenders: readonly Contender[] = [
  { saver: "langgraph-postgres", caches: "warm" },
  { saver: "threadkeep-postgres", caches: "warm" },
  { saver: "threadkeep-postgres", caches: "cold" },
  { saver: "threadkeep-mysql", caches: "warm" },
  { saver: "threadkeep-mysql", caches: "cold" },
];

interface Talk extends Contender {
  readonly chat: Chat;
  readonly proxy: WireTap;
}

/** Watches the turns of all savers from between client and server. */
export async function watchWire(plan: WirePlan, direct: Urls): Promise<WireFigure[]> {
  const postgres = await WireTap.start(direct.postgres);
  const mysql = await WireTap.start(direct.mysql);
  const urls: Urls = { postgres: postgres.url, mysql: mysql.url };
  const setDelay = async (ms: number) => {
    await postgres.delay(ms);
    await mysql.delay(ms);
  };
  try {
    const figures: WireFigure[] = [];
    for (const turns of plan.turns) {
      await setDelay(0);
      const talks = await begin(turns, urls, { postgres, mysql });
      await analyze(direct);
      const base = await roundTrip(urls);
      figures.push(...(await watch(talks, plan, { turns, delay: undefined, roundTripMs: base })));
      const roundTripMs = await slowDown(plan.roundTripMs, base, setDelay, urls);
      const at = { turns, delay: plan.roundTripMs, roundTripMs };
      figures.push(...(await watch(talks, plan, at)));
      await setDelay(0);
      for (const { chat } of talks) await chat.close();
    }
    return figures;
  } finally {
    await Promise.all([postgres.stop(), mysql.stop()]);
  }
}

const begin = (turns: number, urls: Urls, proxies: Record<keyof Urls, WireTap>): Promise<Talk[]> =>
  Promise.all(
    contenders.map(async ({ saver, caches }) => {
      const chat = new Chat(await openServerSaver(saver, urls));
      await chat.seed(turns);
      const proxy = saver === "threadkeep-mysql" ? proxies.mysql : proxies.postgres;
      return { saver, caches, chat, proxy };
    }),
  );

async function watch(
  talks: readonly Talk[],
  { counted, effort }: WirePlan,
  at: Pick<WireFigure, "turns" | "delay" | "roundTripMs">,
): Promise<WireFigure[]> {
  const prepare = ({ chat, caches }: Talk) => {
    if (caches === "cold") chat.saver.dropCaches();
  };
  const tasks = talks.map((talk, index) => ({
    name: String(index),
    prepare: () => prepare(talk),
    run: () => talk.chat.turn(),
  }));
  // These turns also open the connections and prepare the statements.
  const samples = await interleave(tasks, effort);
  const figures: WireFigure[] = [];
  for (const [index, talk] of talks.entries()) {
    const { saver, caches, chat, proxy } = talk;
    const counts: number[] = [];
    while (counts.length < counted) {
      prepare(talk);
      await proxy.takeFlights();
      await chat.turn();
      counts.push(await proxy.takeFlights());
    }
    const milliseconds = median(samples.get(String(index))!);
    figures.push({ saver, caches, ...at, roundTrips: median(counts), milliseconds });
  }
  return figures;
}

/** Sets the delay of each direction with which a round trip takes so long. */
async function slowDown(
  wanted: number,
  base: number,
  setDelay: (ms: number) => Promise<void>,
  urls: Urls,
): Promise<number> {
  let delay = 0;
  let found = base;
  for (let attempt = 0; attempt < 3; attempt++) {
    delay = Math.max(0, delay + (wanted - found) / 2);
    await setDelay(delay);
    found = await roundTrip(urls);
  }
  return found;
}

async function roundTrip({ postgres }: Urls): Promise<number> {
  const client = new pg.Client({ connectionString: postgres });
  await client.connect();
  const select = { name: "select 1", run: () => client.query("SELECT 1") };
  const samples = await interleave([select], { warmup: 10, rounds: 50, collect: false });
  await client.end();
  return median(samples.get(select.name)!);
}
