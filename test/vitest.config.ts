import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** The files spend much of their time waiting for servers and processes. */
const MIN_WORKERS = 2;
const report = process.env.THREADKEEP_TEST_REPORT;

export default defineConfig({
  test: {
    // LangGraph's validation suite uses the global describe, it and expect.
    globals: true,
    include: ["**/*.test.ts"],
    globalSetup: ["./servers/global-setup.ts", "./src/bundling.ts"],
    maxWorkers: Math.max(MIN_WORKERS, availableParallelism() - 1),
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
  },
});
