import type { SessionStatus } from "@threadkeep/core";
import { type Command, InvalidArgumentError } from "commander";
import type { AddCommand, Cli } from "../cli.js";
import {
  type CommonOptions,
  type OwnerOptions,
  ownersOf,
  positive,
  some,
  withCommon,
  withOwner,
} from "../options.js";
import { renderSessions } from "../render/sessions.js";

interface SessionsOptions extends CommonOptions, OwnerOptions {
  readonly status?: SessionStatus[];
  readonly query?: string;
  readonly limit: number;
  readonly cursor?: string;
}

const STATUSES: readonly string[] = ["running", "interrupted", "failed", "done", "archived"];

export const addSessions: AddCommand = (program, cli) => {
  const command: Command = withOwner(withCommon(program.command("sessions")), "--all");
  command
    .description("list sessions, the last active one first")
    .option("--status <words>", `any of ${STATUSES.join(", ")}; several with commas`, statuses)
    .option("--query <text>", "only sessions whose title contains it", some)
    .option("--limit <n>", "at most so many", positive, 20)
    .option("--cursor <cursor>", "the next page, as the last one named it", some)
    .action((options: SessionsOptions) => sessions(cli, options));
};

function sessions(cli: Cli, options: SessionsOptions): Promise<void> {
  const owners = ownersOf(options);
  const { status, query, limit, cursor } = options;
  return cli.work(options, async ({ persistence, output }) => {
    const page = await persistence.sessions.list({
      ...owners,
      limit,
      ...(status === undefined ? {} : { status }),
      ...(query === undefined ? {} : { query }),
      ...(cursor === undefined ? {} : { cursor }),
    });
    await (options.json
      ? output.json(page)
      : output.result(renderSessions(page, owners, output.paint)));
  });
}

function statuses(text: string): SessionStatus[] {
  const words = text.split(",").map((word) => word.trim());
  const stranger = words.find((word) => !STATUSES.includes(word));
  if (stranger === undefined) return words as SessionStatus[];
  throw new InvalidArgumentError(`It must be of ${STATUSES.join(", ")}.`);
}
