import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { sqliteVersion } from "./database.js";
import { full, quick } from "./plan.js";
import { plotSvg } from "./plot.js";
import { markdownReport, terminalReport } from "./report.js";
import { Results } from "./results.js";
import { type Part, parts, run } from "./run.js";
import { startHosts } from "./servers/hosts.js";
import { addFigures, saveFigures } from "./store.js";

const help = `Measures threadkeep beside LangGraph's own savers.

  --quick         short threads and few samples, in under 90 seconds; writes nothing into docs/
  --only PARTS    some of ${parts.join(",")};
                  writes nothing into docs/
  --write         with --only: writes into docs/, with the last run's figures for the other parts
  --folder PATH   where the SQLite databases are made: on a real disk, with 6 GB free
`;

const start = Date.now();

const progress = (text: string) => {
  const seconds = Math.round((Date.now() - start) / 1000);
  process.stderr.write(`${String(seconds).padStart(4)} s  ${text}\n`);
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: parts.join(",") },
    write: { type: "boolean", default: false },
    folder: { type: "string", default: tmpdir() },
    help: { type: "boolean", default: false },
  },
});

if (values.help) process.stdout.write(help);
else await benchmark(chosenParts(values.only));

function chosenParts(list: string): Part[] {
  const names = list.split(",");
  const chosen = parts.filter((part) => names.includes(part));
  if (chosen.length === names.length) return chosen;
  process.stderr.write(help);
  process.exit(1);
}

async function benchmark(only: readonly Part[]): Promise<void> {
  // A trace of every run would be measured along.
  process.env.LANGSMITH_TRACING = process.env.LANGCHAIN_TRACING_V2 = "false";

  const plan = values.quick ? quick : full;
  const folder = await mkdtemp(join(values.folder, "threadkeep-bench-"));
  process.once("SIGINT", () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(130);
  });
  try {
    const machine = { cores: cpus().length, node: process.versions.node, sqlite: sqliteVersion() };
    const results = new Results(machine);
    const isWhole = only.length === parts.length;
    const writes = plan === full && (isWhole || values.write);
    if (writes && !isWhole) await addFigures(results, inDocs("benchmarks.json"), only);
    await run({ plan, only, folder, results, hosts: startHosts, progress });
    process.stdout.write(`${terminalReport(results)}\n`);
    if (writes) await writeDocs(results);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeDocs(results: Results): Promise<void> {
  await saveFigures(results, inDocs("benchmarks.json"));
  await writeFile(inDocs("benchmarks.svg"), plotSvg(results));
  await writeFile(inDocs("benchmarks.md"), markdownReport(results, "benchmarks.svg"));
}

function inDocs(name: string): string {
  return fileURLToPath(new URL(`../../docs/${name}`, import.meta.url));
}
