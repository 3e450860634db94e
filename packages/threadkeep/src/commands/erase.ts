import type { EraseReport, Owner, SessionPersistence } from "@threadkeep/core";
import type { Command } from "commander";
import type { AddCommand, Cli, Job } from "../cli.js";
import { UsageError } from "../failure.js";
import {
  type CommonOptions,
  type OwnerOptions,
  ownerOf,
  some,
  withCommon,
  withOwner,
} from "../options.js";
import { renderErased } from "../render/reports.js";
import { ownerWords } from "../render/sessions.js";
import { bytes, count } from "../render/text.js";
import { countSessions, everySession, existing } from "./find.js";

interface EraseOptions extends CommonOptions, OwnerOptions {
  readonly yes?: boolean;
}

export const addErase: AddCommand = (program, cli) => {
  const command: Command = withOwner(withCommon(program.command("erase")));
  command
    .description("remove every row of a session, or of somebody's sessions")
    .argument("[id]", "one session; else say whose", some)
    .option("-y, --yes", "do not ask")
    .action((id: string | undefined, options: EraseOptions) => erase(cli, id, options));
};

function erase(cli: Cli, id: string | undefined, options: EraseOptions): Promise<void> {
  const owner = ownerOf(options);
  if (id === undefined && owner === undefined) {
    throw new UsageError("what is to go? Say a session's id, or --tenant, --user or --agent");
  }
  cli.checkConsent(options.yes);
  return cli.work(options, async (job) => {
    const { persistence, output, database } = job;
    if (id !== undefined) await existing(persistence, id, "erase");
    if (!options.yes) {
      const doomed = await (id === undefined
        ? ofOwner(persistence, owner!)
        : ofId(persistence, id));
      if (doomed !== undefined) await cli.confirm(`Erase ${doomed}, from ${database}, for ever?`);
    }
    const report = await (id === undefined ? eraseOwner(job, owner!) : persistence.erase(id));
    await (options.json ? output.json(report) : output.result(renderErased(report, output.paint)));
  });
}

/** One session after the other, so that somebody can watch; then those that came meanwhile. */
async function eraseOwner({ persistence, output }: Job, owner: Owner): Promise<EraseReport> {
  const progress = await output.progress("erasing: sessions");
  const total = progress.isShown ? await countSessions(persistence, owner) : undefined;
  let report = NOTHING;
  try {
    for await (const { id } of everySession(persistence, owner)) {
      report = added(report, await persistence.erase(id));
      progress.update(report.sessions, total);
    }
    return added(report, await persistence.erase(owner));
  } finally {
    progress.stop();
  }
}

const NOTHING: EraseReport = { sessions: 0, rows: 0, bytes: 0, tables: {} };

function added(a: EraseReport, b: EraseReport): EraseReport {
  const tables = { ...a.tables };
  for (const [table, rows] of Object.entries(b.tables)) tables[table] = (tables[table] ?? 0) + rows;
  return {
    sessions: a.sessions + b.sessions,
    rows: a.rows + b.rows,
    bytes: a.bytes + b.bytes,
    tables,
  };
}

/** What would go, in words; `undefined` where nothing would. */
async function ofOwner(persistence: SessionPersistence, owner: Owner): Promise<string | undefined> {
  const sessions = await countSessions(persistence, owner);
  return sessions === 0 ? undefined : `${count(sessions, "session")} of ${ownerWords(owner)}`;
}

async function ofId(persistence: SessionPersistence, id: string): Promise<string> {
  const { title } = await existing(persistence, id, "erase");
  const size = await persistence.stats(id);
  const name = title === undefined ? id : `${id} (${title})`;
  return `session ${name}: ${count(size.rows, "row")}, ${bytes(size.bytes)}`;
}
