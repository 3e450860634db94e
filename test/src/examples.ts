import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const examples = fileURLToPath(new URL("../../examples", import.meta.url));

export interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

/** Runs TypeScript in an example's folder: without a terminal, and without any model's key. */
export function runExample(example: string, ...args: string[]): Promise<Ended> {
  const { OPENAI_API_KEY, ANTHROPIC_API_KEY, ...env } = process.env;
  const options = { cwd: join(examples, example), env };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["--import", "tsx", ...args],
      options,
      (_, stdout, stderr) => resolve({ exitCode: child.exitCode, stdout, stderr }),
    );
  });
}
