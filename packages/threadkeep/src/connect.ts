import { open } from "node:fs/promises";
import { type Storage, StorageError } from "@threadkeep/core";
import { UsageError } from "./failure.js";

/** Where the tables stand in a database. */
export interface Place {
  /** PostgreSQL only. */
  readonly schema?: string;
  /** SQLite and MySQL only. */
  readonly tablePrefix?: string;
}

/** Whether the tables are made, or must be there. */
export type Mode = "auto" | "verify";

interface Opened {
  readonly storage: Storage;
  /** The database, without user and password. */
  readonly name: string;
}

/**
 * Opens a database. Only the driver that it needs is loaded.
 * @param url `postgres://…`, `mysql://…`, `mariadb://…`, or an SQLite file's path, with or without `sqlite:`
 * @throws UsageError for what is no such URL, or a place that the database does not have
 * @throws StorageError `NOT_FOUND` where tables must be there and there is no such file
 */
export async function connect(url: string, place: Place, mode: Mode): Promise<Opened> {
  // One letter is a drive's.
  const [, scheme] = /^([a-z][a-z0-9+.-]+):/i.exec(url) ?? [];
  switch (scheme?.toLowerCase()) {
    case "postgres":
    case "postgresql":
      return postgres(url, place, mode);
    case "mysql":
    case "mariadb":
      return mysql(url, place, mode);
    case undefined:
    case "sqlite":
    case "file":
      return sqlite(url, place, mode);
    default:
      throw new UsageError(`--url: there is no database of the kind ${scheme}:`);
  }
}

async function postgres(url: string, place: Place, setup: Mode): Promise<Opened> {
  refuse(place.tablePrefix, "--table-prefix", "PostgreSQL has --schema instead");
  const { PostgresStorage } = await import("@threadkeep/postgres");
  const { schema } = place;
  const storage = PostgresStorage.connect(url, {
    setup,
    ...(schema === undefined ? {} : { schema }),
  });
  return { storage, name: nameOf(url, schema ?? "threadkeep") };
}

async function mysql(url: string, place: Place, setup: Mode): Promise<Opened> {
  refuse(place.schema, "--schema", "a MySQL database has --table-prefix instead");
  const { MysqlStorage } = await import("@threadkeep/mysql");
  const storage = MysqlStorage.connect(url, { setup, ...prefixOf(place) });
  return { storage, name: nameOf(url, place.tablePrefix) };
}

async function sqlite(url: string, place: Place, setup: Mode): Promise<Opened> {
  refuse(place.schema, "--schema", "an SQLite file has --table-prefix instead");
  const path = url.replace(/^(sqlite|file):(\/\/)?/i, "");
  if (path === "") throw new UsageError("--url: the path of an SQLite file is missing");
  const isMemory = path === ":memory:";
  if (!isMemory) await checkFile(path, setup);
  const { SqliteStorage } = await import("@threadkeep/sqlite");
  const options = { setup: isMemory ? "auto" : setup, ...prefixOf(place) } as const;
  const storage = SqliteStorage.connect(path, options);
  return { storage, name: nameOf(`sqlite:${path}`, place.tablePrefix) };
}

function refuse(given: string | undefined, option: string, instead: string): void {
  if (given !== undefined) throw new UsageError(`${option}: ${instead}`);
}

const prefixOf = ({ tablePrefix }: Place): Place =>
  tablePrefix === undefined ? {} : { tablePrefix };

const SQLITE = "SQLite format 3\0";

/** The driver would make a file that is not there, and write to an empty one. */
async function checkFile(path: string, mode: Mode): Promise<void> {
  const head = await headOf(path);
  if (head === SQLITE || (mode === "auto" && (head === undefined || head === ""))) return;
  if (head === undefined) {
    throw new StorageError("NOT_FOUND", "connect", `there is no file ${path}`);
  }
  if (head === "") {
    const advice = "`threadkeep setup` makes them";
    throw new StorageError("SCHEMA_OUTDATED", "connect", `${path} has no tables; ${advice}`);
  }
  throw new StorageError("DATABASE", "connect", `${path} is no SQLite database`);
}

async function headOf(path: string): Promise<string | undefined> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(SQLITE.length), 0, SQLITE.length);
      return buffer.toString("latin1", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new StorageError("CONNECTION", "connect", message, { cause });
  }
}

/** A database's name for people: a URL without its user, password and parameters. */
function nameOf(url: string, place: string | undefined): string {
  const bare = url.replace(/:\/\/.*@/, "://").replace(/(:\/\/[^?#]*)[?#].*/, "$1");
  return place === undefined ? bare : `${bare} (${place})`;
}
