// Prints how many tests passed and failed in a vitest JSON report; fails when none was executed.
import { existsSync, readFileSync } from "node:fs";

const [, , path] = process.argv;
const report = existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;

const passed = report?.numPassedTests ?? 0;
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
// A file that fails to load, or whose hooks fail, can hold no failed test: it counts as one.
const brokenFiles = (report?.testResults ?? []).filter(
  ({ status, assertionResults }) =>
    status === "failed" && !assertionResults.some((test) => test.status === "failed"),
).length;
const failed = (report?.numFailedTests ?? 0) + brokenFiles;

if (passed + failed === 0) {
  console.error("No test was executed.");
  process.exitCode = 1;
}
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
