import { it, inject } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { timeTranscripts } from "./bench/transcripts.js";
it("bench", { timeout: 600000 }, async () => {
  const folder = await mkdtemp("/tmp/dbench-");
  const url = inject("postgresUrl");
  const figures = await timeTranscripts({ messages: 10000, effort: { warmup: 3, rounds: 21 } }, folder, { postgres: url });
  for (const f of figures) console.log(f.storage.padEnd(20), f.place.padEnd(8), f.question.padEnd(20), f.caches, f.milliseconds.toFixed(2), f.p95.toFixed(2));
  await rm(folder, { recursive: true });
});
