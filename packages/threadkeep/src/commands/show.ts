import type { SessionPersistence } from "@threadkeep/core";
import type { AddCommand, Cli } from "../cli.js";
import {
  type CommonOptions,
  type OwnerOptions,
  positive,
  some,
  withCommon,
  withOwner,
} from "../options.js";
import { sumModelCalls } from "../render/model-calls.js";
import { renderShown, type Shown } from "../render/show.js";
import { toolNames } from "../tools.js";
import { existing } from "./find.js";

interface ShowOptions extends CommonOptions, OwnerOptions {
  readonly last: number;
  readonly before?: number;
  readonly steps: number;
}

export const addShow: AddCommand = (program, cli) => {
  withOwner(withCommon(program.command("show")))
    .description("show a session: which nodes ran, and what was said")
    .argument("<id>", "the session's id, which is the thread's", some)
    .option("--last <n>", "how many messages, the newest ones", positive, 20)
    .option("--before <position>", "only messages before this one", positive)
    .option("--steps <n>", "how many runs of nodes, the newest ones", positive, 50)
    .action((id: string, options: ShowOptions) => show(cli, id, options));
};

function show(cli: Cli, id: string, options: ShowOptions): Promise<void> {
  return cli.work(options, async ({ persistence, output }) => {
    const shown = await read(persistence, id, options);
    await (options.json
      ? output.json(documentOf(shown))
      : output.result(renderShown(shown, output.paint)));
  });
}

async function read(
  persistence: SessionPersistence,
  id: string,
  options: ShowOptions,
): Promise<Shown> {
  const { last, before, steps } = options;
  const session = await existing(persistence, id, "show");
  const [nodeRuns, transcript, modelCalls] = await Promise.all([
    persistence.checkpointer.listNodeRuns(
      { configurable: { thread_id: id } },
      { limit: steps + 1 },
    ),
    persistence.messages(id, { last, ...(before === undefined ? {} : { before }) }),
    persistence.modelCalls(id),
  ]);
  return {
    session,
    nodeRuns: nodeRuns.slice(0, steps).reverse().sort(byStart),
    moreNodeRuns: nodeRuns.length > steps,
    transcript,
    modelCalls,
  };
}

type Run = Shown["nodeRuns"][number];

/** A subgraph's node ends before the node that holds it, but began after it. */
const byStart = (a: Run, b: Run): number => (a.startedAt ?? a.endedAt) - (b.startedAt ?? b.endedAt);

/** Inputs and outputs of nodes are left out: they can be anything, and any size. */
function documentOf({ session, nodeRuns, moreNodeRuns, transcript, modelCalls }: Shown): object {
  return {
    session,
    nodeRuns: nodeRuns.map(({ input, output, inputMissing, ...run }) => ({
      ...run,
      tools: toolNames({ input, output }),
    })),
    moreNodeRuns,
    messages: {
      source: transcript.source,
      before: transcript.before,
      messages: transcript.messages.map(({ message, ...rest }) => ({
        ...rest,
        ...message.toDict().data,
      })),
    },
    modelCalls: { calls: modelCalls, sums: sumModelCalls(modelCalls) },
  };
}
