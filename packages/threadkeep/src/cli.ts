import { Writable, type WritableOptions } from "node:stream";
import { Persistence, type SessionPersistence } from "@threadkeep/core";
import type { Command } from "commander";
import { connect, type Mode } from "./connect.js";
import { Declined, Exit, Stopped, UsageError } from "./failure.js";
import { type CommonOptions, type OwnerOptions, ownerOf } from "./options.js";
import { Output } from "./output.js";
import { oneLine } from "./render/text.js";
import type { Screen, Terminal } from "./terminal.js";

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
   * Opens the database, works, and closes it: at the end, or as soon as the signal comes.
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
    // What is under way then fails, and puts away what it has begun.
    const stop = () => void everything.end().catch(() => {});
    const { signal } = this.terminal;
    signal?.addEventListener("abort", stop);
    try {
      signal?.throwIfAborted();
      const persistence = owner === undefined ? everything : everything.forOwner(owner);
      await everything.setup();
      await job({ persistence, database: name, output: this.output });
    } finally {
      signal?.removeEventListener("abort", stop);
      await everything.end();
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
    const { stdin: input, stderr, signal } = this.terminal;
    const { default: confirm } = await import("@inquirer/confirm");
    const prompt = { message: oneLine(question), default: false };
    const streams = { input, output: lent(stderr), ...(signal === undefined ? {} : { signal }) };
    const answer = await confirm(prompt, streams).catch((error: unknown) => {
      const isExit = error instanceof Error && /^(Exit|Abort)PromptError$/.test(error.name);
      throw isExit ? new Stopped(Exit.interrupted) : error;
    });
    if (!answer) throw new Declined("nothing was deleted");
  }
}

/** A stream that may be ended, as the prompt does, while the screen goes on. */
function lent(screen: Screen): Screen {
  const write: WritableOptions["write"] = (chunk, encoding, done) =>
    void screen.write(chunk, encoding, (error) => done(error ?? null));
  return Object.assign(new Writable({ write, decodeStrings: false }), {
    isTTY: true,
    columns: screen.columns ?? 80,
  });
}
