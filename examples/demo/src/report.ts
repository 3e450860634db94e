import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tool } from "@langchain/core/tools";
import type { ToolCall } from "@threadkeep/core";
import { z } from "zod";
import { type DemoState, FOCUS } from "./state.js";

const HEADERS = ["rank", "file", "lines", "bytes", "longest line", "TODOs", "exports or headings"];

const row = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;

export function reportText(state: DemoState): string {
  return [
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
  ].join("\n");
}

export function reportFileOf(folder: string, { focus }: DemoState): string {
  return join(folder, `report-by-${focus}.md`);
}

const schema = z.object({ file: z.string(), text: z.string() });

export function reportTool() {
  return tool(({ file, text }) => writeFile(file, text), {
    name: "write_report",
    description: "Writes a report into a file.",
    schema,
  });
}

export type ReportTool = ReturnType<typeof reportTool>;

export function reportFileIn({ args }: ToolCall): string {
  return schema.parse(args).file;
}

/** Takes back what a call of the tool did. */
export function deleteReport(call: ToolCall): Promise<void> {
  return rm(reportFileIn(call), { force: true });
}
