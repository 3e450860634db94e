import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { interrupt } from "@langchain/langgraph";
import { Persistence, type Storage } from "@threadkeep/core";
import { SqliteStorage } from "@threadkeep/sqlite";
import { expect } from "vitest";
import { bundled } from "./bundled.js";
import { threadConfig } from "./graphs.js";
import { line, once } from "./persistence.js";

/** How a run of the program ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Start {
  readonly env?: Readonly<Record<string, string>>;
  /** Its standard input. Default: empty. */
  readonly input?: string;
  /** Of Node. */
  readonly flags?: readonly string[];
  readonly cwd?: string;
}

/** What Node is given to run the command line. */
export function cliArgs(args: readonly string[]): string[] {
  return [fileURLToPath(bundled(new URL("../child/cli.ts", import.meta.url).href)), ...args];
}

/** Runs the command line in a process of its own, without a terminal. */
export function cli(args: readonly string[], { env, input = "", flags = [], cwd }: Start = {}) {
  const { THREADKEEP_URL, NO_COLOR, FORCE_COLOR, ...others } = process.env;
  const options = { env: { ...others, ...env }, maxBuffer: 1 << 28, cwd };
  return new Promise<Ended>((resolve) => {
    const given = [...flags, ...cliArgs(args)];
    const child = execFile(process.execPath, given, options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

/** Runs it, and expects that it does what it is to do without another word. */
export async function does(args: readonly string[], start?: Start): Promise<string> {
  const { code, stdout, stderr } = await cli(args, start);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** The same, of a command that prints JSON, here of the type that the caller knows. */
// biome-ignore lint/suspicious/noExplicitAny: the checks name what they look for
export async function json(args: readonly string[], start?: Start): Promise<any> {
  return JSON.parse(await does([...args, "--json"], start));
}

/** A folder with an SQLite database in it. */
export interface Folder {
  readonly folder: string;
  readonly file: string;
  open(): Persistence;
  remove(): Promise<void>;
}

export async function createFolder(): Promise<Folder> {
  const folder = await mkdtemp(join(tmpdir(), "threadkeep-cli-"));
  const file = join(folder, "app.db");
  return {
    folder,
    file,
    open: () => new Persistence(SqliteStorage.connect(file)),
    remove: () => rm(folder, { recursive: true }),
  };
}

/** Drives a terminal, if it is let. */
export const EVIL = "\u001b[31mred\u001b]0;title\u0007\u009b2J";

const calls = [{ id: "call_1", name: "search", args: { city: "Rome" } }];

/** A trip with a tool and a subgraph; `stop` asks a human, `fail` fails. */
function graphOn({ checkpointer }: Persistence) {
  const isFirst = once();
  return line({
    model: () => ({ messages: [new AIMessage({ content: "I look.", tool_calls: calls })] }),
    tools: () => ({
      messages: [new ToolMessage({ content: "3 hotels", name: "search", tool_call_id: "call_1" })],
    }),
    sub: line({
      write: ({ note }) => {
        if (note === "stop") interrupt("Which one?");
        if (note === "fail" && isFirst()) throw new TypeError("no pen");
        return { messages: [new AIMessage("There are 3 hotels.")] };
      },
    }),
  }).compile({ checkpointer });
}

/** Sessions of three owners: one done, one that waits, one that failed, one that is evil. */
export async function seed(storage: Storage): Promise<void> {
  const persistence = new Persistence(storage);
  const { sessions } = persistence;
  await sessions.create({ id: "s1", title: "Trip to Rome", tenantId: "acme", userId: "anna" });
  await sessions.create({ id: "s2", title: "Which hotel?", tenantId: "acme", userId: "ben" });
  await sessions.create({ id: "s3", title: "Broken trip", tenantId: "globex", userId: "anna" });
  await sessions.create({ id: `x${EVIL}`, title: EVIL, userId: "eve" });
  const graph = graphOn(persistence);
  const ask = (id: string, note: string, content = "Find a hotel.") =>
    graph.invoke({ note, messages: [new HumanMessage({ id, content })] }, threadConfig(id));
  await ask("s1", "");
  await ask("s2", "stop");
  await expect(ask("s3", "fail")).rejects.toThrow("no pen");
  await ask(`x${EVIL}`, "", `Look: ${EVIL}`);
}
