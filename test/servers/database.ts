import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createServerOf, type Recipe, type ServerOptions, type TestServer } from "./server.js";
import type { Command } from "./supervised.js";

/** The account that the tests use. */
export const USER = "threadkeep";

export interface Site {
  readonly folder: string;
  /** Where the data is to be, within the folder. */
  readonly data: string;
  /** Of `USER`. */
  readonly password: string;
}

/** A kind of database server. */
export interface Database extends Pick<Recipe, "ask" | "isStranger"> {
  readonly name: string;
  /** What to do where it cannot be started. */
  readonly advice: string;
  readonly scheme: string;
  readonly database: string;
  /** Makes its data, which are the identity that `ask` tells. */
  install(site: Site): Promise<(port: number) => Command>;
}

/** Makes a server with data of its own and starts it. */
export function createDatabase(kind: Database, options?: ServerOptions): Promise<TestServer> {
  const { name, advice } = kind;
  const prepare = (folder: string, own: ServerOptions) => recipeOf(kind, folder, own);
  return createServerOf({ name, advice, prepare }, options);
}

async function recipeOf(
  { scheme, database, install, ask, isStranger }: Database,
  folder: string,
  { flags = [] }: ServerOptions,
): Promise<Recipe> {
  const data = join(folder, "data");
  const password = randomBytes(12).toString("hex");
  const commandOf = await install({ folder, data, password });
  return {
    identity: data,
    command: (port) => {
      const command = commandOf(port);
      return { ...command, args: [...command.args, ...flags] };
    },
    url: (port) => `${scheme}://${USER}:${password}@127.0.0.1:${port}/${database}`,
    ask,
    isStranger,
  };
}
