import type {
  Duration,
  ExpireReport,
  RetentionPruneReport,
  SessionPersistence,
} from "@threadkeep/core";
import { type Command, Option } from "commander";
import type { AddCommand, Cli, Job } from "../cli.js";
import { UsageError } from "../failure.js";
import {
  age,
  type CommonOptions,
  type OwnerOptions,
  positive,
  some,
  span,
  type Target,
  targetOf,
  whole,
  withCommon,
  withOwner,
} from "../options.js";
import { expireWords, pruneWords } from "../render/reports.js";
import { existing } from "./find.js";

interface PruneOptions extends CommonOptions, OwnerOptions {
  readonly keepLast?: number;
  readonly olderThan?: Duration | Date;
  readonly ttl?: Duration;
  readonly dryRun?: boolean;
  readonly batchSize?: number;
  readonly yes?: boolean;
}

export const addPrune: AddCommand = (program, cli) => {
  const command: Command = withOwner(withCommon(program.command("prune")), "--all");
  command
    .description("remove old checkpoints, or with --ttl whole sessions")
    .argument("[id]", "one session; else say whose", some)
    .option("--keep-last <n>", "how many checkpoints stay of each graph and subgraph (1)", whole)
    .option("--older-than <age>", "only older ones: 30d, 12h, or a date", age)
    .addOption(
      new Option("--ttl <age>", "erase sessions without activity for so long: 90d")
        .argParser(span)
        .conflicts(["keepLast", "olderThan"]),
    )
    .option("--batch-size <n>", "rows in one transaction; with --ttl, sessions", positive)
    .option("--dry-run", "only say what would go")
    .option("-y, --yes", "do not ask")
    .action((id: string | undefined, options: PruneOptions) => prune(cli, id, options));
};

/** Options of every removal. */
interface Batches {
  readonly dryRun?: boolean;
  readonly batchSize?: number;
  readonly onProgress?: (progress: ExpireReport) => void;
}

/** What is removed: checkpoints, or sessions that have expired. */
interface Removal {
  run(batches: Batches): Promise<RetentionPruneReport | ExpireReport>;
  words(report: RetentionPruneReport | ExpireReport): string;
}

function prune(cli: Cli, id: string | undefined, options: PruneOptions): Promise<void> {
  const { keepLast, olderThan, ttl, dryRun, yes } = options;
  const target = targetOf(id, options);
  if (ttl !== undefined && id !== undefined) {
    throw new UsageError("--ttl is for the sessions of an owner; one session is erased by `erase`");
  }
  if (keepLast === undefined && olderThan === undefined && ttl === undefined) {
    throw new UsageError("what is to go? Say --keep-last, --older-than or --ttl");
  }
  if (!dryRun) cli.checkConsent(yes);
  return cli.work(options, async (job) => {
    const removal = removalOf(job.persistence, target, options);
    const counted = dryRun || !yes ? await counting(job, removal, options) : undefined;
    if (counted !== undefined && !dryRun && counted.rows > 0) {
      const question = `Remove ${removal.words(counted)}, from ${job.database}?`;
      await cli.confirm(question);
    }
    const isDone = dryRun || counted?.rows === 0;
    const report = isDone ? counted! : await removing(job, removal, options, counted?.rows);
    const { output } = job;
    if (options.json) return output.json({ dryRun: dryRun === true, ...report });
    await output.result(`${dryRun ? "Would remove" : "Removed"} ${removal.words(report)}.\n`);
  });
}

function removalOf(
  persistence: SessionPersistence,
  target: Target,
  options: PruneOptions,
): Removal {
  const { keepLast, olderThan, ttl } = options;
  if (ttl !== undefined && "owners" in target) {
    const run = (batches: Batches) => persistence.expire(target.owners, { ...batches, ttl });
    return { run, words: expireWords };
  }
  const rules = {
    ...(keepLast === undefined ? {} : { keepLast }),
    ...(olderThan === undefined ? {} : { olderThan }),
  };
  const words = (report: ExpireReport) => pruneWords(report as RetentionPruneReport);
  if ("owners" in target) {
    return { run: (batches) => persistence.prune(target.owners, { ...rules, ...batches }), words };
  }
  const run = async (batches: Batches) => {
    // The library finds nothing to prune in a session that is not there; here the id was mistyped.
    await existing(persistence, target.id, "prune");
    return persistence.prune(target.id, { ...rules, ...batches });
  };
  return { run, words };
}

const counting = (job: Job, removal: Removal, options: PruneOptions) =>
  watched(job, "counting: rows", removal, { ...sizeOf(options), dryRun: true });

const removing = (job: Job, removal: Removal, options: PruneOptions, rows: number | undefined) =>
  watched(job, "removing: rows", removal, sizeOf(options), rows);

const sizeOf = ({ batchSize }: PruneOptions): Batches =>
  batchSize === undefined ? {} : { batchSize };

async function watched(
  { output }: Job,
  what: string,
  removal: Removal,
  batches: Batches,
  total?: number,
): Promise<RetentionPruneReport | ExpireReport> {
  const progress = await output.progress(what);
  try {
    const onProgress = ({ rows }: ExpireReport) => progress.update(rows, total);
    return await removal.run({ ...batches, onProgress });
  } finally {
    progress.stop();
  }
}
