import { isBaseMessage } from "@langchain/core/messages";
import { MessageText } from "../history/message-text.js";
import { checkId, checkText, describe, invalid } from "../storage/ids.js";
import type {
  CheckpointRecord,
  ItemRecord,
  MessageRecord,
  ModelCallRecord,
  NodeRunRecord,
  SessionRows,
  ToolEventRecord,
  WriteRecord,
} from "../storage/storage.js";

/** Refuses a field's value that no row has. */
export type Check = (name: string, value: unknown) => void;
export type Fields<T> = { readonly [F in keyof T]-?: Check };

const OPERATION = "importSession";

export const id: Check = (name, value) => void checkId(OPERATION, name, value);
export const text: Check = (name, value) => void checkText(OPERATION, name, value);

/** A text that is JSON, be it sealed by a user's serializer. */
export const json: Check = (name, value) => {
  const given = checkText(OPERATION, name, value);
  try {
    JSON.parse(given);
  } catch (cause) {
    throw invalid(OPERATION, `${name} is not JSON: ${(cause as Error).message}`);
  }
};

/** A text that is an object in JSON, and never sealed. */
const object: Check = (name, value) => {
  json(name, value);
  const given: unknown = JSON.parse(value as string);
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return;
  throw invalid(OPERATION, `${name} is no object`);
};

const MESSAGES = new MessageText();

/** What a history can read. Only the user knows classes of his own: of a message with such, its form is read. */
const messageText: Check = (name, value) => {
  object(name, value);
  const content = value as string;
  const { message: body } = JSON.parse(content) as { message?: unknown };
  if (typeof body === "object" && body !== null && !Array.isArray(body)) {
    if (content.includes('"$class"') || isMessage(content)) return;
  }
  throw invalid(OPERATION, `${name} is no message`);
};

function isMessage(content: string): boolean {
  try {
    return isBaseMessage(MESSAGES.decode(OPERATION, content, 0, ""));
  } catch {
    return false;
  }
}

/** As far as a `Date` reaches, in both directions. */
const MAX_TIME = 8.64e15;

const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER): Check =>
  (name, value) => {
    const number = value as number;
    const isWhole = Number.isSafeInteger(value) && !Object.is(value, -0);
    if (isWhole && number >= least && number <= most) return;
    const what = typeof value === "number" ? value : describe(value);
    throw invalid(OPERATION, `${name} must be a whole number, not ${what}`);
  };
export const integer = whole(Number.MIN_SAFE_INTEGER);
export const time = whole(-MAX_TIME, MAX_TIME);
export const count = whole(0);
const ordinal = whole(1);

export { ordinal };

export const orNull =
  (check: Check): Check =>
  (name, value) => {
    if (value !== null) check(name, value);
  };

export const oneOf =
  (...choices: readonly unknown[]): Check =>
  (name, value) => {
    if (!choices.includes(value)) throw invalid(OPERATION, `${name} is none of its values`);
  };

const checkpoint: Fields<CheckpointRecord> = {
  ns: text,
  id,
  parentId: orNull(id),
  version: ordinal,
  step: orNull(integer),
  source: orNull(text),
  nodePath: orNull(json),
  tombstone: oneOf(true, false),
  copyOf: orNull(ordinal),
  name: orNull(id),
  label: orNull(text),
  properties: orNull(json),
  runId: orNull(id),
  state: json,
  metadata: json,
  createdAt: time,
};

const write: Fields<WriteRecord> = {
  ns: text,
  checkpointId: id,
  taskId: id,
  idx: integer,
  taskPath: text,
  channel: text,
  value: json,
};

const nodeRun: Fields<NodeRunRecord> = {
  ns: text,
  checkpointId: id,
  taskId: id,
  attempt: ordinal,
  nodePath: text,
  step: orNull(integer),
  kind: oneOf("pull", "push", "task"),
  status: oneOf("ok", "error", "interrupted"),
  learnt: oneOf("observed", "derived"),
  input: json,
  output: orNull(json),
  error: orNull(json),
  startedAt: orNull(time),
  endedAt: time,
};

const toolEvent: Fields<ToolEventRecord> = {
  callId: id,
  attempt: ordinal,
  event: id,
  position: ordinal,
  tool: text,
  ns: orNull(text),
  checkpointId: orNull(id),
  version: count,
  body: json,
  createdAt: time,
};

const message: Fields<MessageRecord> = {
  position: ordinal,
  id: orNull(text),
  key: orNull(id),
  role: id,
  content: messageText,
  metadata: orNull(object),
  createdAt: time,
};

const modelCall: Fields<ModelCallRecord> = {
  id,
  messageId: orNull(text),
  model: orNull(text),
  status: oneOf("ok", "error", "aborted"),
  inputTokens: orNull(integer),
  outputTokens: orNull(integer),
  totalTokens: orNull(integer),
  usage: orNull(object),
  error: orNull(text),
  latencyMs: integer,
  startedAt: time,
};

const item: Fields<ItemRecord> = { seq: ordinal, type: id, body: json };

/** Names of the tables in an exported file. */
export type ExportedTable = keyof typeof TABLES;

interface TableOf<T> {
  /** Where its rows stand among a session's. */
  readonly part: keyof SessionRows;
  readonly fields: Fields<T>;
  /** Of two rows, or of two that have it, none are equal in one of these. */
  readonly keys: readonly (keyof T)[][];
}

const table = <T>(
  part: keyof SessionRows,
  fields: Fields<T>,
  ...keys: (keyof T)[][]
): TableOf<T> => ({ part, fields, keys });

export const TABLES = {
  agent_state: table("checkpoints", checkpoint, ["ns", "id"], ["ns", "version"], ["name"]),
  state_writes: table("writes", write, ["ns", "checkpointId", "taskId", "idx"]),
  node_runs: table("nodeRuns", nodeRun, ["ns", "checkpointId", "taskId", "attempt"]),
  tool_journal: table("toolEvents", toolEvent, ["callId", "attempt", "event"]),
  messages: table("messages", message, ["position"], ["key"]),
  model_calls: table("modelCalls", modelCall, ["id"]),
  state_items: table("items", item, ["seq"]),
} as const;

/**
 * Refuses what has not exactly these fields, or a value that none of them takes.
 * @throws StorageError `INVALID_ARGUMENT`
 */
export function checkFields(what: string, fields: Readonly<Record<string, Check>>, row: unknown) {
  if (typeof row !== "object" || row === null || Array.isArray(row)) {
    throw invalid(OPERATION, `${what} must be an object, not ${describe(row)}`);
  }
  const given = row as Readonly<Record<string, unknown>>;
  const stranger = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
  if (stranger !== undefined) {
    throw invalid(OPERATION, `${what} has no field ${JSON.stringify(stranger)}`);
  }
  for (const [name, check] of Object.entries(fields)) {
    if (!Object.hasOwn(given, name)) throw invalid(OPERATION, `${what} lacks ${name}`);
    check(`${what}.${name}`, given[name]);
  }
}

/** Only the fields that the file has, in their order. */
export function fieldsOf<T extends object>(fields: Fields<T>, row: T): T {
  const names = Object.keys(fields) as (keyof T)[];
  return Object.fromEntries(names.map((name) => [name, row[name]])) as T;
}
