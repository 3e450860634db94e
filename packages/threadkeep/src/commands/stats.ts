import type { OwnerQuery } from "@threadkeep/core";
import type { Command } from "commander";
import type { AddCommand, Cli, Job } from "../cli.js";
import {
  type CommonOptions,
  type OwnerOptions,
  positive,
  some,
  targetOf,
  withCommon,
  withOwner,
} from "../options.js";
import { renderStats, renderSums } from "../render/stats.js";
import { addSession, NO_SUMS } from "../sums.js";
import { everySession, unlessGone } from "./find.js";

interface StatsOptions extends CommonOptions, OwnerOptions {
  readonly limit: number;
}

export const addStats: AddCommand = (program, cli) => {
  const command: Command = withOwner(withCommon(program.command("stats")), "--all");
  command
    .description("count the bytes of a session, or of somebody's sessions, by table and channel")
    .argument("[id]", "one session; else say whose", some)
    .option("--limit <n>", "how many of the largest sessions are listed", positive, 20)
    .action((id: string | undefined, options: StatsOptions) => stats(cli, id, options));
};

function stats(cli: Cli, id: string | undefined, options: StatsOptions): Promise<void> {
  const target = targetOf(id, options);
  return cli.work(options, async (job) => {
    const { persistence, output } = job;
    if ("owners" in target) {
      const sums = await sumsOf(job, target.owners, options.limit);
      return options.json ? output.json(sums) : output.result(renderSums(sums, output.paint));
    }
    const one = await persistence.stats(target.id);
    return options.json ? output.json(one) : output.result(renderStats(one, output.paint));
  });
}

async function sumsOf({ persistence, output }: Job, owners: OwnerQuery, limit: number) {
  const progress = await output.progress("sessions");
  let sums = NO_SUMS;
  try {
    for await (const session of everySession(persistence, owners)) {
      const stats = await unlessGone(persistence.stats(session.id));
      if (stats !== undefined) sums = addSession(sums, session, stats, limit);
      progress.update(sums.sessions);
    }
  } finally {
    progress.stop();
  }
  return sums;
}
