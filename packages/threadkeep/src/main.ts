import { Command } from "commander";
import manifest from "../package.json" with { type: "json" };
import { type AddCommand, Cli } from "./cli.js";
import { addErase } from "./commands/erase.js";
import { addExport } from "./commands/export.js";
import { addImport } from "./commands/import.js";
import { addPrune } from "./commands/prune.js";
import { addSessions } from "./commands/sessions.js";
import { addSetup } from "./commands/setup.js";
import { addShow } from "./commands/show.js";
import { addStats } from "./commands/stats.js";
import { Exit, exitCodeOf, wordsOf } from "./failure.js";
import type { Screen, Terminal } from "./terminal.js";

const COMMANDS: readonly AddCommand[] = [
  addSetup,
  addSessions,
  addShow,
  addStats,
  addPrune,
  addErase,
  addExport,
  addImport,
];

/** Runs one command line. @returns the exit code */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  for (const stream of [terminal.stdout, terminal.stderr]) listen(stream);
  const cli = new Cli(terminal);
  try {
    // pnpm hands on the "--" that stands before a script's arguments.
    const given = args[0] === "--" ? args.slice(1) : args;
    await programOf(cli).parseAsync(given, { from: "user" });
    return Exit.ok;
  } catch (error) {
    // What was stopped in mid-work fails in many ways.
    if (terminal.signal?.aborted) return Exit.interrupted;
    const words = wordsOf(error);
    if (words !== "") cli.output.complain(`threadkeep: ${words}`);
    return exitCodeOf(error);
  }
}

const LISTENED = new WeakSet<Screen>();

/** An error of a stream is given to whoever writes; without a listener it would end the process. */
function listen(stream: Screen): void {
  if (LISTENED.has(stream)) return;
  LISTENED.add(stream);
  stream.on("error", () => {});
}

function programOf(cli: Cli): Command {
  const { paint } = cli.output;
  const width = Number.isFinite(paint.width) ? paint.width : 80;
  const program = new Command("threadkeep")
    .description("Looks after the sessions of LangGraph.js and LangChain.js in a database.")
    .version(manifest.version)
    .showHelpAfterError("(add --help for the options)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void cli.output.result(text).catch(() => {}),
      writeErr: (text) => cli.output.complain(text),
      getOutHelpWidth: () => width,
      getErrHelpWidth: () => width,
    });
  for (const add of COMMANDS) add(program, cli);
  return program;
}
