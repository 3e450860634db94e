import { absent, number, type Table } from "./table.js";
import { atMost, type Named, type Target } from "./target.js";
import {
  type TranscriptFigure,
  type TranscriptPlace,
  type TranscriptStorage,
  transcriptPlaces,
  transcriptStorages,
} from "./transcripts.js";

const storages = Object.keys(transcriptStorages) as TranscriptStorage[];
const places = Object.keys(transcriptPlaces) as TranscriptPlace[];
const TARGET_MESSAGES = 10_000;

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
    ({ question, messages }) => question === "last 20" && messages === TARGET_MESSAGES,
  );
  const slowest = places.flatMap((place) =>
    storages.map((storage): Named => {
      const own = asked.filter((it) => it.storage === storage && it.place === place);
      const label = `${transcriptStorages[storage]}, ${transcriptPlaces[place]}`;
      return [label, own.length > 0 ? Math.max(...own.map((it) => it.milliseconds)) : undefined];
    }),
  );
  return [atMost("last 20 of 10,000 messages, warm or cold: ms", 5, slowest)];
}
