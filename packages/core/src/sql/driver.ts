export type Param = string | number | null;
export type Row = readonly unknown[];

/** One statement of a batch; `expect` rows must be changed by it, else the batch is rolled back. */
export interface Statement {
  readonly text: string;
  readonly params: readonly Param[];
  readonly expect?: number;
}

/**
 * How to talk to a database: four calls, no session state between them. Statement texts come from
 * a bounded set, so a driver may keep all of them prepared. Rejections are `StorageError`s.
 */
export interface Driver {
  query(text: string, params: readonly Param[]): Promise<Row[]>;
  /** All or nothing, in this order. `false`: an expectation failed, and nothing was written. */
  batch(statements: readonly Statement[]): Promise<boolean>;
  /**
   * Runs one migrator at a time, over all processes. `run` gets a driver whose statements are
   * inside the lock.
   */
  exclusive<T>(run: (driver: Pick<Driver, "query" | "batch">) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
