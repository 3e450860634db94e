import { StorageError } from "@threadkeep/core";
import type { AddCommand, Cli } from "../cli.js";
import { type CommonOptions, withCommon } from "../options.js";

interface SetupOptions extends CommonOptions {
  readonly check?: boolean;
}

/** What a set-up did. */
interface Done {
  readonly database: string;
  readonly tables: "made" | "verified";
}

export const addSetup: AddCommand = (program, cli) => {
  withCommon(program.command("setup"))
    .description("make the tables, or bring older ones up to date")
    .option("--check", "only look whether they are there; exit with 1 if not")
    .action((options: SetupOptions) => setup(cli, options));
};

async function setup(cli: Cli, options: SetupOptions): Promise<void> {
  const { output } = cli;
  const checked = await check(cli, options);
  const done = checked ?? (await make(cli, options));
  if (options.json) return output.json(done);
  const { database, tables } = done;
  const words =
    tables === "verified"
      ? "the tables are there, and up to date"
      : "the tables have been made, or brought up to date";
  await output.result(`${database}: ${words}\n`);
}

/** @returns `undefined` where the tables are to be made */
async function check(cli: Cli, options: SetupOptions): Promise<Done | undefined> {
  let found: Done | undefined;
  try {
    await cli.work(options, async ({ database }) => {
      found = { database, tables: "verified" };
    });
  } catch (error) {
    if (options.check || !isMissing(error)) throw error;
  }
  return found;
}

async function make(cli: Cli, options: SetupOptions): Promise<Done> {
  let database = "";
  await cli.work(
    options,
    async (job) => {
      database = job.database;
    },
    "auto",
  );
  return { database, tables: "made" };
}

const isMissing = (error: unknown): boolean =>
  error instanceof StorageError && ["SCHEMA_OUTDATED", "NOT_FOUND"].includes(error.code);
