/** What is removed, or would be. */
export interface Amount {
  readonly checkpoints: number;
  readonly items: number;
  /** Checkpoints, their pending writes and node runs, and items. */
  readonly rows: number;
  /** What the rows' texts take, in UTF-8. */
  readonly bytes: number;
}

export const NOTHING: Amount = { checkpoints: 0, items: 0, rows: 0, bytes: 0 };

export function addAmounts(a: Amount, b: Amount): Amount {
  return {
    checkpoints: a.checkpoints + b.checkpoints,
    items: a.items + b.items,
    rows: a.rows + b.rows,
    bytes: a.bytes + b.bytes,
  };
}
