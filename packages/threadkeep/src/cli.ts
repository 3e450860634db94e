import { Persistence, type SessionPersistence } from "@threadkeep/core";
import type { Command } from "commander";
import { connect, type Mode } from "./connect.js";
import { Declined, Exit, Stopped, UsageError } from "./failure.js";
import { type CommonOptions, type OwnerOptions, ownerOf } from "./options.js";
import { Output } from "./output.js";
import { oneLine } from "./render/text.js";
import type { Terminal } from "./terminal.js";

/** What a command works with. */
export interface Job {
  /** Of the owner whom the options name: nobody else's sessions are there. */
  readonly persistence: SessionPersistence;
  /** The database's name for people. */
  readonly database: string;
  readonly output: Output;
}

/** Adds a command to the program. */
export type AddCommand = (program: Command, cli: Cli) => void;

/** What all commands share: the terminal, and how a database is opened and closed. */
export class Cli {
  readonly output: Output;
  readonly terminal: Terminal;

  constructor(terminal: Terminal) {
    this.terminal = terminal;
    this.output = new Output(terminal);
  }

  /**
   * Opens the database, works, and closes it, however the work ends.
   * @throws Stopped where the signal came first
   */
  async work(
    options: CommonOptions & OwnerOptions,
    job: (job: Job) => Promise<void>,
    mode: Mode = "verify",
  ): Promise<void> {
    const url = options.url ?? this.terminal.env.THREADKEEP_URL;
    if (!url) throw new UsageError("which database? Say --url, or set THREADKEEP_URL");
    const { storage, name } = await connect(url, options, mode);
    const everything = new Persistence(storage);
    const owner = ownerOf(options);
    try {
      const persistence = owner === undefined ? everything : everything.forOwner(owner);
      const working = everything
        .setup()
        .then(() => job({ persistence, database: name, output: this.output }));
      await this.#unlessStopped(working);
    } finally {
      await everything.end();
    }
  }

  async #unlessStopped(working: Promise<void>): Promise<void> {
    const { signal } = this.terminal;
    if (signal === undefined) return working;
    let stop = () => {};
    const stopped = new Promise<never>((_, reject) => {
      stop = () => reject(new Stopped(Exit.interrupted));
    });
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop);
    try {
      await Promise.race([working, stopped]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /**
   * Sees to it that somebody can be asked, before any work is done for the question.
   * @throws UsageError where nobody can
   */
  checkConsent(yes: boolean | undefined): void {
    if (yes === true || this.#canAsk) return;
    throw new UsageError("this deletes; nobody can be asked here, so say --yes");
  }

  get #canAsk(): boolean {
    return this.terminal.stdin.isTTY === true && this.terminal.stderr.isTTY === true;
  }

  /**
   * Asks whether to go on.
   * @throws Declined where the answer is no
   */
  async confirm(question: string): Promise<void> {
    const { stdin: input, stderr: output, signal } = this.terminal;
    const { default: confirm } = await import("@inquirer/confirm");
    const prompt = { message: oneLine(question), default: false };
    const streams = { input, output, ...(signal === undefined ? {} : { signal }) };
    const answer = await confirm(prompt, streams).catch((error: unknown) => {
      const isExit = error instanceof Error && /^(Exit|Abort)PromptError$/.test(error.name);
      throw isExit ? new Stopped(Exit.interrupted) : error;
    });
    if (!answer) throw new Declined("nothing was deleted");
  }
}
