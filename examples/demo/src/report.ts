import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type DemoState, FOCUS } from "./state.js";

const HEADERS = ["rank", "file", "lines", "bytes", "longest line", "TODOs", "exports or headings"];

const row = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;

export async function writeReport(folder: string, state: DemoState): Promise<string> {
  const text = [
    `# The largest files, by ${FOCUS[state.focus].title}`,
    "",
    state.summary,
    "",
    `Summary by ${state.writer}; approved by ${state.approvedBy}.`,
    "",
    row(HEADERS),
    row(HEADERS.map(() => "---")),
    ...state.ranking.map(({ path, lines, bytes, longestLine, todos, outline }, index) =>
      row([index + 1, path, lines, bytes, longestLine, todos, outline.slice(0, 4).join(", ")]),
    ),
    "",
  ];
  const file = join(folder, `report-by-${state.focus}.md`);
  await writeFile(file, text.join("\n"));
  return file;
}
