import { StorageError } from "../errors.js";
import type { Row, Statement } from "./driver.js";

/** A server's connection, while a call holds it. Rejections are `StorageError`s. */
export interface Connection {
  /** `BEGIN`, `COMMIT` or `ROLLBACK`. */
  say(text: string): Promise<unknown>;
  read(query: Omit<Statement, "expect">): Promise<Row[]>;
  /** @returns how many rows were changed */
  write(statement: Statement): Promise<number>;
}

/** `Driver.batch` on a connection. */
export async function runBatch(
  connection: Connection,
  statements: readonly Statement[],
): Promise<boolean> {
  const [only] = statements;
  if (statements.length === 1 && only !== undefined) return isWritten(connection, only);
  const areWritten = async () => {
    for (const one of statements) if (!(await isWritten(connection, one))) return false;
    return true;
  };
  return transaction(connection, areWritten, (done) => done);
}

async function isWritten(connection: Connection, statement: Statement): Promise<boolean> {
  const changed = await connection.write(statement);
  return statement.expect === undefined || changed === statement.expect;
}

/** @param isDone whether what was done is to stay */
export async function transaction<T>(
  connection: Connection,
  work: () => Promise<T>,
  isDone: (result: T) => boolean = () => true,
): Promise<T> {
  await connection.say("BEGIN");
  let result: T;
  try {
    result = await work();
  } catch (error) {
    // A connection that broke has undone its work, and answers no more.
    if (!isLost(error)) await connection.say("ROLLBACK");
    throw error;
  }
  await connection.say(isDone(result) ? "COMMIT" : "ROLLBACK");
  return result;
}

function isLost(error: unknown): boolean {
  return error instanceof StorageError && error.code === "CONNECTION_LOST";
}
