import { readdir, readFile } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { z } from "zod";

export interface ListedFile {
  path: string;
  bytes: number;
}

export interface Measurement extends ListedFile {
  lines: number;
  longestLine: number;
  todos: number;
}

/** What a source file exports, or the headings of a text. */
export interface Outline {
  path: string;
  names: string[];
}

export const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));

const SKIPPED = /^(node_modules|dist|coverage|\..*)$/;
const READ_LIMIT = 12_000;

async function open(path: string): Promise<string> {
  const file = resolve(REPOSITORY, path);
  if (!file.startsWith(REPOSITORY)) throw new Error(`${path} is outside of the repository`);
  return readFile(file, "utf8");
}

async function* walk(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (SKIPPED.test(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else if (/\.(ts|md)$/.test(entry.name)) yield path;
  }
}

async function listFiles(folder: string): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  for await (const file of walk(resolve(REPOSITORY, folder))) {
    const path = relative(REPOSITORY, file).split(sep).join("/");
    files.push({ path, bytes: Buffer.byteLength(await open(path)) });
  }
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function measure(path: string): Promise<Measurement> {
  const text = await open(path);
  const lines = text.replace(/\n$/, "").split("\n");
  return {
    path,
    bytes: Buffer.byteLength(text),
    lines: lines.length,
    longestLine: Math.max(...lines.map((line) => line.length)),
    todos: text.match(/\b(TODO|FIXME)\b/g)?.length ?? 0,
  };
}

const DECLARATION =
  /^export (?:async |abstract )*(?:function\*?|class|const|interface|type) (\w+)/gm;
const HEADING = /^#+ (.+)$/gm;

function outline(path: string, text: string): Outline {
  const found = text.matchAll(path.endsWith(".md") ? HEADING : DECLARATION);
  return { path, names: [...found].map(([, name]) => name as string) };
}

const path = z.object({ path: z.string().describe("relative to the repository") });

const list_files = tool(
  async ({ folder }) => {
    const files = await listFiles(folder);
    return [files.map((file) => `${file.bytes} ${file.path}`).join("\n") || "no files", files];
  },
  {
    name: "list_files",
    description:
      "Lists the TypeScript and Markdown files under a folder, with their sizes in bytes.",
    schema: z.object({ folder: z.string().describe("relative to the repository") }),
    responseFormat: "content_and_artifact",
  },
);

const measure_file = tool(
  async ({ path }) => {
    const measurement = await measure(path);
    return [JSON.stringify(measurement), measurement];
  },
  {
    name: "measure_file",
    description: "Counts the lines, bytes and TODOs of a file, and finds its longest line.",
    schema: path,
    responseFormat: "content_and_artifact",
  },
);

const read_file = tool(
  async ({ path }) => {
    const text = await open(path);
    return [text.slice(0, READ_LIMIT), outline(path, text)];
  },
  {
    name: "read_file",
    description: `Reads the first ${READ_LIMIT} characters of a file, and finds its exports or headings.`,
    schema: path,
    responseFormat: "content_and_artifact",
  },
);

export type ToolName = "list_files" | "measure_file" | "read_file";
export const tools: Record<ToolName, StructuredToolInterface> = {
  list_files,
  measure_file,
  read_file,
};
