import type { SessionFigure } from "./sessions.js";
import { type SessionStorage, sessionStorages, WHOLE_SEARCH } from "./sessions.js";
import { absent, number, type Table } from "./table.js";
import { atMost, type Target } from "./target.js";

const storages = Object.keys(sessionStorages) as SessionStorage[];

export function sessionTable(figures: readonly SessionFigure[]): Table {
  const questions = [...new Set(figures.map(({ question }) => question))];
  const count = figures[0]?.sessions.toLocaleString("en");
  const cell = (storage: SessionStorage, question: string) => {
    const figure = figures.find((it) => it.storage === storage && it.question === question);
    return figure ? [number(figure.milliseconds), number(figure.p95)] : [absent, absent];
  };
  return {
    title: `Finding sessions among ${count}, ms`,
    head: [
      "sessions of",
      ...storages.flatMap((storage) => [
        sessionStorages[storage],
        `${sessionStorages[storage]}\np95`,
      ]),
    ],
    rows: questions.map((question) => [
      question,
      ...storages.flatMap((storage) => cell(storage, question)),
    ]),
    note:
      "50 tenants of 40 users, 5 agents; 2 % wait for a human, 1 % failed, 3 % are archived. A big " +
      "tenant beside them has 60 % of all sessions, of which fewer than a page wait, have failed or " +
      "are archived. 5 % have the title part, three sessions have the rare one, for which all " +
      "titles are read. Pages of 20; `get` reads one. LangGraph's savers know no sessions: there the " +
      "threads are found by reading every checkpoint (`list({})`), which is not timed.",
  };
}

export function sessionTargets(figures: readonly SessionFigure[]): Target[] {
  const slowest = storages.map((storage) => {
    const own = figures.filter((it) => it.storage === storage && it.question !== WHOLE_SEARCH);
    const worst = own.toSorted((a, b) => b.milliseconds - a.milliseconds)[0];
    const label = worst ? `${sessionStorages[storage]}, ${worst.question}` : "";
    return [label, worst?.sessions === TARGET_SESSIONS ? worst.milliseconds : undefined] as const;
  });
  return [atMost("finding sessions among 100,000, the slowest way: ms", 5, slowest)];
}

const TARGET_SESSIONS = 100_000;
