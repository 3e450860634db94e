import { defineConfig } from "vitest/config";

const report = process.env.THREADKEEP_TEST_REPORT;

export default defineConfig({
  test: {
    // LangGraph's validation suite uses the global describe, it and expect.
    globals: true,
    include: ["**/*.test.ts"],
    globalSetup: "./servers/global-setup.ts",
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
  },
});
