import { absent, number, type Table } from "./table.js";
import { atMost, type Named, type Target } from "./target.js";
import {
  type TranscriptFigure,
  type TranscriptStorage,
  transcriptPlaces,
  transcriptStorages,
} from "./transcripts.js";

const storages = Object.keys(transcriptStorages) as TranscriptStorage[];
const TARGET_MESSAGES = 10_000;
const PAGES = ["last 20", "20 from the middle"];

export function transcriptTable(figures: readonly TranscriptFigure[]): Table {
  const rows = figures.filter(({ storage }) => storage === figures[0]?.storage);
  const cell = (storage: TranscriptStorage, row: TranscriptFigure) => {
    const figure = figures.find(
      (it) =>
        it.storage === storage &&
        it.place === row.place &&
        it.question === row.question &&
        it.caches === row.caches,
    );
    return figure ? [number(figure.milliseconds), number(figure.p95)] : [absent, absent];
  };
  return {
    title: `A page of a conversation of ${rows[0]?.messages.toLocaleString("en")} messages, ms`,
    head: [
      ...["read of", "page", "caches"],
      ...storages
        .map((storage) => transcriptStorages[storage])
        .flatMap((name) => [name, `${name}\np95`]),
    ],
    rows: rows.map((row) => [
      ...[transcriptPlaces[row.place], row.question, row.caches],
      ...storages.flatMap((storage) => cell(storage, row)),
    ]),
    note: "In pieces: every fourth message was another one in the checkpoint before.",
  };
}

export function transcriptTargets(figures: readonly TranscriptFigure[]): Target[] {
  const asked = figures.filter(
    ({ question, messages }) => PAGES.includes(question) && messages === TARGET_MESSAGES,
  );
  const slowest = (["history", "state"] as const).flatMap((place) =>
    storages.map((storage): Named => {
      const own = asked.filter((it) => it.storage === storage && it.place === place);
      const label = `${transcriptStorages[storage]}, ${transcriptPlaces[place]}`;
      return [label, own.length > 0 ? Math.max(...own.map((it) => it.milliseconds)) : undefined];
    }),
  );
  return [
    atMost("20 of 10,000 messages, the last or from the middle, warm or cold: ms", 5, slowest),
  ];
}
