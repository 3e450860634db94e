import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import type { Session } from "@threadkeep/core";
import type { AddCommand, Cli, Job } from "../cli.js";
import { UsageError } from "../failure.js";
import { jsonLine } from "../json.js";
import { type CommonOptions, type OwnerOptions, some, withCommon, withOwner } from "../options.js";
import type { Progress } from "../output.js";
import { oneLine } from "../render/text.js";

interface ImportOptions extends CommonOptions, OwnerOptions {
  readonly as?: string;
}

export const addImport: AddCommand = (program, cli) => {
  withOwner(withCommon(program.command("import")))
    .description("make sessions of exported files, each as a whole or not at all")
    .argument("<files...>", "files that export has written; - is the standard input")
    .option("--as <id>", "another id than the one that it had", some)
    .action((files: string[], options: ImportOptions) => importCommand(cli, files, options));
};

function importCommand(cli: Cli, files: string[], options: ImportOptions): Promise<void> {
  if (options.as !== undefined && files.length > 1) {
    throw new UsageError("--as names one session, and there are several files");
  }
  return cli.work(options, async (job) => {
    const { output } = job;
    for (const file of files) {
      const session = await importFile(cli, job, file, options);
      const name = session.title === undefined ? session.id : `${session.id} (${session.title})`;
      await output.done(
        options.json
          ? `${jsonLine(session)}\n`
          : `Imported ${oneLine(name)} from ${oneLine(file)}.\n`,
      );
    }
  });
}

async function importFile(
  { terminal }: Cli,
  { output, persistence }: Job,
  file: string,
  { as }: ImportOptions,
): Promise<Session> {
  const isInput = file === "-";
  const total = isInput ? undefined : (await stat(file)).size;
  const progress = await output.progress(`importing ${oneLine(file)}: bytes`);
  const stream: Readable = isInput ? terminal.stdin : createReadStream(file);
  if (terminal.signal !== undefined) addAbortSignal(terminal.signal, stream);
  try {
    const source = counted(stream, progress, total);
    return await persistence.importSession(source, as === undefined ? {} : { as });
  } finally {
    progress.stop();
    stream.destroy();
  }
}

async function* counted(
  source: AsyncIterable<string | Uint8Array>,
  progress: Progress,
  total: number | undefined,
): AsyncGenerator<string | Uint8Array> {
  let read = 0;
  for await (const chunk of source) {
    yield chunk;
    read += chunk.length;
    progress.update(read, total);
  }
}
