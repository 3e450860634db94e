export type Param = string | number | null;
export type Row = readonly unknown[];

/** One statement of a batch; `expect` rows must be changed by it, else the batch is rolled back. */
export interface Statement {
  readonly text: string;
  readonly params: readonly Param[];
  readonly expect?: number;
  /** Its text hardly ever comes again: not worth keeping prepared. */
  readonly rare?: boolean;
}

/** One statement of a migration; the rows it reads come back as the value of its `yield`. */
export interface Step {
  readonly text: string;
  readonly params: readonly Param[];
  readonly reads: boolean;
}

/**
 * How to talk to a database: four calls, no session state between them. Texts that are not
 * `rare` come from a bounded set, so a driver may keep all of them prepared. Rejections are `StorageError`s.
 */
export interface Driver {
  query(text: string, params: readonly Param[]): Promise<Row[]>;
  /** All or nothing, in this order. `false`: an expectation failed, and nothing was written. */
  batch(statements: readonly Statement[]): Promise<boolean>;
  /**
   * Runs steps while no other process runs any, in one transaction where the engine's DDL has
   * transactions. A step's error is thrown at its `yield`. A generator, so that a driver that is
   * synchronous inside can run it without letting go of the lock.
   */
  exclusive<T>(steps: () => Generator<Step, T, Row[]>): Promise<T>;
  close(): Promise<void>;
}
