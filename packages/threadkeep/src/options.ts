import type { Duration, Owner, OwnerQuery } from "@threadkeep/core";
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "./failure.js";

/** Options of every command. */
export interface CommonOptions {
  readonly url?: string;
  readonly schema?: string;
  readonly tablePrefix?: string;
  readonly json?: boolean;
}

/** Options that say whose sessions. */
export interface OwnerOptions {
  readonly tenant?: string;
  readonly user?: string;
  readonly agent?: string;
  readonly all?: boolean;
}

export function withCommon(command: Command): Command {
  return command
    .option("--url <url>", "postgres://…, mysql://… or an SQLite file (or THREADKEEP_URL)", some)
    .option("--schema <name>", "where the tables stand in PostgreSQL", some)
    .option("--table-prefix <prefix>", "what their names begin with in MySQL and SQLite", some)
    .option("--json", "print JSON, for programs");
}

/** @param all whether it can be meant for everybody's sessions */
export function withOwner(command: Command, all: "--all" | "" = ""): Command {
  const owned = command
    .option("--tenant <id>", "only sessions of this tenant", some)
    .option("--user <id>", "only sessions of this user", some)
    .option("--agent <id>", "only sessions of this agent", some);
  return all === "" ? owned : owned.option("--all", "sessions of everybody");
}

/** The owner that the options name; `undefined` for nobody. */
export function ownerOf({ tenant, user, agent }: OwnerOptions): Owner | undefined {
  if (tenant === undefined && user === undefined && agent === undefined) return undefined;
  return {
    ...(tenant === undefined ? {} : { tenantId: tenant }),
    ...(user === undefined ? {} : { userId: user }),
    ...(agent === undefined ? {} : { agentId: agent }),
  };
}

/**
 * Whose sessions are meant.
 * @throws UsageError where nobody is named, or everybody and somebody
 */
export function ownersOf(options: OwnerOptions): OwnerQuery {
  const owner = ownerOf(options);
  if (options.all !== true) {
    if (owner !== undefined) return owner;
    throw new UsageError("whose sessions? Say --tenant, --user or --agent, or --all");
  }
  if (owner === undefined) return { all: true };
  throw new UsageError("--all does not go with --tenant, --user and --agent");
}

/** What a command is meant for: one session, or somebody's. */
export type Target = { readonly id: string } | { readonly owners: OwnerQuery };

/** @throws UsageError where neither is named, or both a session and everybody */
export function targetOf(id: string | undefined, options: OwnerOptions): Target {
  if (id === undefined) return { owners: ownersOf(options) };
  if (options.all === true) throw new UsageError("--all does not go with a session's id");
  return { id };
}

/** A text with something in it: an empty one is a variable that was not set. */
export function some(text: string): string {
  if (text === "") throw new InvalidArgumentError("It is empty.");
  return text;
}

/** A whole number from 0. */
export function whole(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("It must be a whole number, 0 or more.");
}

/** A whole number from 1. */
export function positive(text: string): number {
  if (whole(text) > 0) return Number(text);
  throw new InvalidArgumentError("It must be a whole number, 1 or more.");
}

const DURATION = /^\d+(\.\d+)?[dhms]$/;

/** A duration. */
export function span(text: string): Duration {
  if (DURATION.test(text)) return text as Duration;
  throw new InvalidArgumentError("It must be a duration: 30d, 12h, 15m or 45s.");
}

/** A duration, or a day or time. */
export function age(text: string): Duration | Date {
  if (DURATION.test(text)) return text as Duration;
  const isDate = /^\d{4}-\d{2}-\d{2}/.test(text) && !Number.isNaN(Date.parse(text));
  if (isDate) return new Date(text);
  throw new InvalidArgumentError(
    "It must be a duration such as 30d, or a date such as 2026-01-31.",
  );
}
