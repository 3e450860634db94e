import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** URL of the folder that holds them, or why there is none. */
    childBundles: { readonly url: string } | { readonly error: string };
  }
}

const TEST = fileURLToPath(new URL("..", import.meta.url));
/** Below the tests' packages: the bundles import the drivers from there. */
const CACHE = fileURLToPath(new URL("../node_modules/.cache/threadkeep", import.meta.url));

/** The programs of child processes, and the modules that they are told to open storages with. */
const ENTRIES = ["child/*.ts", "src/*-connect.ts", "faults/*-open.ts"];
/** As users have them; one is native code. */
const DRIVERS = ["better-sqlite3", "libsql", "mysql2", "pg"];

/**
 * Bundles them anew for this run: hundreds of processes start, and Node starts a bundle several
 * times faster than as many modules that are compiled one by one.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await removeLeftovers();
  const folder = join(CACHE, String(process.pid));
  const bundle = async () => {
    project.provide("childBundles", await bundleInto(folder));
  };
  await bundle();
  project.onTestsRerun(bundle);
  return () => rm(folder, { recursive: true, force: true });
}

/** What runs that were killed left behind. */
async function removeLeftovers(): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  for (const name of await readdir(CACHE)) {
    if (!isRunning(Number(name))) await rm(join(CACHE, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return pid !== process.pid && process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function bundleInto(outdir: string): Promise<{ url: string } | { error: string }> {
  try {
    await build({
      absWorkingDir: TEST,
      entryPoints: ENTRIES,
      outbase: ".",
      outdir,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      // A program and the module that it opens storages with share their classes.
      splitting: true,
      keepNames: true,
      format: "esm",
      platform: "node",
      target: "node20",
      external: DRIVERS,
      // For the libraries that are CommonJS.
      banner: {
        js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
      },
      logLevel: "silent",
    });
    return { url: pathToFileURL(`${outdir}/`).href };
  } catch (error) {
    // Only the tests that start processes need them.
    return { error: String(error) };
  }
}
