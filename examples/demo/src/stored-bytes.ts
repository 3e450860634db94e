import Database from "better-sqlite3";

interface CheckpointRow {
  checkpoint_id: string;
  parent_id: string | null;
  state: string;
  bytes: number;
}

/** A result of a node, or a record of what it was given or did. */
interface ResultRow {
  /** What the node read. */
  checkpoint_id: string;
  text: string;
}

interface ItemRow {
  seq: number;
  bytes: number;
}

export interface StoredBytes {
  byCheckpoint: Map<string, number>;
  /** Of all checkpoints, writes, node runs, tool calls and items of the thread. */
  total: number;
}

const RESULTS = `
  SELECT checkpoint_id, value AS text FROM state_writes WHERE session_id = @thread
  UNION ALL SELECT checkpoint_id, input FROM node_runs WHERE session_id = @thread
  UNION ALL SELECT checkpoint_id, output FROM node_runs WHERE session_id = @thread AND output NOT NULL
  UNION ALL SELECT checkpoint_id, error FROM node_runs WHERE session_id = @thread AND error NOT NULL
  UNION ALL SELECT began.checkpoint_id, call.body
    FROM tool_journal call JOIN tool_journal began USING (session_id, call_id, attempt)
    WHERE session_id = @thread AND began.event = 'started'`;

/**
 * What each checkpoint cost: its row, the results that led to it, and the items that were new.
 * Items are numbered in the order in which they were stored, so those up to the highest number that
 * a checkpoint names, and above those of all checkpoints before it, came with it.
 */
export function storedBytes(database: string, thread: string): StoredBytes {
  const db = new Database(database, { readonly: true });
  const all = <Row>(sql: string) => db.prepare(sql).all({ thread }) as Row[];
  const checkpoints = all<CheckpointRow>(
    `SELECT checkpoint_id, parent_id, state, octet_length(state) + octet_length(metadata) AS bytes
     FROM agent_state WHERE session_id = @thread ORDER BY version`,
  );
  const results = all<ResultRow>(RESULTS);
  const items = all<ItemRow>(
    "SELECT seq, octet_length(body) AS bytes FROM state_items WHERE session_id = @thread ORDER BY seq",
  );
  db.close();

  const byCheckpoint = new Map<string, number>();
  let next = 0;
  for (const { checkpoint_id, parent_id, state, bytes } of checkpoints) {
    const before = results.filter((result) => result.checkpoint_id === parent_id);
    const highest = Math.max(...[state, ...before.map(({ text }) => text)].map(highestItem));
    let cost = bytes + sum(before.map(bytesOf));
    for (; next < items.length && items[next]!.seq <= highest; next += 1)
      cost += items[next]!.bytes;
    byCheckpoint.set(checkpoint_id, cost);
  }
  const total =
    sum(checkpoints.map(({ bytes }) => bytes)) +
    sum(results.map(bytesOf)) +
    sum(items.map(({ bytes }) => bytes));
  return { byCheckpoint, total };
}

function bytesOf({ text }: ResultRow): number {
  return Buffer.byteLength(text);
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The highest item number in a stored text: `{"$item": 7}`, `{"$list": [[1, 7], [9]]}`. */
function highestItem(text: string): number {
  let highest = 0;
  JSON.parse(text, (key, value) => {
    if (key === "$item" || key === "$page") highest = Math.max(highest, value);
    if (key !== "$list") return value;
    for (const run of value) {
      if (Array.isArray(run)) highest = Math.max(highest, run[0] + (run[1] ?? 1) - 1);
    }
    return value;
  });
  return highest;
}
