import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type OwnerQuery, type SessionPersistence, StorageError } from "@threadkeep/core";
import type { Command } from "commander";
import type { AddCommand, Cli, Job } from "../cli.js";
import { UsageError } from "../failure.js";
import { chunks, fileNameOf, writeWhole } from "../files.js";
import { jsonLine } from "../json.js";
import {
  type CommonOptions,
  type OwnerOptions,
  some,
  targetOf,
  withCommon,
  withOwner,
} from "../options.js";
import { bytes, count, oneLine } from "../render/text.js";
import { countSessions, everySession, unlessGone } from "./find.js";

interface ExportOptions extends CommonOptions, OwnerOptions {
  readonly out?: string;
  readonly dir?: string;
}

export const addExport: AddCommand = (program, cli) => {
  const command: Command = withOwner(withCommon(program.command("export")), "--all");
  command
    .description("write a session, or somebody's sessions, as lines of JSON")
    .argument("[id]", "one session; else say whose", some)
    .option("--out <file>", "the file of one session, instead of the standard output", some)
    .option("--dir <folder>", "the folder for a file of each session", some)
    .action((id: string | undefined, options: ExportOptions) => exportCommand(cli, id, options));
};

function exportCommand(cli: Cli, id: string | undefined, options: ExportOptions): Promise<void> {
  const { out, dir } = options;
  const target = targetOf(id, options);
  if ("owners" in target) {
    if (dir === undefined || out !== undefined) {
      throw new UsageError("sessions of an owner go into a folder: say --dir");
    }
    return cli.work(options, (job) => exportAll(job, target.owners, dir, options));
  }
  if (dir !== undefined) throw new UsageError("--dir is for sessions of an owner: say --out");
  return cli.work(options, (job) => exportOne(job, target.id, options));
}

async function exportOne(job: Job, id: string, { out, json }: ExportOptions): Promise<void> {
  const { output, persistence } = job;
  const lines = persistence.exportSession(id);
  if (out === undefined) {
    for await (const chunk of chunks(lines)) await output.lines(chunk);
    return;
  }
  const size = await writeWhole(out, lines);
  if (json) return output.json({ session: id, file: out, bytes: size });
  await output.result(`Exported ${oneLine(id)} to ${oneLine(out)}: ${bytes(size)}.\n`);
}

async function exportAll(
  { output, persistence }: Job,
  owners: OwnerQuery,
  folder: string,
  { json }: ExportOptions,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const progress = await output.progress("exporting: sessions", json);
  const total = progress.isShown ? await countSessions(persistence, owners) : undefined;
  const done = { sessions: 0, bytes: 0 };
  try {
    for await (const { id } of everySession(persistence, owners)) {
      const file = join(folder, fileNameOf(id));
      const size = await unlessGone(writeWholeSession(persistence, id, file));
      if (size === undefined) continue;
      done.sessions += 1;
      done.bytes += size;
      if (json) await output.done(`${jsonLine({ session: id, file, bytes: size })}\n`);
      progress.update(done.sessions, total);
    }
  } finally {
    progress.stop();
  }
  if (json) return;
  const what = `${count(done.sessions, "session")} to ${oneLine(folder)}: ${bytes(done.bytes)}`;
  await output.result(`Exported ${what}.\n`);
}

const MAX_TRIES = 5;

/** A session that is pruned while it is read is read again. */
async function writeWholeSession(
  persistence: SessionPersistence,
  id: string,
  file: string,
): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await writeWhole(file, persistence.exportSession(id));
    } catch (error) {
      const isPruned = error instanceof StorageError && error.code === "CONFLICT";
      if (!isPruned || tries === MAX_TRIES) throw error;
    }
  }
}
