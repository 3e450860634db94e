import { paint, plural, say } from "./print.js";

const failed: string[] = [];
let passed = 0;

/** Says whether a claim of the demo holds; a claim that does not makes the demo fail. */
export function check(claim: string, holds: boolean): void {
  if (holds) {
    passed += 1;
    say(`${paint.green("✓")} ${claim}`);
  } else {
    failed.push(claim);
    say(paint.red(`✗ ${claim}`));
  }
}

export function summarizeChecks(): void {
  const total = plural(passed + failed.length, "check");
  if (failed.length === 0) {
    say(paint.green(`${total}, all passed.`));
    return;
  }
  say(paint.red(`${total}, ${failed.length} failed:`));
  for (const claim of failed) say(paint.red(`✗ ${claim}`));
  process.exitCode = 1;
}
