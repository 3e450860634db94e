import { readFile, writeFile } from "node:fs/promises";
import type { Results } from "./results.js";
import type { Part } from "./run.js";

/** Where the figures of each part stand. */
const slotsOf = (results: Results): Record<Part, Record<string, unknown[]>> => ({
  disk: { disk: results.disk },
  history: { history: results.history },
  turns: { turns: results.turns },
  nodes: { nodes: results.nodes },
  sessions: { sessions: results.sessions },
  transcripts: { transcripts: results.transcripts },
  calls: { calls: results.calls, stored: results.stored },
  "server-disk": { disk: results.servers.disk },
  "server-turns": { turns: results.servers.turns },
  "server-calls": { rates: results.servers.rates, reads: results.servers.reads },
  wire: { wire: results.servers.wire },
  "server-history": { history: results.servers.history },
});

interface Stored {
  readonly machine: Results["machine"];
  readonly servers: string;
  readonly parts: ReturnType<typeof slotsOf>;
}

export async function saveFigures(results: Results, file: string): Promise<void> {
  const { machine, servers } = results;
  const stored: Stored = { machine, servers: servers.line, parts: slotsOf(results) };
  // One line per figure.
  const text = JSON.stringify(stored, null, 2).replace(/\{\n {8,}("[^{}]*?)\n {8,}\}/g, oneLine);
  await writeFile(file, `${text}\n`);
}

const oneLine = (_: string, fields: string): string => `{ ${fields.replace(/\n\s*/g, " ")} }`;

/**
 * Adds the figures of all parts but `except`, which an earlier run has taken.
 * @throws Error if that was another machine
 */
export async function addFigures(
  results: Results,
  file: string,
  except: readonly Part[],
): Promise<void> {
  const stored: Stored = JSON.parse(await readFile(file, "utf8"));
  const here = JSON.stringify(results.machine);
  if (JSON.stringify(stored.machine) !== here) {
    throw new Error(`the figures in ${file} were not taken on ${here}; all parts must be run`);
  }
  results.servers.line ||= stored.servers;
  for (const [part, slots] of Object.entries(slotsOf(results)) as [Part, object][]) {
    if (except.includes(part)) continue;
    for (const [name, figures] of Object.entries(slots)) {
      figures.push(...(stored.parts[part]?.[name] ?? []));
    }
  }
}
