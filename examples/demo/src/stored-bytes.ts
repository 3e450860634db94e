import Database from "better-sqlite3";

interface CheckpointRow {
  checkpoint_id: string;
  parent_id: string | null;
  state: string;
  bytes: number;
}

interface WriteRow {
  checkpoint_id: string;
  value: string;
}

interface ItemRow {
  seq: number;
  bytes: number;
}

export interface StoredBytes {
  byCheckpoint: Map<string, number>;
  /** Of all checkpoints, writes and items of the thread. */
  total: number;
}

/**
 * What each checkpoint cost: its row, the task results that led to it, and the items that were new.
 * Items are numbered in the order in which they were stored, so those up to the highest number that
 * a checkpoint names, and above those of all checkpoints before it, came with it.
 */
export function storedBytes(database: string, thread: string): StoredBytes {
  const db = new Database(database, { readonly: true });
  const all = <Row>(sql: string) => db.prepare(sql).all(thread) as Row[];
  const checkpoints = all<CheckpointRow>(
    `SELECT checkpoint_id, parent_id, state, octet_length(state) + octet_length(metadata) AS bytes
     FROM agent_state WHERE session_id = ? ORDER BY version`,
  );
  const writes = all<WriteRow>(
    "SELECT checkpoint_id, value FROM state_writes WHERE session_id = ?",
  );
  const items = all<ItemRow>(
    "SELECT seq, octet_length(body) AS bytes FROM state_items WHERE session_id = ? ORDER BY seq",
  );
  db.close();

  const byCheckpoint = new Map<string, number>();
  let next = 0;
  for (const { checkpoint_id, parent_id, state, bytes } of checkpoints) {
    const results = writes.filter((write) => write.checkpoint_id === parent_id);
    const highest = Math.max(...[state, ...results.map(({ value }) => value)].map(highestItem));
    let cost = bytes + sum(results.map(({ value }) => Buffer.byteLength(value)));
    for (; next < items.length && items[next]!.seq <= highest; next += 1)
      cost += items[next]!.bytes;
    byCheckpoint.set(checkpoint_id, cost);
  }
  const total =
    sum(checkpoints.map(({ bytes }) => bytes)) +
    sum(writes.map(({ value }) => Buffer.byteLength(value))) +
    sum(items.map(({ bytes }) => bytes));
  return { byCheckpoint, total };
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
