import { createHash } from "node:crypto";
import { StorageError } from "../errors.js";
import { invalid } from "../storage/ids.js";
import type { Owner, SessionRecord, SessionRows } from "../storage/storage.js";
import { FORMAT, FORMAT_VERSION } from "./export.js";
import {
  checkFields,
  count,
  type ExportedTable,
  id,
  json,
  oneOf,
  ordinal,
  orNull,
  TABLES,
  text,
  time,
} from "./exported-rows.js";
import { corrupt } from "./ndjson.js";

type Times = Pick<SessionRecord, "createdAt" | "updatedAt" | "endedAt">;

/** The session's row in a file. */
interface FileSession extends Times, Pick<SessionRecord, "id" | "title" | "metadata" | "status"> {
  readonly owner: Owner;
}

/** The counters in a file's last line. */
interface FileGuard {
  readonly nextItem: number;
  readonly nextVersion: number;
  readonly nextMessage: number;
  readonly rollbacks: number;
}

interface Read {
  readonly session: FileSession;
  readonly guard: FileGuard;
  readonly rows: SessionRows;
}

type AnyRow = Readonly<Record<string, unknown>>;

const SESSION = {
  id,
  owner: () => {},
  title: orNull(text),
  metadata: orNull(json),
  status: oneOf("running", "interrupted", "failed", null),
  createdAt: time,
  updatedAt: time,
  endedAt: orNull(time),
};
const GUARD = { nextItem: ordinal, nextVersion: ordinal, nextMessage: ordinal, rollbacks: count };
const OWNER = { userId: id, tenantId: id, agentId: id };

/** Which counter a row's number is below. */
const BELOW: readonly (readonly [ExportedTable, string, keyof FileGuard])[] = [
  ["agent_state", "version", "nextVersion"],
  ["state_items", "seq", "nextItem"],
  ["tool_journal", "position", "nextItem"],
  ["messages", "position", "nextMessage"],
];

/** Reads the lines of an exported session, and believes none of them. */
export class SessionFile {
  /** How many were read. */
  lines = 0;
  readonly #operation: string;
  readonly #hash = createHash("sha256");
  readonly #seen = new Set<string>();
  readonly #rows = new Map<ExportedTable, AnyRow[]>();
  #session: FileSession | undefined;
  #guard: FileGuard | undefined;

  constructor(operation: string) {
    this.#operation = operation;
  }

  /** Of the session in the file; read the first line before. */
  get sessionId(): string {
    return (this.#session as FileSession).id;
  }

  /** @throws StorageError `CORRUPT`, `SCHEMA_NEWER` */
  add(line: string): void {
    this.lines += 1;
    try {
      this.#read(this.#parse(line));
    } catch (error) {
      if (!(error instanceof StorageError) || error.code === "SCHEMA_NEWER") throw error;
      throw corrupt(this.#operation, `line ${this.lines}: ${error.detail}`, error.cause);
    }
    this.#hash.update(`${line}\n`);
  }

  #parse(line: string): AnyRow {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw corrupt(this.#operation, "is not JSON", cause);
    }
    if (typeof value === "object" && value !== null) return value as AnyRow;
    throw corrupt(this.#operation, "is no object");
  }

  #read(value: AnyRow): void {
    if (this.#guard !== undefined) throw this.#wrong("stands behind the end");
    if (this.#session === undefined) this.#readHeader(value);
    else if (Object.hasOwn(value, "end")) this.#readEnd(value);
    else this.#readRow(value);
  }

  #readHeader(value: AnyRow): void {
    if (value.format !== FORMAT) throw this.#wrong("this is no exported session");
    ordinal("version", value.version);
    if ((value.version as number) > FORMAT_VERSION) {
      const made = `the file is of format ${value.version}`;
      const known = `this threadkeep reads format ${FORMAT_VERSION}`;
      throw new StorageError("SCHEMA_NEWER", this.#operation, `${made}; ${known}`);
    }
    checkFields("the header", { format: () => {}, version: ordinal, session: () => {} }, value);
    checkFields("session", SESSION, value.session);
    const session = value.session as FileSession;
    checkOwner(session.owner);
    this.#session = session;
  }

  #readRow(value: AnyRow): void {
    checkFields("the line", { table: text, row: () => {} }, value);
    const name = value.table as ExportedTable;
    if (!Object.hasOwn(TABLES, name))
      throw this.#wrong(`there is no table ${JSON.stringify(name)}`);
    const { fields, keys } = TABLES[name];
    checkFields("row", fields, value.row);
    const row = value.row as AnyRow;
    for (const key of keys as readonly (readonly string[])[]) this.#checkOnce(name, key, row);
    const rows = this.#rows.get(name);
    if (rows === undefined) this.#rows.set(name, [row]);
    else rows.push(row);
  }

  #checkOnce(table: string, names: readonly string[], row: AnyRow): void {
    const values = names.map((name) => row[name]);
    if (values.includes(null)) return;
    const key = JSON.stringify([table, ...names, ...values]);
    if (this.#seen.has(key)) throw this.#wrong(`${names.join(", ")} stand in ${table} already`);
    this.#seen.add(key);
  }

  #readEnd(value: AnyRow): void {
    const shape = { end: oneOf(true), guard: () => {}, rows: count, sha256: text };
    checkFields("the end", shape, value);
    checkFields("guard", GUARD, value.guard);
    // Two of the lines are no rows.
    if (value.rows !== this.lines - 2) {
      throw this.#wrong(`says ${value.rows} rows, but there are ${this.lines - 2}`);
    }
    if (value.sha256 !== this.#hash.copy().digest("hex")) {
      throw this.#wrong("the lines before were changed: they have another SHA-256");
    }
    const guard = value.guard as FileGuard;
    for (const [table, field, counter] of BELOW) this.#checkBelow(table, field, guard[counter]);
    this.#guard = guard;
  }

  #checkBelow(table: ExportedTable, field: string, bound: number): void {
    const beyond = this.#rows.get(table)?.find((row) => (row[field] as number) >= bound);
    if (beyond === undefined) return;
    throw this.#wrong(`${field} ${beyond[field]} in ${table} is not below ${bound}`);
  }

  /** @throws StorageError `CORRUPT` where the last line is missing */
  end(): Read {
    const [session, guard] = [this.#session, this.#guard];
    if (session === undefined || guard === undefined) {
      throw corrupt(this.#operation, `the file was cut behind line ${this.lines}`);
    }
    return { session, guard, rows: this.#sorted() };
  }

  #sorted(): SessionRows {
    const parts = Object.entries(TABLES).map(([name, { part }]) => {
      const rows = this.#rows.get(name as ExportedTable) ?? [];
      const by = { checkpoints: "version", messages: "position", items: "seq" }[part as string];
      if (by !== undefined) rows.sort((a, b) => (a[by] as number) - (b[by] as number));
      return [part, rows];
    });
    return Object.fromEntries(parts) as SessionRows;
  }

  #wrong(message: string): StorageError {
    return corrupt(this.#operation, message);
  }
}

function checkOwner(owner: unknown): void {
  const given = typeof owner === "object" && owner !== null ? Object.keys(owner) : [];
  const named = Object.entries(OWNER).filter(([name]) => given.includes(name));
  checkFields("owner", Object.fromEntries(named), owner);
  if (Array.isArray(owner)) throw invalid("importSession", "owner must be an object");
}
