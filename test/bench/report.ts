import CliTable from "cli-table3";
import { durability } from "./database.js";
import type { Results } from "./results.js";
import type { Table } from "./table.js";
import { tablesOf } from "./tables.js";

export const machineLine = ({ machine: { cores, node, sqlite }, servers }: Results): string =>
  `${cores} cores, Node ${node}, SQLite ${sqlite}; every database at ${durability}.${
    servers.line && ` ${servers.line}.`
  }`;

export const terminalReport = (results: Results): string =>
  [machineLine(results), ...tablesOf(results).map(terminalTable)].join("\n\n");

function terminalTable({ title, head, rows, note }: Table): string {
  const table = new CliTable({
    head: [...head],
    colAligns: columnAlignments(rows),
    style: { head: [], border: [], compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  return `${title}\n${table}\n${note}`;
}

/** Numbers to the right. */
const columnAlignments = (rows: Table["rows"]): ("left" | "right")[] =>
  (rows[0] ?? []).map((_, column) =>
    rows.every((row) => /^[~–\d]/.test(row[column]!) && !/[A-Za-z]/.test(row[column]!))
      ? "right"
      : "left",
  );

/** `docs/benchmarks.md`. The prose is here, the figures are the run's. */
export const markdownReport = (results: Results, plot: string): string =>
  [
    "# Benchmarks",
    `${machineLine(results)} Milliseconds are medians.`,
    `![Milliseconds per chat turn, and bytes on disk, against the number of turns](${plot})`,
    ...tablesOf(results).map(markdownTable),
    method,
  ].join("\n\n");

function markdownTable({ title, head, rows, note }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ").replaceAll("\n", " ")} |`;
  const rule = columnAlignments(rows).map((side) => (side === "right" ? "--:" : ":--"));
  return [`## ${title}`, "", line(head), line(rule), ...rows.map(line), "", note].join("\n");
}

const method = `## Method

\`\`\`sh
npx -y pnpm@10 bench            # all of the above; writes this file and its plot
npx -y pnpm@10 bench --quick    # short threads and few samples, in under 90 seconds; writes nothing
npx -y pnpm@10 bench --help     # some parts only, another folder for the databases
\`\`\`

- The chat is a graph of one node on \`MessagesAnnotation\`. Its messages have 600 bytes of synthetic
  words (Zipf's frequencies) and UUIDs; the model's bear \`response_metadata\` and \`usage_metadata\`.
  It is deterministic: every run writes the same messages.
- All savers run in one process, in turn, round by round, each round beginning with another one.
  A warm-up comes first. Before each sample the young objects are collected, so that no saver waits
  for the garbage of the one before it.
- Every SQLite database, LangGraph's, threadkeep's and that of the raw inserts, commits with
  ${durability}. This is checked when a database is closed. Small
  calls are timed at synchronous=NORMAL as well: at FULL they mostly wait for the disk.
- The floor is a saver that keeps references to what it is given and copies nothing. The same with
  one raw insert of 800 bytes per \`put\` and \`putWrites\` shows what the commits alone cost.
- LangGraph's saver writes the whole list at every step, so a thread of 2,000 turns costs it
  gigabytes. Its turns at that length are timed on a seeded thread, and its bytes there extrapolated
  from the sizes that it grew to. threadkeep's threads are grown to the full length.
- At T = 10 short threads are begun anew several times, so that the turns timed lie around the
  tenth. From T = 200 on the turns timed are those that follow.
- The calls of a saver without a graph go through the same sequence as a run's: supersteps of one
  \`put\` and one \`putWrites\`, each state holding the unchanged values of the one before. The raw
  insert is one prepared statement on a table of one text column.
- The servers are started for the run, one of each kind, and used by all savers at once: their
  commits are on the disk when they are acknowledged, and nothing else is set. Every saver has
  tables of its own and a pool of ten connections. PostgreSQL's statistics are brought up to date
  before turns are timed (\`ANALYZE\`), as the server does by itself after a while.
- LangGraph's tables are grown to fewer turns and extrapolated, as its SQLite file is. Its turns are
  timed on a seeded thread, threadkeep's on a seeded and on a grown one.
- On a server \`put\` is timed as a rate: so many calls on 1, 8 or 32 threads at once. The raw insert
  is one prepared statement on a pool of the same size, with a key and one column for the same bytes.
- Sessions are found by \`persistence.sessions\`, each time another owner's; the rows are written by
  plain SQL, in no order. Before anything is timed each answer is compared with the right one.
- The proxy is a process of its own. It delays both directions alike, until \`SELECT 1\` takes as long
  as said, and counts a round trip whenever a client sends something after the server has answered.
- After each chat its messages are counted: a saver that loses one ends the benchmark. A test holds
  the same chats and calls, and compares the states of all savers with those of the floor.
- Absolute times of two runs differ by the load of the machine; the ratios within one run are what
  to compare. A figure of some seconds (long lists of LangGraph's) is a single sample.
`;
