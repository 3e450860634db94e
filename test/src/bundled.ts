import { fileURLToPath } from "node:url";
import { inject } from "vitest";

const TEST = new URL("..", import.meta.url).href;

/**
 * The bundle of a module for child processes, see `bundling.ts`.
 *
 * @param module URL of the source, a file of the tests; its query stays
 */
export function bundled(module: string): string {
  const bundles = inject("childBundles");
  if ("error" in bundles) throw new Error(`no process can be started: ${bundles.error}`);
  const url = new URL(module.slice(TEST.length), bundles.url);
  url.pathname = url.pathname.replace(/\.ts$/, ".mjs");
  return url.href;
}

/**
 * What Node is given to run a program in a process of its own.
 *
 * @param program a file in `child/`
 * @param module its first argument, which it opens storages with
 */
export function childArgs(program: string, module: string, ...others: string[]): string[] {
  const source = new URL(`../child/${program}`, import.meta.url).href;
  return [fileURLToPath(bundled(source)), bundled(module), ...others];
}
