import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/backend.ts"],
  format: ["esm", "cjs"],
  dts: true,
  clean: true,
  // The entries share one copy of each class and of each module's state, in CommonJS too.
  splitting: true,
  esbuildOptions(options, { format }) {
    // tsup splits CommonJS by way of sucrase, which makes closures of `?.` and `??`: esbuild makes
    // plain conditions of them, if told that they are not supported.
    if (format === "cjs") {
      options.supported = {
        ...options.supported,
        "nullish-coalescing": false,
        "optional-chain": false,
      };
    }
  },
});
